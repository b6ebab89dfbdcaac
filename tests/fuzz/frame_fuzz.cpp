// Frames between the front and the parser's sandbox, which may have been taken over by what it parses.
#include <cstdlib>
#include <string_view>

#include "validation/frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor;
  constexpr std::size_t kLargest = 1024;
  if (size < 1) return 0;
  FrameReader reader(kLargest);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1U + data[0];
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader.append(bytes.substr(at, step));
    while (const auto body = reader.next()) {
      if (body->size() > kLargest || reader.oversized()) std::abort();
      FrameReader again(kLargest);
      again.append(make_frame(*body));
      if (again.next() != *body) std::abort();
    }
  }
  return 0;
}
