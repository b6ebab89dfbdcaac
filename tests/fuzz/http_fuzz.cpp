// A connection's bytes → requests, in pieces of a size that the first byte chooses.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "http/request_parser.hpp"

using executor::http::ParserLimits;
using executor::http::Request;
using executor::http::RequestParser;

namespace {

struct Read {
  RequestParser::State state;
  std::size_t used;
  unsigned status;
  std::string body;
  bool operator==(const Read&) const = default;
};

Read read_request(std::string_view text, std::size_t step) {
  ParserLimits limits;
  limits.body_bytes = 4096;
  Request request;
  RequestParser parser(request, limits);
  std::size_t used = 0;
  for (std::size_t given = 0; given < text.size() && parser.state() <= RequestParser::State::body;) {
    given = std::min(given + step, text.size());
    for (std::size_t more = 1; more > 0 && parser.state() <= RequestParser::State::body;)
      used += more = parser.feed(text.substr(used, given - used));
  }
  if (used > text.size() || request.body.size() > limits.body_bytes) std::abort();
  const bool failed = parser.state() == RequestParser::State::failed;
  if (failed && (parser.failure().status < 400 || !parser.failure().close)) std::abort();
  return {parser.state(), failed ? 0 : used, failed ? parser.failure().status : 0,
          failed ? "" : request.body};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = read_request(text, text.size());
  const Read pieces = read_request(text, 1U + data[0] % 64);
  // how the bytes arrive must not change what they mean; which of two errors is found first may
  if ((whole.state == RequestParser::State::complete || pieces.state == RequestParser::State::complete) &&
      !(whole == pieces))
    std::abort();
  return 0;
}
