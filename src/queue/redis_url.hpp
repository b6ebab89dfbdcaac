// Where a Redis server is and how to get in, from one URL:
//
//   redis://[user[:password]@]host[:port][/db]
//   rediss://…                     the same over TLS; the certificate is verified unless ?verify=none says
//   otherwise unix:///path/to/socket[?db=N&user=…&password=…]
//
// Further query parameters of rediss: ca=FILE (trusted certificates; else OpenSSL's defaults, which
// SSL_CERT_FILE and SSL_CERT_DIR move), cert=FILE and key=FILE (a client certificate), verify=peer|none.
//
// Values only. The password never appears in describe() nor in an Error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor {

struct RedisUrl {
  enum class Transport { tcp, tls, unix_socket };

  Transport transport = Transport::tcp;
  std::string host = "localhost";  ///< a name or an address without brackets; empty for unix_socket
  std::uint16_t port = 6379;
  std::string path{};      ///< of the unix socket
  std::string user{};      ///< empty: the server's default user
  std::string password{};  ///< empty: no AUTH is sent
  int db = 0;
  bool verify_peer = true;
  std::string ca_file{};
  std::string certificate_file{};
  std::string key_file{};

  /// The URL for people: scheme, host, port or path, and db; neither user nor password.
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const RedisUrl&, const RedisUrl&) = default;
};

/// An Error (std::errc::invalid_argument) says what is wrong with the URL without quoting its credentials.
[[nodiscard]] Result<RedisUrl> parse_redis_url(std::string_view text);

}  // namespace executor
