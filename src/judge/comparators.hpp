// How two outputs are compared, each on bytes, in linear time and without allocation. White space is that of
// the "C" locale: blank, tab, newline, vertical tab, form feed, carriage return.
#pragma once

#include <string_view>

namespace executor {

/// Equal but for white space at the end of lines, and newlines at the end. A carriage return inside a line
/// counts.
[[nodiscard]] bool equal_trimmed(std::string_view actual, std::string_view expected);

/// The same words in the same order, whatever white space stands between them.
[[nodiscard]] bool equal_tokens(std::string_view actual, std::string_view expected);

/// As equal_trimmed; where `expected` begins with a bracket or a brace, white space outside of JSON strings
/// does not count.
[[nodiscard]] bool equal_json(std::string_view actual, std::string_view expected);

/// As equal_tokens, but two words that both are decimal numbers may differ by `tolerance`, absolutely or as a
/// share of the expected one. NaN equals nothing, an infinity only itself.
[[nodiscard]] bool equal_numbers(std::string_view actual, std::string_view expected, double tolerance);

}  // namespace executor
