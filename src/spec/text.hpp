// Questions about text that came from outside. Pure, O(n).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace executor {

/// The number of code points of well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF), else
/// nothing.
[[nodiscard]] std::optional<std::size_t> count_utf8(std::string_view bytes);

[[nodiscard]] inline bool is_utf8(std::string_view bytes) { return count_utf8(bytes).has_value(); }

/// Well-formed UTF-8 without control characters (C0, DEL, C1), line separators and bidirectional controls:
/// safe on one line of a log or a terminal.
[[nodiscard]] bool is_printable(std::string_view bytes);

}  // namespace executor
