// Where errors are reported, from one address as Sentry gives it:
//
//   http[s]://KEY[:SECRET]@host[:port][/prefix]/PROJECT
//
// Values only. The key never appears in describe() nor in an Error; a secret, which old servers gave out, is
// not used. Source: Sentry's SDK documentation, "Data Source Name" and "Envelopes".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor {

struct SentryDsn {
  bool tls = false;
  std::string host{};
  std::uint16_t port = 80;  ///< 443 for https
  std::string key{};
  std::string target{};  ///< path of the envelope endpoint: [/prefix]/api/PROJECT/envelope/

  /// For people and as the Host header: host, and the port where it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// Scheme, authority and target.
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const SentryDsn&, const SentryDsn&) = default;
};

/// An Error (std::errc::invalid_argument) says what is wrong without quoting the key.
[[nodiscard]] Result<SentryDsn> parse_sentry_dsn(std::string_view text);

}  // namespace executor
