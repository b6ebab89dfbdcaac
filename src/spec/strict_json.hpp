// JSON from outside, read strictly: nothing is built deeper than allowed, no key stands twice in an object,
// and an error names the field at which the reader stood. Grammar, numbers and UTF-8 are the library's
// business.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "spec/request_error.hpp"

namespace executor {

/// Reads all of `text` into `out`. The error, if any, is a 400 with code "bad_json", "duplicate_key" or
/// "too_deep". Refused besides what the grammar refuses: a byte order mark, numbers that do not fit a double,
/// comments. `out` is unspecified after an error.
[[nodiscard]] std::optional<RequestError> parse_strict_json(std::string_view text, std::size_t max_depth,
                                                            nlohmann::json& out);

}  // namespace executor
