#include "judge/judge.hpp"

#include "judge/comparators.hpp"

namespace executor {
namespace {

/// What ended the run, where it was not the program itself.
std::optional<Verdict> ended_by(const Outcome& outcome) {
  switch (outcome.ending) {
    case Ending::wall_time_limit:
      return Verdict::wall_time_limit;
    case Ending::cpu_time_limit:
      return Verdict::cpu_time_limit;
    case Ending::memory_limit:
      return Verdict::memory_limit;
    case Ending::output_limit:
      return Verdict::output_limit;
    case Ending::security_violation:
      return Verdict::security_violation;
    case Ending::cancelled:
      return Verdict::skipped;
    case Ending::exited:
    case Ending::signalled:
      break;
  }
  // A program that ends between passing its cap and being killed for it has still passed it.
  if (outcome.stdout_truncated || outcome.stderr_truncated) return Verdict::output_limit;
  return std::nullopt;
}

}  // namespace

Verdict judge(const Outcome& outcome, const std::optional<std::string>& expected, const Compare& compare) {
  if (const auto verdict = ended_by(outcome)) return *verdict;
  if (outcome.ending == Ending::signalled || outcome.exit_code != 0) return Verdict::runtime_error;
  if (expected && !matches(outcome.stdout_bytes, *expected, compare)) return Verdict::wrong_answer;
  return Verdict::accepted;
}

bool matches(std::string_view actual, std::string_view expected, const Compare& compare) {
  if (const auto* numbers = std::get_if<CompareFloat>(&compare))
    return equal_numbers(actual, expected, numbers->tolerance);
  switch (std::get<CompareMode>(compare)) {
    case CompareMode::exact:
      return actual == expected;
    case CompareMode::trimmed:
      return equal_trimmed(actual, expected);
    case CompareMode::tokens:
      return equal_tokens(actual, expected);
    case CompareMode::json:
      return equal_json(actual, expected);
  }
  return false;
}

}  // namespace executor
