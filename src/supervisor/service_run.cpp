// A sandbox from the hand-over of its program to the removal of its cgroup.
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

#include "base/sys.hpp"
#include "seccomp/profile.hpp"
#include "supervisor/service.hpp"

namespace executor::supervisor {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr auto kRemovalPause = milliseconds(1);
constexpr auto kSpareLeafLife = milliseconds(250);
constexpr auto kQuietAfterHandOver = milliseconds(3);
constexpr auto kQuietAfterAnswer = milliseconds(1);
constexpr auto kLastWords = milliseconds(100);
constexpr int kWholePipe = 64;  // chunks

/// Whether a process (its /proc/PID/status) has code that can run while the thread that called exit_group
/// waits: another thread, or a handler that a signal interrupts it for. An interpreter has one for SIGINT
/// from the start, which nothing sends to a lone thread that waits: no timer, and nobody else is inside.
bool can_go_on(std::string_view status) {
  const std::string handled(status_field(status, "\nSigCgt:"));
  constexpr unsigned long long kInterrupt = 1ULL << (SIGINT - 1);
  return status_field(status, "\nThreads:") != "1" || handled.empty() ||
         (std::strtoull(handled.c_str(), nullptr, 16) & ~kInterrupt) != 0;
}

}  // namespace

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
  quiet_runtime_ = sandbox.runtime;
  bool too_small = false;
  if (auto r = apply_limits(sandbox, waiting.program.limits); !r) {
    // cgroup v1 refuses a limit below what the interpreter has taken already; v2 takes it, and kills
    too_small = r.error().code == std::errc::device_or_resource_busy;
    if (!too_small) {
      answer_failure(waiting.id, r.error());
      return begin_ending(sandbox);
    }
    sandbox.limits = waiting.program.limits;
  }
  zygote::HandOver hand_over{std::move(waiting.program.source),
                             std::move(waiting.program.args),
                             {},
                             {},
                             std::move(waiting.program.compiled)};
  for (SourceFile& file : waiting.program.files) {
    hand_over.file_paths.push_back(std::move(file.path));
    hand_over.file_contents.push_back(std::move(file.content));
  }
  ArchiveWriter body;
  body(hand_over);
  if (!hand_over.compiled.empty()) body(hand_over.compiled);
  ArchiveWriter input;
  input(static_cast<std::uint32_t>(body.bytes().size()));
  sandbox.input = input.take() + body.bytes() + waiting.program.stdin_bytes;
  sandbox.out.cap = sandbox.limits.stdout_max;
  sandbox.err.cap = sandbox.limits.stderr_max;
  sandbox.state = State::running;
  if (sandbox.oom_event >= 0) watch(sandbox.oom_event, EPOLLIN, Source::oom, sandbox.number);

  sandbox.cpu_at_start = {};
  sandbox.cpu_at_start = sandbox.cpu_used();
  sandbox.started = sys::monotonic_now();
  if (!sandbox.is_channel) last_hand_over_ = sandbox.started;
  quiet_until_ = sandbox.started + kQuietAfterHandOver;
  sandbox.watch_output_at = sandbox.started + kQuietAfterHandOver;
  sandbox.wall_deadline = sandbox.started + sandbox.limits.wall_time;
  sandbox.next_cpu_check =
      sandbox.started + std::max<nanoseconds>(kShortestCpuCheck, sandbox.limits.cpu_time);
  if (too_small) return stop(sandbox, Ending::memory_limit);
  sandbox.write_input();
  if (sandbox.stdin_write && !sandbox.input.empty())
    watch(sandbox.stdin_write.get(), EPOLLOUT, Source::input, sandbox.number);
  else if (sandbox.is_channel)
    open_channel(sandbox);
}

/// Most programs have ended before, and their pipes hold what they wrote: woken by the first line of each, we
/// would take the processor from it. One that writes more than a pipe holds waits until then.
void Service::watch_output(Sandbox& sandbox) {
  if (std::exchange(sandbox.watch_output_at, nanoseconds{}).count() == 0) return;
  if (sandbox.out.pipe) watch(sandbox.out.pipe.get(), EPOLLIN, Source::out, sandbox.number);
  watch(sandbox.err.pipe.get(), EPOLLIN, Source::err, sandbox.number);
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
  watch_output(sandbox);
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
  if (!capture.closed && !capture.truncated) return;
  unwatch(capture.pipe.get());
  if (capture.truncated) stop(sandbox, Ending::output_limit);
  if (sandbox.state == State::draining && sandbox.has_said_all()) answer(sandbox, sandbox.ended);
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
  if (native && notification.data.nr == SYS_execve && std::exchange(sandbox.may_execute, false))
    return let_go_on(sandbox, notification.id);
  if (native && notification.data.nr == SYS_exit_group && !sandbox.processes)
    return on_exit_call(sandbox, notification.id, static_cast<int>(notification.data.args[0] & 0xff));
  if (builder_->config().audit != Audit::none && native && note_call(sandbox, notification)) return;
  sandbox.violation = native ? seccomp::syscall_name(notification.data.nr) : "foreign architecture";
  unwatch(sandbox.listener.get());
  sandbox.kill();
}

void Service::let_go_on(Sandbox& sandbox, std::uint64_t notification) {
  seccomp_notif_resp go_on{};
  go_on.id = notification;
  go_on.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ::ioctl(sandbox.listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &go_on);
}

