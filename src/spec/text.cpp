#include "spec/text.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace executor {
namespace {

/// What a first byte says of its sequence: how long it is, and what its second byte may be (the Unicode
/// Standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
struct Lead {
  std::uint8_t length = 0;  // 0: no sequence begins with it
  unsigned char second_least = 0x80;
  unsigned char second_most = 0xbf;
};

constexpr std::array<Lead, 256> kLeads = [] {
  std::array<Lead, 256> table{};
  for (std::size_t byte = 0; byte < 0xf5; ++byte)
    table[byte].length = byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  table[0xe0].second_least = 0xa0;
  table[0xed].second_most = 0x9f;
  table[0xf0].second_least = 0x90;
  table[0xf4].second_most = 0x8f;
  return table;
}();

char32_t code_point(std::string_view sequence) {
  constexpr std::array<unsigned char, 5> kValueBits = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t value = static_cast<unsigned char>(sequence[0]) & kValueBits.at(sequence.size());
  for (const char byte : sequence.substr(1)) value = (value << 6) | (static_cast<unsigned char>(byte) & 0x3f);
  return value;
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

Utf8Sequence utf8_sequence(std::string_view bytes) {
  const Lead& lead = kLeads[static_cast<unsigned char>(bytes[0])];
  if (lead.length < 2 || bytes.size() < 2) return {1, lead.length == 1};
  const auto second = static_cast<unsigned char>(bytes[1]);
  if (second < lead.second_least || second > lead.second_most) return {1, false};
  std::size_t length = 2;
  while (length < lead.length && length < bytes.size() &&
         (static_cast<unsigned char>(bytes[length]) & 0xc0) == 0x80)
    ++length;
  return {length, length == lead.length};
}

std::optional<std::size_t> count_utf8(std::string_view bytes) {
  std::size_t count = 0;
  while (!bytes.empty()) {
    if (const std::size_t ascii = ascii_prefix(bytes)) {
      count += ascii;
      bytes.remove_prefix(ascii);
      continue;
    }
    const Utf8Sequence sequence = utf8_sequence(bytes);
    if (!sequence.well_formed) return std::nullopt;
    ++count;
    bytes.remove_prefix(sequence.length);
  }
  return count;
}

bool is_printable(std::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8Sequence sequence = utf8_sequence(bytes);
    if (!sequence.well_formed || !printable(code_point(bytes.substr(0, sequence.length)))) return false;
    bytes.remove_prefix(sequence.length);
  }
  return true;
}

}  // namespace executor
