// A request that cannot be served as it was sent, and the JSON in which every error is answered. Pure.
#pragma once

#include <boost/system/result.hpp>
#include <span>
#include <string>
#include <string_view>

#include "executor/error.hpp"
#include "spec/violation.hpp"

namespace executor {

/// Why a request was refused. Never an infrastructure failure (Error) and never a program's (Verdict).
struct RequestError {
  int status = 400;     ///< HTTP status: 400, or 413 where a size is the trouble
  std::string code;     ///< stable, for programs: "missing_field", "out_of_range", …
  std::string message;  ///< one line for a person
  std::string field;    ///< "tests[3].timeoutMs"; empty when no one field is to blame
};

[[noreturn]] inline void throw_exception_from_error(const RequestError& error,
                                                    const boost::source_location&) {
  throw Exception(Error{error.field.empty() ? error.message : error.field + ": " + error.message, {}});
}

template <class T>
using RequestResult = boost::system::result<T, RequestError>;

/// {"ok": false, "error": {"code", "message", "field"?}}. `field` is left out when empty. Bytes that are not
/// UTF-8 become U+FFFD.
[[nodiscard]] std::string error_json(std::string_view code, std::string_view message,
                                     std::string_view field = {});
[[nodiscard]] std::string error_json(const RequestError& error);

/// The answer to a source that the policy refuses: code "validation_failed", or "compile_error" where the
/// only finding is a syntax error; both carry `violations`.
[[nodiscard]] std::string violations_json(bool compile_error, std::span<const Violation> violations);

}  // namespace executor
