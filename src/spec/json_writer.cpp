#include "spec/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "spec/text.hpp"

namespace executor {
namespace {

/// How a byte stands in a JSON string.
struct Spelling {
  std::array<char, 7> text{};
  std::uint8_t length = 0;
};

constexpr std::array<Spelling, 256> kSpellings = [] {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<Spelling, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) table[byte] = {{static_cast<char>(byte)}, 1};
  for (std::size_t byte = 0; byte < 0x20; ++byte)
    table[byte] = {{'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 0xf]}, 6};
  for (const auto& [byte, letter] :
       {std::pair{'\b', 'b'}, {'\t', 't'}, {'\n', 'n'}, {'\f', 'f'}, {'\r', 'r'}, {'"', '"'}, {'\\', '\\'}})
    table[static_cast<unsigned char>(byte)] = {{'\\', letter}, 2};
  return table;
}();

const Spelling& spelling(char byte) { return kSpellings[static_cast<unsigned char>(byte)]; }

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Text that cannot stand as it is, in blocks of the stack, as what a program prints may be nothing but
/// quotes.
void append_spelled(std::string& out, std::string_view text) {
  constexpr std::size_t kBlock = 4096;
  std::array<char, kBlock + sizeof(Spelling::text)> block;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  while (!text.empty()) {
    std::size_t size = 0;
    while (!text.empty() && size < kBlock) {
      std::size_t taken = 1;
      if (static_cast<unsigned char>(text[0]) < 0x80) {
        std::memcpy(block.data() + size, spelling(text[0]).text.data(), sizeof(Spelling::text));
        size += spelling(text[0]).length;
      } else {
        const Utf8Sequence sequence = utf8_sequence(text);
        const std::string_view shown = sequence.well_formed ? text.substr(0, sequence.length) : kReplacement;
        size += shown.copy(block.data() + size, shown.size());
        taken = sequence.length;
      }
      text.remove_prefix(taken);
    }
    out.append(block.data(), size);
  }
}

}  // namespace

void JsonWriter::value(std::string_view text) {
  separate();
  std::size_t length = 2;
  for (const char byte : text) length += spelling(byte).length;
  if (text_.capacity() - text_.size() < length)
    text_.reserve(std::max(text_.size() + length, text_.capacity() * 2));
  text_ += '"';
  if (length == text.size() + 2 && is_utf8(text))
    text_ += text;
  else
    append_spelled(text_, text);
  text_ += '"';
}

void JsonWriter::value(double number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  raw({digits.data(), end});
}

}  // namespace executor
