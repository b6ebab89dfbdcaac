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
constexpr auto kBusyAfterHandOver = milliseconds(20);
constexpr auto kBuildPause = milliseconds(50);
constexpr auto kLookPause = milliseconds(250);
constexpr int kLooksAtASilentZygote = 120;  // 30 s: a busy host is slow, another zygote would be as well
constexpr int kLongestZygotePause = 100;    // times kBuildPause
constexpr auto kZygoteStart = std::chrono::seconds(30);
constexpr auto kInterpreterStart = std::chrono::seconds(30);

}  // namespace

/// Making a sandbox and taking one apart keep both processors in the kernel for a millisecond and more. As
/// long as enough of them are ready, a program that has just begun and an answer that is on its way go first.
bool Service::is_quiet_time() const {
  const auto ready = static_cast<std::size_t>(std::ranges::count_if(
      armed_, [&](std::uint32_t number) { return sandboxes_.at(number)->runtime == quiet_runtime_; }));
  return announced_ && waiting_.empty() && 2 * ready >= builder_->config().warm_pool && ready > 0 &&
         !free_slots_.empty() && sys::monotonic_now() < quiet_until_;
}

/// Programs end faster than sandboxes are made. What is done for a program ahead of it, and needed by most
/// and not by all, then costs others more than it gives.
bool Service::is_hurried(std::size_t runtime) const {
  if (sys::monotonic_now() >= last_hand_over_ + kBusyAfterHandOver) return false;
  const std::size_t size = pool_size(runtime);
  const bool used_up = size > 1 && 2 * ready_count(runtime) < size;
  return used_up || std::ranges::find(waiting_, runtime, &Waiting::runtime) != waiting_.end();
}

bool Service::is_embedded(std::size_t runtime) const {
  return builder_->config().runtimes[runtime].start == Start::zygote;
}

/// Sandboxes of the strict filter that are to be ready. Where nobody has asked for a runtime in a while it is
/// half of them (one at least, where there are any): as many as a first burst needs while the others are made
/// again. An interpreter that is a program of its own takes far more memory than a fork of a zygote: it is
/// kept ready only where its language is in use.
std::size_t Service::pool_size(std::size_t runtime) const {
  // at the start one sandbox is built alone: it shows whether this host can build any
  if (!announced_) return runtime == 0 ? 1 : 0;
  const std::size_t full = builder_->config().warm_pool;
  if (sys::monotonic_now() < pools_[runtime].wanted_until) return full;
  return is_embedded(runtime) ? (full + 1) / 2 : 0;
}

std::size_t Service::ready_count(std::size_t runtime) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      armed_, [&](std::uint32_t number) { return sandboxes_.at(number)->runtime == runtime; }));
}

void Service::fill_pools() {
  for (std::size_t runtime = 0; runtime < pools_.size(); ++runtime) fill_pool(runtime);
}

void Service::fill_pool(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  if (pool.build_again.count() > 0) return;
  std::size_t building = 0;
  std::size_t building_processes = 0;
  for (const auto& [number, sandbox] : sandboxes_)
    if (sandbox->runtime == runtime && sandbox->state < State::armed)
      ++(sandbox->processes ? building_processes : building);
  std::size_t wanted_processes = 0;
  std::size_t wanted = pool_size(runtime);
  for (const Waiting& waiting : waiting_)
    if (waiting.runtime == runtime) ++(waiting.program.processes ? wanted_processes : wanted);
  const std::size_t ready = ready_count(runtime);
  if (wanted + wanted_processes > 0 && !pool.zygote)
    if (auto r = start_zygote(runtime); !r) return build_failed(0, runtime, r.error());
  for (; building_processes < wanted_processes && !free_slots_.empty() && pool.build_again.count() == 0;
       ++building_processes)
    start_build(runtime, true);
  for (; ready + building < wanted && !free_slots_.empty() && pool.build_again.count() == 0; ++building)
    start_build(runtime, false);
}

Result<void> Service::start_zygote(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  auto zygote = builder_->start_zygote(runtime);
  if (!zygote) return zygote.error();
  if (pool.zygote)
    *pool.zygote = std::move(*zygote);
  else
    pool.zygote.emplace(std::move(*zygote));
  pool.zygote_born = sys::monotonic_now();
  watch(pool.zygote->socket(), EPOLLIN, Source::zygote, static_cast<std::uint32_t>(runtime));
  expect_answer(pool);
  return {};
}

