// The pool: sandboxes that are being made, and the zygotes that fork into them.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sys.hpp"
#include "sandbox/stages.hpp"
#include "supervisor/service.hpp"

namespace executor::supervisor {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr int kFailedBuildsAtStart = 3;
constexpr std::uint32_t kForksPerZygote = 1000;
constexpr auto kZygoteLifetime = std::chrono::minutes(10);
constexpr auto kStrangersTime = std::chrono::seconds(2);
constexpr auto kBuildPause = milliseconds(50);
constexpr auto kLookPause = milliseconds(250);
constexpr int kLooksAtASilentZygote = 120;  // 30 s: a busy host is slow, another zygote would be as well
constexpr auto kZygoteStart = std::chrono::seconds(30);

}  // namespace

/// Making a sandbox and taking one apart keep both processors in the kernel for a millisecond and more. As
/// long as enough of them are ready, a program that has just begun and an answer that is on its way go first.
bool Service::is_quiet_time() const {
  return announced_ && waiting_.empty() && 2 * armed_.size() >= builder_->config().warm_pool &&
         !armed_.empty() && !free_slots_.empty() && sys::monotonic_now() < quiet_until_;
}

void Service::fill_pool() {
  if (build_again_.count() > 0) return;
  std::size_t building = 0;
  std::size_t building_processes = 0;
  for (const auto& [number, sandbox] : sandboxes_)
    if (sandbox->state == State::building_init || sandbox->state == State::building_payload)
      ++(sandbox->processes ? building_processes : building);
  const auto wanted_processes = static_cast<std::size_t>(
      std::ranges::count_if(waiting_, [](const Waiting& w) { return w.program.processes; }));
  const std::size_t wanted_strict = waiting_.size() - wanted_processes;
  while (building_processes < wanted_processes && !free_slots_.empty() && build_again_.count() == 0) {
    start_build(true);
    ++building_processes;
  }
  // at the start one sandbox is built alone: it shows whether this host can build any
  const std::size_t pool = announced_ ? builder_->config().warm_pool : 1;
  while (armed_.size() + building < pool + wanted_strict && !free_slots_.empty() &&
         build_again_.count() == 0) {
    start_build(false);
    ++building;
  }
}

void Service::start_build(bool processes) {
  const std::uint32_t slot = free_slots_.back();
  const std::uint32_t number = next_number_++;
  auto sandbox = builder_->start(number, slot, processes);
  if (!sandbox) return build_failed(0, sandbox.error());
  free_slots_.pop_back();
  watch((*sandbox)->report_read.get(), EPOLLIN, Source::report, number);
  watch((*sandbox)->init.get(), EPOLLIN, Source::init, number);
  sandboxes_.emplace(number, std::move(*sandbox));
}

void Service::on_report(Sandbox& sandbox) {
  sandbox::StageReport report{};
  const ssize_t n = ::read(sandbox.report_read.get(), &report, sizeof report);
  if (n < 0) return;
  if (n != static_cast<ssize_t>(sizeof report)) {
    if (sandbox.payload_ready) return unwatch(sandbox.report_read.get());
    return build_failed(sandbox.number,
                        errno_error("build sandbox: the payload ended without a word", ECHILD));
  }
  if (report.error_number == 0 && report.stage == sandbox::Stage::init_ready) {
    sandbox.state = State::building_payload;
    for_zygote_.push_back(sandbox.number);
    if (zygote_ready_) on_zygote();
  } else if (report.error_number == 0 && report.stage == sandbox::Stage::payload_ready) {
    sandbox.payload_ready = true;
    unwatch(sandbox.report_read.get());
    if (sandbox.payload) armed(sandbox);
  } else {
    build_failed(sandbox.number, sandbox::stage_error(report));
  }
}

/// Takes the zygote's replies, then hands it what waits.
void Service::on_zygote() {
  while (zygote_) {
    auto reply = zygote_->receive();
    if (reply) {
      on_zygote_reply(*reply);
    } else if (reply.error().code == std::errc::resource_unavailable_try_again) {
      break;
    } else {
      return zygote_died(zygote_->ending());
    }
  }
  if (next_zygote_ready_ && zygote_owes_ == 0) switch_zygote();
  while (zygote_ready_ && !next_zygote_ready_ && !for_zygote_.empty()) {
    Sandbox* const sandbox = find(for_zygote_.front());
    for_zygote_.pop_front();
    if (sandbox == nullptr || sandbox->state != State::building_payload) continue;
    if (auto r = builder_->request_payload(*sandbox, *zygote_); !r) {
      build_failed(sandbox->number, r.error());
      continue;
    }
    ++forks_;
    if (zygote_owes_++ == 0) expect_zygote();
  }
  if (forks_ >= kForksPerZygote || sys::monotonic_now() - zygote_born_ > kZygoteLifetime) renew_zygote();
}

void Service::on_zygote_reply(const zygote::ForkReply& reply) {
  if (reply.sandbox == zygote::kHello) {
    zygote_ready_ = true;
    failed_zygotes_ = 0;
    next_look_ = {};
    return;
  }
  if (--zygote_owes_ == 0)
    next_look_ = {};
  else
    expect_zygote();
  Sandbox* const sandbox = find(reply.sandbox);
  if (sandbox == nullptr || sandbox->state != State::building_payload) {
    // its sandbox is ending, and with it the namespace that the payload lives in: only the zombie is left to
    // take
    if (reply.pid > 0) {
      ::kill(reply.pid, SIGKILL);
      ::waitpid(reply.pid, nullptr, __WALL);
    }
    return;
  }
  if (reply.pid == 0)
    return build_failed(reply.sandbox, errno_error("fork payload from zygote", reply.error_number));
  if (auto r = builder_->adopt_payload(*sandbox, reply.pid); !r)
    return build_failed(reply.sandbox, r.error());
  if (sandbox->payload_ready) armed(*sandbox);
}

