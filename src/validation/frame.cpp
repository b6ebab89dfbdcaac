#include "validation/frame.hpp"

#include <cstdint>

namespace executor {
namespace {

constexpr std::size_t kHeadSize = 4;

}  // namespace

std::string make_frame(std::string_view body) {
  std::string frame;
  frame.reserve(kHeadSize + body.size());
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>((body.size() >> shift) & 0xff);
  frame += body;
  return frame;
}

std::optional<std::string> FrameReader::next() {
  if (oversized_ || buffer_.size() < kHeadSize) return std::nullopt;
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < kHeadSize; ++i) size = (size << 8) | static_cast<unsigned char>(buffer_[i]);
  if (size > max_body_) {
    oversized_ = true;
    buffer_.clear();
    return std::nullopt;
  }
  if (buffer_.size() - kHeadSize < size) return std::nullopt;
  std::string body = buffer_.substr(kHeadSize, size);
  buffer_.erase(0, kHeadSize + size);
  return body;
}

}  // namespace executor
