#include "spec/json_writer.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "spec/text.hpp"

namespace executor {
namespace {

/// Bytes that may not stand in a JSON string as they are.
constexpr std::array<bool, 256> kEscaped = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) table[byte] = true;
  table['"'] = table['\\'] = true;
  return table;
}();

void append_escape(std::string& out, char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto value = static_cast<unsigned char>(byte);
  out += "\\u00";
  out += kHex[value >> 4];
  out += kHex[value & 0xf];
}

void append_utf8(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!kEscaped[static_cast<unsigned char>(text[i])]) continue;
    out.append(text, copied, i - copied);
    append_escape(out, text[i]);
    copied = i + 1;
  }
  out.append(text, copied);
  out += '"';
}

}  // namespace

void JsonWriter::value(std::string_view text) {
  separate();
  if (is_utf8(text)) return append_utf8(text_, text);
  text_ += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void JsonWriter::value(double number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  raw({digits.data(), end});
}

}  // namespace executor