/// What siblings share (addresses, stack canary) is not shared for ever: a fresh zygote is started beside the
/// old one, which serves until the new one is ready and has answered by then what it was asked.
void Service::renew_zygote() {
  const auto now = sys::monotonic_now();
  if (next_zygote_ && (next_zygote_ready_ || now < next_zygote_until_)) return;
  next_zygote_.reset();
  auto zygote = builder_->start_zygote();
  if (!zygote) return;  // tried again with the next fork
  next_zygote_.emplace(std::move(*zygote));
  next_zygote_until_ = now + kZygoteStart;
  watch(next_zygote_->socket(), EPOLLIN, Source::next_zygote, 0);
}

void Service::on_next_zygote() {
  if (!next_zygote_ || next_zygote_ready_) return;
  auto hello = next_zygote_->receive();
  if (!hello && hello.error().code == std::errc::resource_unavailable_try_again) return;
  if (!hello || hello->sandbox != zygote::kHello) return next_zygote_.reset();
  next_zygote_ready_ = true;
  on_zygote();
}

void Service::switch_zygote() {
  unwatch(next_zygote_->socket());
  *zygote_ = std::move(*next_zygote_);
  next_zygote_.reset();
  next_zygote_ready_ = false;
  forks_ = 0;
  zygote_born_ = sys::monotonic_now();
  watch(zygote_->socket(), EPOLLIN, Source::zygote, 0);
}

/// It owes an answer from here.
void Service::expect_zygote() {
  looks_ = 0;
  next_look_ = sys::monotonic_now() + kLookPause;
}

/// A zygote that is stopped, or silent for long, is ended and replaced. Looks are counted and not time, so
/// that one whose whole service was frozen gets its chance.
void Service::look_at_zygote() {
  on_zygote();  // its answer may be there already
  if (next_look_.count() == 0 || sys::monotonic_now() < next_look_) return;
  if (++looks_ < kLooksAtASilentZygote && !zygote_->is_stopped()) {
    next_look_ = sys::monotonic_now() + kLookPause;
    return;
  }
  static_cast<void>(zygote_->ending());
  zygote_died(errno_error("ask zygote for a payload", ETIMEDOUT));
}

void Service::zygote_died(const Error& error) {
  zygote_ready_ = false;
  zygote_owes_ = 0;
  next_look_ = {};
  strangers_until_ = sys::monotonic_now() + kStrangersTime;
  forks_ = 0;
  ++failed_zygotes_;
  std::vector<std::uint32_t> orphans;
  for (const auto& [number, sandbox] : sandboxes_)
    if (sandbox->state == State::building_payload && !sandbox->payload) orphans.push_back(number);
  for (const std::uint32_t number : orphans)
    if (Sandbox* const sandbox = find(number)) begin_ending(*sandbox);
  if (!orphans.empty()) build_failed(0, error);  // one cause, one failure
  if (!announced_ && failed_zygotes_ >= kFailedBuildsAtStart) {
    fatal_ = error;
    return;
  }
  auto zygote = builder_->start_zygote();
  if (!zygote) {
    fatal_ = zygote.error();
    return;
  }
  *zygote_ = std::move(*zygote);
  zygote_born_ = sys::monotonic_now();
  watch(zygote_->socket(), EPOLLIN, Source::zygote, 0);
  expect_zygote();
  // one that dies again and again must not take the processor with it
  if (failed_zygotes_ > 1) build_again_ = sys::monotonic_now() + kBuildPause * failed_zygotes_;
}

/// A zygote that was killed may have forked a payload that it never told of. As long as that is not reaped,
/// the kernel keeps its sandbox.
void Service::reap_strangers() {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || info.si_pid == 0) return;
  const bool known = std::ranges::any_of(sandboxes_, [&](const auto& entry) {
    return entry.second->init_pid == info.si_pid || entry.second->payload_pid == info.si_pid;
  });
  if (!known) ::waitpid(info.si_pid, nullptr, __WALL);
}

void Service::armed(Sandbox& sandbox) {
  if (auto r = builder_->arm(sandbox); !r) return build_failed(sandbox.number, r.error());
  sandbox.state = State::armed;
  failed_builds_ = 0;
  watch(sandbox.payload.get(), EPOLLIN, Source::payload, sandbox.number);
  watch(sandbox.listener.get(), EPOLLIN, Source::listener, sandbox.number);
  sandbox.report_read.reset();
  if (!announced_) {
    announced_ = true;
    send(encode(ReadyMessage{builder_->isolation(), leaks_removed_}));
  }
  const auto waits = std::ranges::find_if(
      waiting_, [&](const Waiting& waiting) { return waiting.program.processes == sandbox.processes; });
  if (waits == waiting_.end()) {
    armed_.push_back(sandbox.number);
    statistics_soon();
    return;
  }
  Waiting waiting = std::move(*waits);
  waiting_.erase(waits);
  hand_over(sandbox, std::move(waiting));
}

/// One build did not come to its end; 0 stands for one that did not even begin. The first that waits hears of
/// it.
void Service::build_failed(std::uint32_t number, const Error& error) {
  ++failed_builds_;
  if (!announced_ && failed_builds_ >= kFailedBuildsAtStart) fatal_ = error;
  build_again_ = sys::monotonic_now() + kBuildPause;
  if (failed_builds_ >= kFailedBuildsAtStart && !waiting_.empty()) {
    answer_failure(waiting_.front().id, error);
    waiting_.pop_front();
  }
  if (Sandbox* const sandbox = find(number)) begin_ending(*sandbox);
}

}  // namespace executor::supervisor