/// Its zygote owes one from here.
void Service::expect_answer(Pool& pool) {
  pool.looks = 0;
  pool.next_look = sys::monotonic_now() + kLookPause;
}

/// The sandboxes of a runtime that nobody has asked for in a while.
void Service::end_unwanted() {
  const auto now = sys::monotonic_now();
  for (std::size_t runtime = 0; runtime < pools_.size(); ++runtime) {
    if (pools_[runtime].wanted_until.count() == 0 || now < pools_[runtime].wanted_until) continue;
    pools_[runtime].wanted_until = {};
    while (ready_count(runtime) > pool_size(runtime)) begin_ending(*take_armed(runtime, false));
    statistics_soon();
  }
}

void Service::start_build(std::size_t runtime, bool processes) {
  const std::uint32_t slot = free_slots_.back();
  const std::uint32_t number = next_number_++;
  const auto began = sys::monotonic_now();
  auto sandbox = builder_->start(number, slot, runtime, processes);
  if (!sandbox) return build_failed(0, runtime, sandbox.error());
  (*sandbox)->stage_began = began;
  (*sandbox)->stage_over(SetupStage::namespaces);
  free_slots_.pop_back();
  watch((*sandbox)->report_read.get(), EPOLLIN, Source::report, number);
  watch((*sandbox)->init.get(), EPOLLIN, Source::init, number);
  sandboxes_.emplace(number, std::move(*sandbox));
}

void Service::on_report(Sandbox& sandbox) {
  // what a boot script says may be here before the zygote's reply: it stays in the pipe until then
  if (sandbox.payload_ready && !sandbox.payload) return unwatch(sandbox.report_read.get());
  sandbox::StageReport report{};
  const ssize_t n = ::read(sandbox.report_read.get(), &report, sizeof report);
  if (n < 0) return;
  if (n == 1 && sandbox.state == State::starting) return armed(sandbox);  // the word of a boot script
  if (n != static_cast<ssize_t>(sizeof report))
    return build_failed(sandbox.number, sandbox.runtime,
                        errno_error("build sandbox: the payload ended without a word", ECHILD));
  Pool& pool = pools_[sandbox.runtime];
  if (report.error_number == 0 && report.stage == sandbox::Stage::init_ready) {
    sandbox.stage_over(SetupStage::init);
    sandbox.state = State::building_payload;
    pool.for_zygote.push_back(sandbox.number);
    if (pool.zygote_ready) on_zygote(sandbox.runtime);
  } else if (report.error_number == 0 && report.stage == sandbox::Stage::payload_ready) {
    sandbox.payload_ready = true;
    if (sandbox.payload) payload_stands(sandbox);
  } else {
    build_failed(sandbox.number, sandbox.runtime, sandbox::stage_error(report));
  }
}

/// Takes the zygote's replies, then hands it what waits.
void Service::on_zygote(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  while (pool.zygote) {
    auto reply = pool.zygote->receive();
    if (reply) {
      on_zygote_reply(pool, *reply);
    } else if (reply.error().code == std::errc::resource_unavailable_try_again) {
      break;
    } else {
      return zygote_died(runtime, pool.zygote->ending());
    }
  }
  if (pool.next_zygote_ready && pool.zygote_owes == 0) switch_zygote(runtime);
  while (pool.zygote_ready && !pool.next_zygote_ready && !pool.for_zygote.empty()) {
    Sandbox* const sandbox = find(pool.for_zygote.front());
    pool.for_zygote.pop_front();
    if (sandbox == nullptr || sandbox->state != State::building_payload) continue;
    if (auto r = builder_->request_payload(*sandbox, *pool.zygote, is_hurried(runtime)); !r) {
      build_failed(sandbox->number, runtime, r.error());
      continue;
    }
    ++pool.forks;
    if (pool.zygote_owes++ == 0) expect_answer(pool);
  }
  // an interpreter that is executed has addresses of its own each time
  const bool old = pool.forks >= kForksPerZygote || sys::monotonic_now() - pool.zygote_born > kZygoteLifetime;
  if (is_embedded(runtime) && old) renew_zygote(runtime);
}

