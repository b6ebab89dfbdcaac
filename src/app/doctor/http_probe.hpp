// One request and its answer. Blocks until the answer, a failure or the end of the patience. The peer may be
// anything: head and body are bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "executor/error.hpp"
#include "executor/limits.hpp"

namespace executor::doctor {

struct HttpQuestion {
  std::string method = "GET";
  std::string target{};
  std::string body{};  ///< JSON; empty: none
  std::vector<std::pair<std::string, std::string>> headers{};
  std::uint64_t answer_max = 64 * kKiB;  ///< bytes of the answer's body
};

struct HttpAnswer {
  unsigned status = 0;
  std::string body{};
};

Result<HttpAnswer> http_get_unix(const std::string& socket_path, const std::string& target,
                                 std::chrono::milliseconds patience);
Result<HttpAnswer> http_ask_tcp(const std::string& host, std::uint16_t port, const HttpQuestion& question,
                                std::chrono::milliseconds patience);
Result<HttpAnswer> http_get_tcp(const std::string& host, std::uint16_t port, const std::string& target,
                                std::chrono::milliseconds patience);

}  // namespace executor::doctor
