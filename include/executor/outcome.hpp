// What the kernel says about one finished run. No expectation is known here: verdicts against expected output
// are made from an Outcome by src/judge.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace executor {

/// How a run ended; exactly one holds. Every value but `exited` and `signalled` names who ended it and why.
enum class Ending {
  exited,              ///< by itself, see exit_code
  signalled,           ///< by a signal that no limit explains, see signal
  wall_time_limit,     ///< killed at its wall deadline
  cpu_time_limit,      ///< killed when its CPU time was used up
  memory_limit,        ///< the cgroup's OOM counter rose
  output_limit,        ///< killed when stdout or stderr passed its cap
  security_violation,  ///< a system call that ends the process, see violation
  cancelled,           ///< killed because nobody waits for it any more
};

/// The facts of one run, from wait status, cgroup counters and captured bytes.
struct Outcome {
  Ending ending = Ending::exited;
  int exit_code = 0;              ///< valid for `exited`
  int signal = 0;                 ///< the ending signal's number, 0 when it exited
  std::string stdout_bytes{};     ///< at most Limits::stdout_max
  std::string stderr_bytes{};     ///< at most Limits::stderr_max
  bool stdout_truncated = false;  ///< more was written than is kept
  bool stderr_truncated = false;
  std::chrono::nanoseconds wall_time{};  ///< hand-over to end
  std::chrono::nanoseconds cpu_time{};   ///< cgroup CPU time since hand-over
  std::uint64_t memory_bytes = 0;        ///< the larger of the cgroup's peak and the maximum resident set
  std::string violation{};               ///< the system call's name for security_violation
  std::string sandbox_id{};              ///< 12 hex digits, unique per sandbox
  std::string backend = "native";        ///< "native", "docker" or "local"
  std::vector<std::string> isolation{};  ///< the layers in force, e.g. "user_namespace", "seccomp"
  std::vector<std::string> audited{};    ///< with an audit: what it saw, as "name: EPERM"
};

}  // namespace executor
