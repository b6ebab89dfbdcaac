#include "supervisor/service.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/sys.hpp"
#include "sandbox/stages.hpp"
#include "seccomp/profile.hpp"

namespace executor::supervisor {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr int kFailedBuildsAtStart = 3;
constexpr std::uint32_t kForksPerZygote = 1000;
constexpr auto kZygoteLifetime = std::chrono::minutes(10);
constexpr auto kShortestCpuCheck = milliseconds(5);
constexpr auto kRemovalPause = milliseconds(1);
constexpr int kRemovalAttempts = 2000;
constexpr auto kStatisticsPause = milliseconds(200);
constexpr auto kStrangersPause = milliseconds(10);
constexpr auto kStrangersTime = std::chrono::seconds(2);
constexpr auto kBuildPause = milliseconds(50);
constexpr auto kQuietAfterHandOver = milliseconds(3);
constexpr auto kQuietAfterAnswer = milliseconds(1);

std::uint64_t event_key(std::uint8_t source, std::uint32_t number) {
  return (static_cast<std::uint64_t>(number) << 8) | source;
}

FailedMessage failed_message(const Error& error) { return {error.stage, error.what, error.code.value()}; }

}  // namespace

Service::Service(std::unique_ptr<Builder> builder, UniqueFd front, std::size_t leaks_removed)
    : builder_(std::move(builder)), front_(std::move(front)), leaks_removed_(leaks_removed) {
  for (std::uint32_t slot = builder_->config().max_live; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

Service::~Service() {
  for (auto& [number, sandbox] : sandboxes_) sandbox->kill();
  zygote_.reset();
  next_zygote_.reset();
  // in any order: an init ends only when the payload in its namespace has been reaped
  while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
  for (auto& [number, sandbox] : sandboxes_)
    for (int i = 0; i < kRemovalAttempts && !sandbox->leaf->remove(); ++i) ::usleep(500);
}

// ---------------------------------------------------------------------------------------------------- the
// loop

Result<void> Service::run() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return errno_error("make epoll", errno);
  if (auto r = sys::set_nonblocking(front_.get()); !r) return r;
  watch(front_.get(), EPOLLIN, Source::front, 0);
  auto zygote = builder_->start_zygote();
  if (!zygote) return zygote.error();
  zygote_.emplace(std::move(*zygote));
  zygote_born_ = sys::monotonic_now();
  watch(zygote_->socket(), EPOLLIN, Source::zygote, 0);
  fill_pool();

  while (!front_closed_ && !fatal_) {
    std::array<epoll_event, 64> events;
    timespec timeout{};
    const auto deadline = next_deadline();
    if (deadline) {
      const auto left = std::max(nanoseconds(0), *deadline - sys::monotonic_now());
      timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    const int n = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 deadline ? &timeout : nullptr, nullptr);
    if (n < 0 && errno != EINTR) return errno_error("wait for events", errno);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
      dispatch(static_cast<Source>(key & 0xff), static_cast<std::uint32_t>(key >> 8),
               events[static_cast<std::size_t>(i)].events);
    }
    check_deadlines();
    flush_front();
    if (!is_quiet_time()) {
      quiet_until_ = {};
      end_answered();
      fill_pool();
    }
  }
  if (fatal_) return *fatal_;
  return {};
}

