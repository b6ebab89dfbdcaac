#include "supervisor/sandbox.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace executor::supervisor {

void Capture::read_available(int rounds) {
  static std::vector<char> chunk(64 * kKiB);  // on the heap, which no init gets
  for (int round = 0; round < rounds && !closed; ++round) {
    const ssize_t n = ::read(pipe.get(), chunk.data(), chunk.size());
    if (n < 0) return;
    if (n == 0) {
      closed = true;
      return;
    }
    const std::uint64_t room = cap - bytes.size();
    bytes.append(chunk.data(), std::min<std::uint64_t>(room, static_cast<std::uint64_t>(n)));
    if (static_cast<std::uint64_t>(n) > room) {
      truncated = true;
      return;
    }
  }
}

void Sandbox::stage_over(SetupStage stage) {
  const auto now = sys::monotonic_now();
  setup[static_cast<std::size_t>(stage)] += now - std::exchange(stage_began, now);
}

std::string Sandbox::read_status() const {
  std::array<char, 4096> text;
  const ssize_t n = ::pread(status_file.get(), text.data(), text.size(), 0);
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

std::string_view status_field(std::string_view status, std::string_view key) {
  const std::size_t at = status.find(key);
  if (at == std::string_view::npos) return {};
  status.remove_prefix(at + key.size());
  status = status.substr(0, status.find('\n'));
  while (!status.empty() && (status.front() == '\t' || status.front() == ' ')) status.remove_prefix(1);
  return status;
}

void Sandbox::kill() {
  // pid 1's end is the end of its PID namespace, and the kernel kills everything in it
  if (init && !init_reaped) sys::raw::pidfd_send_signal(init.get(), SIGKILL);
  if (payload && !payload_reaped) sys::raw::pidfd_send_signal(payload.get(), SIGKILL);
}

bool Sandbox::has_said_all() const { return out.truncated || err.truncated || (out.closed && err.closed); }

std::chrono::nanoseconds Sandbox::cpu_used() const {
  const auto total = leaf->cpu_time();
  return total ? *total - cpu_at_start : std::chrono::nanoseconds{0};
}

void Sandbox::write_input() {
  while (stdin_write && written < input.size()) {
    const ssize_t n = ::write(stdin_write.get(), input.data() + written, input.size() - written);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;  // EPIPE: a program need not read its input
    written += static_cast<std::size_t>(n);
  }
  input.clear();
  input.shrink_to_fit();
  if (!is_channel) stdin_write.reset();
}

Outcome outcome_of(Sandbox& sandbox, std::chrono::nanoseconds end) {
  Outcome outcome;
  outcome.wall_time = end - sandbox.started;
  outcome.cpu_time = sandbox.cpu_used();
  const auto usage = sandbox.leaf->usage();
  outcome.memory_bytes = std::max(sandbox.status.maxrss_bytes, usage ? usage->memory_peak : 0);
  outcome.sandbox_id = sandbox.id;
  outcome.audited = std::move(sandbox.audited);
  outcome.stdout_bytes = std::move(sandbox.out.bytes);
  outcome.stderr_bytes = std::move(sandbox.err.bytes);
  outcome.stdout_truncated = sandbox.out.truncated;
  outcome.stderr_truncated = sandbox.err.truncated;
  const bool exited = sandbox.status.code == CLD_EXITED;
  outcome.exit_code = exited ? sandbox.status.status : 0;
  outcome.signal = exited ? 0 : sandbox.status.status;

  if (!sandbox.violation.empty()) {
    outcome.ending = Ending::security_violation;
    outcome.violation = sandbox.violation;
    outcome.signal = SIGSYS;  // what the kernel would have sent had the call not been reported first
  } else if (usage && usage->oom_kills > 0) {
    outcome.ending = Ending::memory_limit;
  } else if (sandbox.out.truncated || sandbox.err.truncated) {
    outcome.ending = Ending::output_limit;
  } else if (sandbox.killed_for && !exited) {
    outcome.ending = *sandbox.killed_for;
  } else if (outcome.cpu_time > sandbox.limits.cpu_time) {
    outcome.ending = Ending::cpu_time_limit;  // it ended between two looks at the clock
  } else if (outcome.wall_time > sandbox.limits.wall_time) {
    outcome.ending = Ending::wall_time_limit;
  } else {
    outcome.ending = exited ? Ending::exited : Ending::signalled;
  }
  return outcome;
}

}  // namespace executor::supervisor