/// With an audit every call that it notes comes by here, and gets what the profile says. False for a call
/// that ends the program.
bool Service::note_call(Sandbox& sandbox, const seccomp_notif& notification) {
  constexpr std::size_t kMostNotes = 256;
  const RuntimeConfig& runtime = builder_->config().runtimes[sandbox.runtime];
  const auto profile =
      seccomp::parse_profile(sandbox.processes ? runtime.processes_profile : runtime.strict_profile);
  const std::span<const std::uint64_t, 6> arguments(
      reinterpret_cast<const std::uint64_t*>(notification.data.args), 6);
  const auto decision = seccomp::decide(*profile, notification.data.nr, arguments);
  if (decision.action == seccomp::Action::kill_process) return false;
  const bool allowed = decision.action == seccomp::Action::allow;
  const std::string note = seccomp::syscall_name(notification.data.nr) + ": " +
                           (allowed ? "rule " + std::to_string(decision.rule.value_or(0))
                                    : strerrorname_np(decision.error_number));
  if (std::ranges::find(sandbox.audited, note) == sandbox.audited.end() &&
      sandbox.audited.size() < kMostNotes)
    sandbox.audited.push_back(note);
  seccomp_notif_resp answer{};
  answer.id = notification.id;
  if (allowed)
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  else
    answer.error = -decision.error_number;
  ::ioctl(sandbox.listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  return true;
}

/// The program ends by itself, with this status. Taking apart what is left of it takes as long as many a
/// program runs, so nobody waits for it: the process stands still, and is killed once the answer is on its
/// way.
void Service::on_exit_call(Sandbox& sandbox, std::uint64_t notification, int status) {
  if (sandbox.state != State::running || sandbox.is_channel || sandbox.killed_for)
    return let_go_on(sandbox, notification);
  const auto end = sys::monotonic_now();
  const std::string facts = sandbox.read_status();
  if (can_go_on(facts)) sys::raw::pidfd_send_signal(sandbox.payload.get(), SIGSTOP);
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
  if (sandbox.leaf) sandbox.leaf->kill();  // all of it at once: nothing gets to run between two signals
  sandbox.kill();
}

void Service::on_payload_end(Sandbox& sandbox) {
  auto status = sys::wait_pidfd(sandbox.payload.get());
  if (!status || status->code == 0) return;
  const auto end = sys::monotonic_now();
  sandbox.payload_reaped = true;
  sandbox.status = *status;
  count_process(*status);
  unwatch(sandbox.payload.get());
  if (sandbox.state == State::starting)
    return build_failed(
        sandbox.number, sandbox.runtime,
        errno_error("start \"" + builder_->config().runtimes[sandbox.runtime].name +
                        "\": its interpreter ended before it was ready" +
                        (sandbox.violation.empty() ? "" : ", stopped at " + sandbox.violation),
                    ECHILD));
  if (sandbox.state == State::armed) {  // died before it was given anything
    std::erase(armed_, sandbox.number);
    return begin_ending(sandbox);
  }
  if (sandbox.state != State::running) return begin_ending(sandbox);
  if (sandbox.is_channel) {
    answer_failure(sandbox.run_id, errno_error("the channel's program ended", ECHILD));
    return begin_ending(sandbox);
  }
  if (was_killed_by_strangers(sandbox)) {  // before we kill anything ourselves
    answer_failure(sandbox.run_id, errno_error("the sandbox's init was killed", ECHILD));
    return begin_ending(sandbox);
  }
  if (sandbox.processes) {
    // whatever it left behind may still write: all of it is ended, and then read to the end
    sandbox.kill();
    unwatch(sandbox.listener.get());  // what they ask for on the way out is nothing that the program did
    sandbox.state = State::draining;
    sandbox.ended = end;
    sandbox.wall_deadline = end + kLastWords;
    watch_output(sandbox);
    sandbox.out.read_available(kWholePipe);
    sandbox.err.read_available(kWholePipe);
    if (!sandbox.has_said_all()) return;
  }
  answer(sandbox, end);
}

/// The program has ended: its facts go to the front, and only then what is left of the sandbox goes.
void Service::answer(Sandbox& sandbox, nanoseconds end) {
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
  statistics_soon();
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

// -- the end

void Service::count_process(const sys::WaitStatus& status) {
  statistics_.figures.cpu_time += status.cpu_time;
  statistics_.figures.minor_faults += status.minor_faults;
}

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
  count_process(*status);
  unwatch(sandbox.init.get());
  if (sandbox.state == State::building_init) on_report(sandbox);  // it may have said why
  if (sandbox.state < State::armed)
    build_failed(sandbox.number, sandbox.runtime, errno_error("build sandbox: init ended", ECHILD));
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
    if (status && status->code != 0) count_process(*status);
  }
  const bool gone = sandbox->payload_reaped || !sandbox->payload;
  const auto done = [&]() -> bool {
    if (!gone) return false;
    if (sandbox->removal_attempts == 0 && builder_->keep_leaf(sandbox->leaf)) return true;
    return static_cast<bool>(sandbox->leaf->remove());
  };
  if (!done() && ++sandbox->removal_attempts < kRemovalAttempts) {
    removals_[number] = sys::monotonic_now() + kRemovalPause;
    return;
  }
  removals_.erase(number);
  if (builder_->has_spare_leaves()) spare_leaves_until_ = sys::monotonic_now() + kSpareLeafLife;
  free_slots_.push_back(sandbox->slot);
  sandboxes_.erase(number);
  ++statistics_.figures.ended;
  statistics_soon();
}

}  // namespace executor::supervisor
