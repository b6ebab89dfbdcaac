// One GET request and its answer, for asking a server whether it is there. Blocks until the answer, a failure
// or the end of the patience. The peer may be anything: head and body are bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "executor/error.hpp"

namespace executor::doctor {

struct HttpAnswer {
  unsigned status = 0;
  std::string body{};
};

Result<HttpAnswer> http_get_unix(const std::string& socket_path, const std::string& target,
                                 std::chrono::milliseconds patience);
Result<HttpAnswer> http_get_tcp(const std::string& host, std::uint16_t port, const std::string& target,
                                std::chrono::milliseconds patience);

}  // namespace executor::doctor
