// One HTTP request as it was received and one response as it will be sent.
//
// Ownership: a Request owns the bytes that its views point into, so it is neither copied nor moved once
// parsed. Thread safety: none of its own; everything in this folder lives on one io_context thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace executor::http {

struct HeaderLine {
  std::string_view name;
  std::string_view value;
};

struct Request {
  std::string head{};  ///< request line and header lines; every view below points into it
  std::string_view method{};
  std::string_view target{};
  std::string_view path{};       ///< target up to '?', not percent-decoded
  std::string_view query{};      ///< what follows '?'
  std::string_view parameter{};  ///< what stood for "{…}" in the endpoint's path
  std::vector<HeaderLine> headers{};
  std::string body{};
  bool keep_alive = true;
  bool http_1_0 = false;

  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// The value of the first header of that name (any case), empty where there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string body{};
  std::string_view content_type = "application/json";  ///< text that lives as long as the program
  std::string headers{};                               ///< further header lines, each ended by CRLF
  bool close = false;                                  ///< end the connection after this response
};

/// An answer in the shape of every error: {"ok": false, "error": {"code", "message", "field"?}}.
Response error_response(unsigned status, std::string_view code, std::string_view message,
                        std::string_view field = {});

/// 503 with Retry-After.
Response unavailable_response(std::string_view code, std::string_view message, int retry_after_seconds = 1);

/// The same as 429: the sender has as much as it may.
Response too_many_response(std::string_view code, std::string_view message, int retry_after_seconds = 1);

/// Whether two header names or tokens are equal but for ASCII case.
bool iequals(std::string_view a, std::string_view b);

}  // namespace executor::http
