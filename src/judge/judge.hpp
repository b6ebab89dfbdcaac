// Facts of a run × what was expected of it → a verdict. Pure; compares bytes and never interprets what a
// program says about itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "executor/compare.hpp"
#include "executor/outcome.hpp"
#include "executor/verdict.hpp"

namespace executor {

/// The verdict of one finished run. What ended the run comes first (a limit, a violation, output beyond its
/// cap), then how the program ended (another exit status than 0, a signal), and only then its output. Where
/// nothing is expected, exit status 0 is accepted. A run that was cancelled is `skipped`.
[[nodiscard]] Verdict judge(const Outcome& outcome, const std::optional<std::string>& expected,
                            const Compare& compare);

/// Whether `actual` is what `expected` asks for. Linear in both sizes; allocates nothing.
[[nodiscard]] bool matches(std::string_view actual, std::string_view expected, const Compare& compare);

/// The `passed` of an answer: nothing where nothing was expected.
[[nodiscard]] inline std::optional<bool> passed(Verdict verdict, const std::optional<std::string>& expected) {
  if (!expected) return std::nullopt;
  return verdict == Verdict::accepted;
}

}  // namespace executor
