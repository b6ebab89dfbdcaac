// Who may use POST /api/execute: tokens from a file, known here by their SHA-256 only.
//
// One a line: the token, or the 64 hex digits of its SHA-256, then blanks and a name for log and quotas;
// empty lines and lines that begin with # say nothing.
//
// Values. Thread safety: const after construction.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"
#include "http/message.hpp"

namespace executor::http {

class ApiTokens {
 public:
  /// No token: nobody is let in.
  ApiTokens() = default;

  /// The Error names the line, and never shows a token.
  [[nodiscard]] static Result<ApiTokens> parse(std::string_view text);
  [[nodiscard]] static Result<ApiTokens> read(const std::string& path);

  enum class Access { granted, missing, unknown };
  struct Caller {
    Access access = Access::missing;
    std::string_view name{};  ///< of the token; lives as long as these tokens
  };
  /// Looks at the Authorization header. Takes as long for a wrong token as for a right one.
  [[nodiscard]] Caller identify(const Request& request) const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    Digest digest;
    std::string name;
  };

  static Digest digest_of(std::string_view token);

  std::vector<Entry> entries_{};
};

/// 401 or 403 for a caller that is not let in.
[[nodiscard]] Response access_response(ApiTokens::Access access);

}  // namespace executor::http
