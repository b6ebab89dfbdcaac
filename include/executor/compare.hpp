// How a program's output is held against what is expected of it. Values only.
#pragma once

#include <variant>

namespace executor {

enum class CompareMode {
  exact,    ///< byte for byte
  trimmed,  ///< trailing blanks of each line and trailing newlines do not count
  tokens,   ///< the sequences of words between white space are equal
  json,     ///< as trimmed; where a JSON array or object is expected, its blanks and newlines do not count
};

/// As `tokens`, but words that are numbers on both sides may differ by `tolerance`, absolutely or relative to
/// the expected one. NaN equals nothing.
struct CompareFloat {
  double tolerance = 0;
  friend bool operator==(const CompareFloat&, const CompareFloat&) = default;
};

using Compare = std::variant<CompareMode, CompareFloat>;

}  // namespace executor
