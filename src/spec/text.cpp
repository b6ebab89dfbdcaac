#include "spec/text.hpp"

#include <cstdint>
#include <cstring>

namespace executor {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // 0: ill-formed
};

/// How long a sequence is by its first byte, and the smallest value that needs that length.
CodePoint lead(unsigned char byte) {
  if (byte < 0x80) return {byte, 1};
  if (byte >= 0xc2 && byte < 0xe0) return {static_cast<char32_t>(byte & 0x1f), 2};
  if (byte >= 0xe0 && byte < 0xf0) return {static_cast<char32_t>(byte & 0x0f), 3};
  if (byte >= 0xf0 && byte < 0xf5) return {static_cast<char32_t>(byte & 0x07), 4};
  return {};
}

bool well_formed(CodePoint point) {
  if (point.length == 3) return point.value >= 0x800 && (point.value < 0xd800 || point.value > 0xdfff);
  if (point.length == 4) return point.value >= 0x10000 && point.value <= 0x10ffff;
  return true;
}

CodePoint decode(std::string_view bytes) {
  CodePoint point = lead(static_cast<unsigned char>(bytes[0]));
  if (point.length == 0 || bytes.size() < point.length) return {};
  for (std::size_t i = 1; i < point.length; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if ((byte & 0xc0) != 0x80) return {};
    point.value = (point.value << 6) | (byte & 0x3f);
  }
  return well_formed(point) ? point : CodePoint{};
}

/// Length of the run of ASCII at the start, in steps of eight bytes.
std::size_t ascii_prefix(std::string_view bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t length = 0;
  for (std::uint64_t word = 0; length + sizeof word <= bytes.size(); length += sizeof word) {
    std::memcpy(&word, bytes.data() + length, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  return length;
}

bool printable(char32_t point) {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
  if (point == 0x061c || point == 0xfeff || (point >= 0x200b && point <= 0x200f)) return false;
  return !(point >= 0x2028 && point <= 0x202e) && !(point >= 0x2060 && point <= 0x2069);
}

}  // namespace

std::optional<std::size_t> count_utf8(std::string_view bytes) {
  std::size_t count = 0;
  while (!bytes.empty()) {
    if (const std::size_t ascii = ascii_prefix(bytes)) {
      count += ascii;
      bytes.remove_prefix(ascii);
      continue;
    }
    const CodePoint point = decode(bytes);
    if (point.length == 0) return std::nullopt;
    ++count;
    bytes.remove_prefix(point.length);
  }
  return count;
}

bool is_printable(std::string_view bytes) {
  while (!bytes.empty()) {
    const CodePoint point = decode(bytes);
    if (point.length == 0 || !printable(point.value)) return false;
    bytes.remove_prefix(point.length);
  }
  return true;
}

}  // namespace executor
