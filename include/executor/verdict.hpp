// What is said of one test in the end. The names are those of the service's answers and metrics.
#pragma once

#include <string_view>

namespace executor {

enum class Verdict {
  accepted,         ///< ended by itself with status 0, and printed what was expected of it, if anything was
  wrong_answer,     ///< ended by itself with status 0, and printed something else
  runtime_error,    ///< another exit status, or a signal that no limit explains
  wall_time_limit,  ///< killed at its wall deadline
  cpu_time_limit,   ///< killed when its CPU time was used up
  memory_limit,     ///< the kernel's OOM counter rose
  output_limit,     ///< wrote more than is kept
  security_violation,  ///< a system call that ends the process
  compile_error,       ///< the source does not parse; nothing ran
  skipped,             ///< never ran, or was cancelled: an earlier test failed, or nobody waits any more
};

/// "accepted", "wrong_answer", …: static text.
[[nodiscard]] constexpr std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::accepted:
      return "accepted";
    case Verdict::wrong_answer:
      return "wrong_answer";
    case Verdict::runtime_error:
      return "runtime_error";
    case Verdict::wall_time_limit:
      return "wall_time_limit";
    case Verdict::cpu_time_limit:
      return "cpu_time_limit";
    case Verdict::memory_limit:
      return "memory_limit";
    case Verdict::output_limit:
      return "output_limit";
    case Verdict::security_violation:
      return "security_violation";
    case Verdict::compile_error:
      return "compile_error";
    case Verdict::skipped:
      return "skipped";
  }
  return "skipped";
}

}  // namespace executor