void Service::on_zygote_reply(Pool& pool, const zygote::ForkReply& reply) {
  if (reply.sandbox == zygote::kHello) {
    pool.zygote_ready = true;
    pool.failed_zygotes = 0;
    pool.next_look = {};
    return;
  }
  if (--pool.zygote_owes == 0)
    pool.next_look = {};
  else
    expect_answer(pool);
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
    return build_failed(reply.sandbox, sandbox->runtime,
                        errno_error("fork payload from zygote", reply.error_number));
  if (auto r = builder_->adopt_payload(*sandbox, reply.pid); !r)
    return build_failed(reply.sandbox, sandbox->runtime, r.error());
  sandbox->stage_over(SetupStage::fork);
  if (sandbox->payload_ready) payload_stands(*sandbox);
}

/// What siblings share (addresses, stack canary) is not shared for ever: a fresh zygote is started beside the
/// old one, which serves until the new one is ready and has answered by then what it was asked.
void Service::renew_zygote(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  const auto now = sys::monotonic_now();
  if (pool.next_zygote && (pool.next_zygote_ready || now < pool.next_zygote_until)) return;
  pool.next_zygote.reset();
  auto zygote = builder_->start_zygote(runtime);
  if (!zygote) return;  // tried again with the next fork
  pool.next_zygote.emplace(std::move(*zygote));
  pool.next_zygote_until = now + kZygoteStart;
  watch(pool.next_zygote->socket(), EPOLLIN, Source::next_zygote, static_cast<std::uint32_t>(runtime));
}

void Service::on_next_zygote(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  if (!pool.next_zygote || pool.next_zygote_ready) return;
  auto hello = pool.next_zygote->receive();
  if (!hello && hello.error().code == std::errc::resource_unavailable_try_again) return;
  if (!hello || hello->sandbox != zygote::kHello) return pool.next_zygote.reset();
  pool.next_zygote_ready = true;
  on_zygote(runtime);
}

void Service::switch_zygote(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  unwatch(pool.next_zygote->socket());
  *pool.zygote = std::move(*pool.next_zygote);
  pool.next_zygote.reset();
  pool.next_zygote_ready = false;
  pool.forks = 0;
  pool.zygote_born = sys::monotonic_now();
  watch(pool.zygote->socket(), EPOLLIN, Source::zygote, static_cast<std::uint32_t>(runtime));
}

/// A zygote that is stopped, or silent for long, is ended and replaced. Looks are counted and not time, so
/// that one whose whole service was frozen gets its chance.
void Service::look_at_zygote(std::size_t runtime) {
  Pool& pool = pools_[runtime];
  on_zygote(runtime);  // its answer may be there already
  if (pool.next_look.count() == 0 || sys::monotonic_now() < pool.next_look) return;
  if (++pool.looks < kLooksAtASilentZygote && !pool.zygote->is_stopped()) {
    pool.next_look = sys::monotonic_now() + kLookPause;
    return;
  }
  static_cast<void>(pool.zygote->ending());
  zygote_died(runtime, errno_error("ask zygote for a payload", ETIMEDOUT));
}

