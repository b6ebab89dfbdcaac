// Questions about text that came from outside. Pure, O(n).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace executor {

struct Utf8Sequence {
  std::size_t length = 0;  ///< bytes, one at least
  bool well_formed = false;
};

/// The sequence at the start of `bytes`, which is not empty. An ill-formed one is what a single U+FFFD stands
/// for: the longest beginning of a well-formed one, or a byte with which none begins (the Unicode Standard,
/// section 3.9, "U+FFFD Substitution of Maximal Subparts").
[[nodiscard]] Utf8Sequence utf8_sequence(std::string_view bytes);

/// The number of code points of well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF), else
/// nothing.
[[nodiscard]] std::optional<std::size_t> count_utf8(std::string_view bytes);

[[nodiscard]] inline bool is_utf8(std::string_view bytes) { return count_utf8(bytes).has_value(); }

/// Well-formed UTF-8 without control characters (C0, DEL, C1), line separators and bidirectional controls:
/// safe on one line of a log or a terminal.
[[nodiscard]] bool is_printable(std::string_view bytes);

}  // namespace executor