void Service::watch(int fd, std::uint32_t events, Source source, std::uint32_t number) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = event_key(static_cast<std::uint8_t>(source), number);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Service::unwatch(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

Sandbox* Service::find(std::uint32_t number) {
  const auto at = sandboxes_.find(number);
  return at == sandboxes_.end() ? nullptr : at->second.get();
}

void Service::dispatch(Source source, std::uint32_t number, std::uint32_t events) {
  if (source == Source::front) return on_front();
  if (source == Source::zygote) return on_zygote();
  if (source == Source::next_zygote) return on_next_zygote();
  Sandbox* const sandbox = find(number);
  if (sandbox == nullptr) return;  // an event of one that ended a moment ago
  switch (source) {
    case Source::report:
      return on_report(*sandbox);
    case Source::out:
      return on_output(*sandbox, sandbox->out, source);
    case Source::err:
      return on_output(*sandbox, sandbox->err, source);
    case Source::input:
      return on_input(*sandbox);
    case Source::payload:
      return on_payload_end(*sandbox);
    case Source::listener:
      // hung up: no process uses the filter any more, and before Linux 6.11 a receive would wait for one for
      // ever
      if ((events & EPOLLIN) == 0) return unwatch(sandbox->listener.get());
      return on_listener(*sandbox);
    case Source::init:
      return on_init_end(*sandbox);
    case Source::oom:
      return on_oom(*sandbox);
    default:
      return;
  }
}

std::optional<nanoseconds> Service::next_deadline() const {
  std::optional<nanoseconds> next;
  const auto consider = [&next](nanoseconds when) { next = next ? std::min(*next, when) : when; };
  for (const auto& [number, sandbox] : sandboxes_) {
    if (sandbox->state != State::running || sandbox->is_channel || sandbox->killed_for) continue;
    consider(std::min(sandbox->wall_deadline, sandbox->next_cpu_check));
  }
  for (const auto& [number, when] : removals_) consider(when);
  if (build_again_.count() > 0) consider(build_again_);
  if (const auto now = sys::monotonic_now(); strangers_until_ > now) consider(now + kStrangersPause);
  if (next_statistics_.count() > 0) consider(next_statistics_);
  if (quiet_until_.count() > 0) consider(quiet_until_);
  return next;
}

void Service::check_deadlines() {
  const auto now = sys::monotonic_now();
  for (auto& [number, sandbox] : sandboxes_) {
    if (sandbox->state != State::running || sandbox->is_channel || sandbox->killed_for) continue;
    if (now < sandbox->wall_deadline && now < sandbox->next_cpu_check) continue;
    const nanoseconds limit = sandbox->limits.cpu_time;
    const nanoseconds used = sandbox->cpu_used();
    // with equal limits a program that spun all the time reaches both at once: then the cause is named
    const bool spun = limit == sandbox->limits.wall_time && now >= sandbox->wall_deadline &&
                      used >= sandbox->limits.wall_time - sandbox->limits.wall_time / 10;
    if (used >= limit || spun) {
      stop(*sandbox, Ending::cpu_time_limit);
    } else if (now >= sandbox->wall_deadline) {
      stop(*sandbox, Ending::wall_time_limit);
    } else {
      const auto cpus = std::max<std::uint64_t>(1, (sandbox->limits.nano_cpus + 999'999'999) / 1'000'000'000);
      sandbox->next_cpu_check = now + std::max<nanoseconds>(kShortestCpuCheck, (limit - used) / cpus);
    }
  }
  std::vector<std::uint32_t> due;
  for (const auto& [number, when] : removals_)
    if (when <= now) due.push_back(number);
  for (const std::uint32_t number : due) try_remove(number);
  if (build_again_.count() > 0 && now >= build_again_) build_again_ = {};
  if (strangers_until_ > now) reap_strangers();
  if (next_statistics_.count() > 0 && now >= next_statistics_) send_statistics();
}

// ---------------------------------------------------------------------------------------------------- front

void Service::on_front() {
  static std::array<char, 256 * kKiB> chunk;
  for (;;) {
    const ssize_t n = ::recv(front_.get(), chunk.data(), chunk.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (n <= 0) {
      front_closed_ = true;
      return;
    }
    incoming_.append({chunk.data(), static_cast<std::size_t>(n)});
    if (static_cast<std::size_t>(n) < chunk.size()) break;
  }
  while (const auto frame = incoming_.next()) on_frame(*frame);
  if (incoming_.broken()) front_closed_ = true;
}

void Service::on_frame(const FrameSplitter::Frame& frame) {
  if (frame.type == MessageType::run) {
    if (auto message = decode<RunMessage>(frame.body))
      return accept({message->id, std::move(message->program), false});
  } else if (frame.type == MessageType::open_channel) {
    if (auto message = decode<OpenChannelMessage>(frame.body))
      return accept({message->id, std::move(message->program), true});
  } else if (frame.type == MessageType::cancel) {
    if (const auto message = decode<CancelMessage>(frame.body)) return cancel(message->id);
  }
  front_closed_ = true;  // not our front
}

void Service::send(std::string_view frame) {
  outgoing_ += frame;
  flush_front();
}

void Service::flush_front() {
  std::size_t written = 0;
  while (written < outgoing_.size()) {
    const ssize_t n =
        ::send(front_.get(), outgoing_.data() + written, outgoing_.size() - written, MSG_NOSIGNAL);
    if (n < 0) break;
    written += static_cast<std::size_t>(n);
  }
  if (written > 0) outgoing_.erase(0, written);
  const std::uint32_t wanted = EPOLLIN | (outgoing_.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT));
  if (wanted != std::exchange(front_events_, wanted)) watch(front_.get(), wanted, Source::front, 0);
}

void Service::announce_failure(const Error& error) { send(encode(failed_message(error))); }

void Service::accept(Waiting waiting) {
  while (Sandbox* const sandbox = take_armed(waiting.program.processes)) {
    on_payload_end(*sandbox);  // its death may not have been heard of yet
    if (sandbox->state != State::armed) continue;
    ++statistics_.warm_hits;
    return hand_over(*sandbox, std::move(waiting));
  }
  ++statistics_.warm_misses;
  waiting_.push_back(std::move(waiting));
}

/// The longest waiting sandbox with that filter, no longer in the pool; nullptr when there is none.
Sandbox* Service::take_armed(bool processes) {
  const auto warm = std::ranges::find_if(
      armed_, [&](std::uint32_t number) { return sandboxes_.at(number)->processes == processes; });
  if (warm == armed_.end()) return nullptr;
  Sandbox* const sandbox = sandboxes_.at(*warm).get();
  armed_.erase(warm);
  return sandbox;
}

void Service::cancel(std::uint64_t run_id) {
  const auto waits = std::ranges::find(waiting_, run_id, &Waiting::id);
  if (waits != waiting_.end()) {
    FinishedMessage message;
    message.id = run_id;
    message.outcome.ending = Ending::cancelled;
    waiting_.erase(waits);
    return send(encode(message));
  }
  for (auto& [number, sandbox] : sandboxes_)
    if (sandbox->state == State::running && sandbox->run_id == run_id)
      return stop(*sandbox, Ending::cancelled);
}

void Service::send_statistics() {
  next_statistics_ = {};
  statistics_.warm = static_cast<std::uint32_t>(armed_.size());
  statistics_.live = static_cast<std::uint32_t>(std::ranges::count_if(sandboxes_, [](const auto& entry) {
    return entry.second->state == State::running && !entry.second->is_channel;
  }));
  send(encode(statistics_));
}

// ----------------------------------------------------------------------------------------------------
// building

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
      return zygote_died();
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
    ++zygote_owes_;
  }
  if (forks_ >= kForksPerZygote || sys::monotonic_now() - zygote_born_ > kZygoteLifetime) renew_zygote();
}