void Service::zygote_died(std::size_t runtime, const Error& error) {
  Pool& pool = pools_[runtime];
  pool.zygote_ready = false;
  pool.zygote_owes = 0;
  pool.next_look = {};
  strangers_until_ = sys::monotonic_now() + kStrangersTime;
  pool.forks = 0;
  ++pool.failed_zygotes;
  std::vector<std::uint32_t> orphans;
  for (const auto& [number, sandbox] : sandboxes_)
    if (sandbox->runtime == runtime && sandbox->state == State::building_payload && !sandbox->payload)
      orphans.push_back(number);
  for (const std::uint32_t number : orphans)
    if (Sandbox* const sandbox = find(number)) begin_ending(*sandbox);
  if (!orphans.empty() || pool.failed_zygotes > 1) build_failed(0, runtime, error);  // one cause, one failure
  if (!announced_ && pool.failed_zygotes >= kFailedBuildsAtStart) fatal_ = error;
  if (pool.failed_zygotes > 1) {
    // one that dies again and again must not take the processor with it: the next build starts the next
    pool.zygote.reset();
    pool.build_again =
        sys::monotonic_now() + kBuildPause * std::min(pool.failed_zygotes, kLongestZygotePause);
    return;
  }
  if (auto r = start_zygote(runtime); !r) fatal_ = r.error();
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

/// For a while after a zygote's end, and on a host that gives us no processor for that long for as long as
/// the end of an init does not come, which waits for a payload that nobody has heard of.
void Service::look_for_strangers(nanoseconds now) {
  reap_strangers();
  if (now < strangers_until_) return;
  const bool awaited = std::ranges::any_of(sandboxes_, [](const auto& entry) {
    const Sandbox& sandbox = *entry.second;
    return sandbox.state == State::ending && !sandbox.payload && !sandbox.init_reaped;
  });
  strangers_until_ = awaited ? now + kStrangersTime : nanoseconds(0);
}

/// Every layer is on. Where the payload is to execute an interpreter ahead of its program, that goes on now.
void Service::payload_stands(Sandbox& sandbox) {
  if (auto r = builder_->arm(sandbox); !r) return build_failed(sandbox.number, sandbox.runtime, r.error());
  sandbox.stage_over(SetupStage::payload);
  sandbox.may_execute = !is_embedded(sandbox.runtime) && !sandbox.processes;
  watch(sandbox.payload.get(), EPOLLIN, Source::payload, sandbox.number);
  watch(sandbox.listener.get(), EPOLLIN, Source::listener, sandbox.number);
  if (builder_->config().runtimes[sandbox.runtime].start != Start::prestart) return armed(sandbox);
  if (::write(sandbox.stdin_write.get(), "g", 1) != 1)
    return build_failed(sandbox.number, sandbox.runtime, errno_error("let the interpreter begin", errno));
  sandbox.state = State::starting;
  sandbox.wall_deadline = sys::monotonic_now() + kInterpreterStart;
  watch(sandbox.report_read.get(), EPOLLIN, Source::report, sandbox.number);
}

void Service::armed(Sandbox& sandbox) {
  if (sandbox.state == State::starting) sandbox.stage_over(SetupStage::interpreter);
  sandbox.state = State::armed;
  SandboxFigures& figures = statistics_.figures;
  ++figures.built;
  for (std::size_t stage = 0; stage < figures.setup.size(); ++stage)
    figures.setup[stage] += sandbox.setup[stage];
  pools_[sandbox.runtime].failed_builds = 0;
  unwatch(sandbox.report_read.get());
  sandbox.report_read.reset();
  if (!announced_) {
    announced_ = true;
    for (std::size_t runtime = 0; runtime < pools_.size(); ++runtime)
      if (is_embedded(runtime))
        pools_[runtime].wanted_until = sys::monotonic_now() + builder_->config().pool_idle;
    send(encode(ReadyMessage{builder_->isolation(), leaks_removed_}));
  }
  const auto waits = std::ranges::find_if(waiting_, [&](const Waiting& waiting) {
    return waiting.runtime == sandbox.runtime && waiting.program.processes == sandbox.processes;
  });
  if (waits == waiting_.end()) {
    // made for a program that was cancelled meanwhile
    if (sandbox.processes || ready_count(sandbox.runtime) >= pool_size(sandbox.runtime))
      return begin_ending(sandbox);
    armed_.push_back(sandbox.number);
    statistics_soon();
    return;
  }
  Waiting waiting = std::move(*waits);
  waiting_.erase(waits);
  hand_over(sandbox, std::move(waiting));
}

/// One build did not come to its end; 0 stands for one that did not even begin. The first that waits for such
/// a sandbox hears of it.
void Service::build_failed(std::uint32_t number, std::size_t runtime, const Error& error) {
  Pool& pool = pools_[runtime];
  ++pool.failed_builds;
  if (!announced_ && pool.failed_builds >= kFailedBuildsAtStart) fatal_ = error;
  pool.build_again = sys::monotonic_now() + kBuildPause;
  const auto waits = std::ranges::find(waiting_, runtime, &Waiting::runtime);
  if (pool.failed_builds >= kFailedBuildsAtStart && waits != waiting_.end()) {
    answer_failure(waits->id, error);
    waiting_.erase(waits);
  }
  if (Sandbox* const sandbox = find(number)) begin_ending(*sandbox);
}

}  // namespace executor::supervisor
