// Where a RabbitMQ server is and how to get in, from one URL:
//
//   amqp://[user[:password]@]host[:port][/vhost][?heartbeat=SECONDS]
//   amqps://…                      the same over TLS; the certificate is verified unless ?verify=none says
//   otherwise
//
// A vhost's name is percent-encoded ("/%2F" is the vhost "/", which is also the default). Further parameters
// of amqps: ca=FILE (trusted certificates; else OpenSSL's defaults), cert=FILE and key=FILE (a client
// certificate).
//
// Values only. The password never appears in describe() nor in an Error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor {

struct RabbitUrl {
  bool tls = false;
  std::string host = "localhost";
  std::uint16_t port = 5672;  ///< 5671 for amqps
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";
  int heartbeat_seconds = 10;  ///< 0: none
  bool verify_peer = true;
  std::string ca_file{};
  std::string certificate_file{};
  std::string key_file{};

  /// The URL for people: scheme, host, port and vhost.
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const RabbitUrl&, const RabbitUrl&) = default;
};

/// An Error (std::errc::invalid_argument) says what is wrong with the URL without quoting its credentials.
[[nodiscard]] Result<RabbitUrl> parse_rabbit_url(std::string_view text);

}  // namespace executor