void Service::on_zygote_reply(const zygote::ForkReply& reply) {
  if (reply.sandbox == zygote::kHello) {
    zygote_ready_ = true;
    failed_zygotes_ = 0;
    return;
  }
  --zygote_owes_;
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
  if (next_zygote_) return;
  auto zygote = builder_->start_zygote();
  if (!zygote) return;  // tried again with the next fork
  next_zygote_.emplace(std::move(*zygote));
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

void Service::zygote_died() {
  zygote_ready_ = false;
  zygote_owes_ = 0;
  strangers_until_ = sys::monotonic_now() + kStrangersTime;
  forks_ = 0;
  ++failed_zygotes_;
  const Error error = zygote_->ending();
  std::vector<std::uint32_t> orphans;
  for (const auto& [number, sandbox] : sandboxes_)
    if (sandbox->state == State::building_payload && !sandbox->payload) orphans.push_back(number);
  for (const std::uint32_t number : orphans) build_failed(number, error);
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
    if (next_statistics_.count() == 0) next_statistics_ = sys::monotonic_now() + kStatisticsPause;
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

// ----------------------------------------------------------------------------------------------------
// running

Result<void> Service::apply_limits(Sandbox& sandbox, const Limits& limits) {
  const Limits& built = sandbox.limits;
  const cgroup::LeafLimits wanted{limits.memory_max, limits.nano_cpus, limits.pids_max};
  if (wanted != cgroup::LeafLimits{built.memory_max, built.nano_cpus, built.pids_max})
    if (auto r = sandbox.leaf->set_limits(wanted); !r) return r;
  const auto set = [&](__rlimit_resource resource, std::uint64_t before, std::uint64_t now) -> Result<void> {
    if (before == now) return {};
    const rlimit limit{now, now};
    if (::prlimit(sandbox.payload_pid, resource, &limit, nullptr) != 0)
      return errno_error("set resource limit of payload", errno);
    return {};
  };
  if (auto r = set(RLIMIT_NOFILE, built.open_files, limits.open_files); !r) return r;
  if (auto r = set(RLIMIT_FSIZE, built.file_size, limits.file_size); !r) return r;
  if (auto r = set(RLIMIT_STACK, built.stack_size, limits.stack_size); !r) return r;
  sandbox.limits = limits;
  return {};
}

void Service::hand_over(Sandbox& sandbox, Waiting waiting) {
  sandbox.run_id = waiting.id;
  sandbox.is_channel = waiting.is_channel;
  if (auto r = apply_limits(sandbox, waiting.program.limits); !r) {
    answer_failure(waiting.id, r.error());
    return begin_ending(sandbox);
  }
  zygote::HandOver hand_over{std::move(waiting.program.source), std::move(waiting.program.args), {}, {}};
  for (SourceFile& file : waiting.program.files) {
    hand_over.file_paths.push_back(std::move(file.path));
    hand_over.file_contents.push_back(std::move(file.content));
  }
  ArchiveWriter body;
  body(hand_over);
  ArchiveWriter input;
  input(static_cast<std::uint32_t>(body.bytes().size()));
  sandbox.input = input.take() + body.bytes() + waiting.program.stdin_bytes;
  sandbox.out.cap = sandbox.limits.stdout_max;
  sandbox.err.cap = sandbox.limits.stderr_max;
  sandbox.state = State::running;
  if (!sandbox.is_channel) watch(sandbox.out.pipe.get(), EPOLLIN, Source::out, sandbox.number);
  if (sandbox.oom_event >= 0) watch(sandbox.oom_event, EPOLLIN, Source::oom, sandbox.number);
  watch(sandbox.err.pipe.get(), EPOLLIN, Source::err, sandbox.number);

  sandbox.cpu_at_start = {};
  sandbox.cpu_at_start = sandbox.cpu_used();
  sandbox.started = sys::monotonic_now();
  quiet_until_ = sandbox.started + kQuietAfterHandOver;
  sandbox.wall_deadline = sandbox.started + sandbox.limits.wall_time;
  sandbox.next_cpu_check =
      sandbox.started + std::max<nanoseconds>(kShortestCpuCheck, sandbox.limits.cpu_time);
  sandbox.write_input();
  if (sandbox.stdin_write && !sandbox.input.empty())
    watch(sandbox.stdin_write.get(), EPOLLOUT, Source::input, sandbox.number);
  else if (sandbox.is_channel)
    open_channel(sandbox);
}

/// The front gets the channel's ends; its own input goes on behind the hand-over.
void Service::open_channel(Sandbox& sandbox) {
  flush_front();
  const std::string frame = encode(ChannelOpenedMessage{sandbox.run_id});
  const int fds[] = {sandbox.stdin_write.get(), sandbox.out.pipe.get()};
  // the descriptors travel with the frame's bytes, so nothing may stand before it unsent
  if (!outgoing_.empty() || !sys::send_with_fds(front_.get(), frame, fds)) {
    answer_failure(sandbox.run_id, errno_error("open channel to a sandbox", EAGAIN));
    return begin_ending(sandbox);
  }
  sandbox.stdin_write.reset();
  sandbox.out.pipe.reset();
}

void Service::on_input(Sandbox& sandbox) {
  sandbox.write_input();
  if (!sandbox.input.empty()) return;
  if (!sandbox.is_channel) return;
  unwatch(sandbox.stdin_write.get());
  open_channel(sandbox);
}

void Service::on_output(Sandbox& sandbox, Capture& capture, Source source) {
  if (sandbox.is_channel && source == Source::err)
    capture.bytes.clear();  // nobody reads a channel's complaints
  capture.read_available(1);
  if (capture.closed) return unwatch(capture.pipe.get());
  if (capture.truncated) {
    unwatch(capture.pipe.get());
    stop(sandbox, Ending::output_limit);
  }
}

/// A call that ends the program: the thread that made it is blocked in it, and stays so.
void Service::on_listener(Sandbox& sandbox) {
  seccomp_notif notification{};
  if (::ioctl(sandbox.listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) {
    if (errno == ENOENT) return;             // the process died meanwhile
    return unwatch(sandbox.listener.get());  // no process uses the filter any more
  }
  constexpr int kX32Bit = 0x40000000;
  const bool native = notification.data.arch == AUDIT_ARCH_X86_64 && notification.data.nr < kX32Bit;
  if (native && notification.data.nr == SYS_exit_group)
    return on_exit_call(sandbox, notification.id, static_cast<int>(notification.data.args[0] & 0xff));
  sandbox.violation = native ? seccomp::syscall_name(notification.data.nr) : "foreign architecture";
  unwatch(sandbox.listener.get());
  sandbox.kill();
}

/// The program ends by itself, with this status. Taking apart what is left of it takes as long as many a
/// program runs, so nobody waits for it: the process is stopped, and killed once the answer is on its way.
void Service::on_exit_call(Sandbox& sandbox, std::uint64_t notification, int status) {
  if (sandbox.state != State::running || sandbox.is_channel || sandbox.killed_for) {
    seccomp_notif_resp go_on{};
    go_on.id = notification;
    go_on.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ::ioctl(sandbox.listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &go_on);
    return;
  }
  // its other threads, if it has any, stop here too
  sys::raw::pidfd_send_signal(sandbox.payload.get(), SIGSTOP);
  const auto end = sys::monotonic_now();
  const std::string facts = sandbox.read_status();
  sandbox.status = {CLD_EXITED, status,
                    std::strtoull(std::string(status_field(facts, "\nVmHWM:")).c_str(), nullptr, 10) * kKiB};
  answer(sandbox, end);
}

/// The kernel killed one process of several (cgroup v1 knows no group kill): the others go with it.
void Service::on_oom(Sandbox& sandbox) {
  unwatch(sandbox.oom_event);
  if (sandbox.state == State::running) stop(sandbox, Ending::memory_limit);
}

void Service::stop(Sandbox& sandbox, Ending why) {
  if (!sandbox.killed_for) sandbox.killed_for = why;
  sandbox.kill();
}

void Service::on_payload_end(Sandbox& sandbox) {
  auto status = sys::wait_pidfd(sandbox.payload.get());
  if (!status || status->code == 0) return;
  const auto end = sys::monotonic_now();
  sandbox.payload_reaped = true;
  sandbox.status = *status;
  unwatch(sandbox.payload.get());
  if (sandbox.state == State::armed) {  // died before it was given anything
    std::erase(armed_, sandbox.number);
    return begin_ending(sandbox);
  }
  if (sandbox.state != State::running) return begin_ending(sandbox);
  if (sandbox.processes) {
    // whatever it left behind may still write: end all of it, then read to the end
    sandbox.kill();
    const auto until = sys::monotonic_now() + milliseconds(100);
    while (!(sandbox.out.closed && sandbox.err.closed) && sys::monotonic_now() < until) {
      sandbox.out.read_available(64);
      sandbox.err.read_available(64);
      if (sandbox.out.truncated || sandbox.err.truncated) break;
    }
  }
  if (sandbox.is_channel) {
    answer_failure(sandbox.run_id, errno_error("the channel's program ended", ECHILD));
    return begin_ending(sandbox);
  }
  if (was_killed_by_strangers(sandbox)) {
    answer_failure(sandbox.run_id, errno_error("the sandbox's init was killed", ECHILD));
    return begin_ending(sandbox);
  }
  answer(sandbox, end);
}

/// The program has ended: its facts go to the front, and only then what is left of the sandbox goes.
void Service::answer(Sandbox& sandbox, nanoseconds end) {
  constexpr int kWholePipe = 64;
  sandbox.out.read_available(kWholePipe);
  sandbox.err.read_available(kWholePipe);
  FinishedMessage message;
  message.id = sandbox.run_id;
  message.outcome = outcome_of(sandbox, end);
  message.outcome.isolation = builder_->isolation();
  send(encode(message));
  sandbox.state = State::answered;
  answered_.push_back(sandbox.number);
  quiet_until_ = sys::monotonic_now() + kQuietAfterAnswer;
  if (next_statistics_.count() == 0) next_statistics_ = sys::monotonic_now() + kStatisticsPause;
}

/// A SIGKILL that neither we sent nor the OOM killer (which on cgroup v2 takes init along) nor the program
/// itself.
bool Service::was_killed_by_strangers(const Sandbox& sandbox) const {
  if (sandbox.status.code == CLD_EXITED || sandbox.status.status != SIGKILL) return false;
  if (sandbox.killed_for || !sandbox.violation.empty()) return false;
  const auto usage = sandbox.leaf->usage();
  return (!usage || usage->oom_kills == 0) && builder_->init_is_ending(sandbox);
}

void Service::answer_failure(std::uint64_t run_id, const Error& error) {
  FinishedMessage message;
  message.id = run_id;
  message.infrastructure_failed = true;
  message.failure = failed_message(error);
  send(encode(message));
}

// ---------------------------------------------------------------------------------------------------- the
// end

void Service::end_answered() {
  for (const std::uint32_t number : std::exchange(answered_, {}))
    if (Sandbox* const sandbox = find(number)) begin_ending(*sandbox);
}

void Service::begin_ending(Sandbox& sandbox) {
  if (sandbox.state == State::ending) return;
  std::erase(armed_, sandbox.number);
  sandbox.state = State::ending;
  sandbox.kill();
  // init's end is seen only once the payload, our child in its namespace, has been reaped
  if (sandbox.payload && !sandbox.payload_reaped)
    watch(sandbox.payload.get(), EPOLLIN, Source::payload, sandbox.number);
  for (UniqueFd* fd : {&sandbox.report_read, &sandbox.report_write, &sandbox.stdin_read, &sandbox.stdin_write,
                       &sandbox.stdout_write, &sandbox.stderr_write, &sandbox.out.pipe, &sandbox.err.pipe,
                       &sandbox.listener})
    fd->reset();
  if (sandbox.init_reaped) removals_.emplace(sandbox.number, sys::monotonic_now());
}

void Service::on_init_end(Sandbox& sandbox) {
  auto status = sys::wait_pidfd(sandbox.init.get());
  if (!status || status->code == 0) return;
  sandbox.init_reaped = true;
  unwatch(sandbox.init.get());
  if (sandbox.state == State::building_init) on_report(sandbox);  // it may have said why
  if (sandbox.state == State::building_init || sandbox.state == State::building_payload)
    build_failed(sandbox.number, errno_error("build sandbox: init ended", ECHILD));
  if (sandbox.state == State::armed) begin_ending(sandbox);
  // a running payload dies with its init and is answered when it has ended
  if (sandbox.state == State::ending) try_remove(sandbox.number);
}

/// Reaps what is left and removes the leaf; again a little later while the kernel still holds it.
void Service::try_remove(std::uint32_t number) {
  Sandbox* const sandbox = find(number);
  if (sandbox == nullptr) {
    removals_.erase(number);
    return;
  }
  if (sandbox->payload && !sandbox->payload_reaped) {
    const auto status = sys::wait_pidfd(sandbox->payload.get());
    sandbox->payload_reaped = !status || status->code != 0;
  }
  const bool gone = sandbox->payload_reaped || !sandbox->payload;
  const auto removed = gone ? sandbox->leaf->remove() : Result<void>(errno_error("wait for payload", EBUSY));
  if (!removed && ++sandbox->removal_attempts < kRemovalAttempts) {
    removals_[number] = sys::monotonic_now() + kRemovalPause;
    return;
  }
  removals_.erase(number);
  free_slots_.push_back(sandbox->slot);
  sandboxes_.erase(number);
}

}  // namespace executor::supervisor
