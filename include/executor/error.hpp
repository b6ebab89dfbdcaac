// How a failed call reports itself: Result<T> carries a value or an Error that says what was attempted.
//
// Ownership: values. Thread safety: distinct objects may be used from distinct threads. Not async-signal-safe
// (strings allocate); between clone and the seccomp filter the sandbox uses StageReport instead.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace executor {

/// A failed step: `what` is verb + quoted object + key flags, `code` the errno (or another category's code)
/// behind it, `stage` the named step of the sandbox's set-up where there is one, else empty.
struct Error {
  std::string what{};
  std::error_code code{};
  std::string stage{};

  Error() = default;
  // two arguments at least: a plain string must not convert to an Error, or Result<std::string> would be
  // ambiguous
  Error(std::string what_, std::error_code code_, std::string stage_ = {})
      : what(std::move(what_)), code(code_), stage(std::move(stage_)) {}

  /// The same error with an outer description in front: "start zygote: exec \"/x\": No such file".
  [[nodiscard]] Error context(const std::string& outer) const& { return {outer + ": " + what, code, stage}; }

  /// One line for a person: what, then the code's message.
  [[nodiscard]] std::string message() const {
    std::string text = stage.empty() ? what : "[" + stage + "] " + what;
    if (code) text += ": " + code.message();
    return text;
  }
};

/// Thrown by Result<T>::value() on a failed result; the message is Error::message().
class Exception : public std::runtime_error {
 public:
  explicit Exception(const Error& error) : std::runtime_error(error.message()) {}
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw Exception(error);
}

template <class T>
using Result = boost::system::result<T, Error>;

/// An Error from an errno value.
inline Error errno_error(std::string what, int error_number) {
  return {std::move(what), std::error_code(error_number, std::generic_category())};
}

}  // namespace executor
