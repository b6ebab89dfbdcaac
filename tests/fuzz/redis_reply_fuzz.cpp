// What a Redis server, or something in its place, answers → replies; in pieces of a size that the first byte
// chooses.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "queue/redis_reply.hpp"

namespace {

std::size_t values(const executor::RedisReply& reply) {
  std::size_t count = 1;
  for (const auto& element : reply.elements) count += values(element);
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor;
  if (size < 2) return 0;
  RedisReader reader(4096);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1U + data[0];
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (!reader.feed(text.substr(at, step))) return 0;
    for (;;) {
      const auto reply = reader.next();
      if (!reply) return 0;
      if (!*reply) break;
      if (values(**reply) > kReplyElementsMax) std::abort();
    }
  }
  return 0;
}
