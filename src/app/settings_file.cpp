#include "app/settings_file.hpp"

#include <sstream>

#include "base/sys.hpp"

namespace executor {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view unquoted(std::string_view value) {
  const bool quoted =
      value.size() >= 2 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

Result<SettingValues> parse_settings(std::string_view text) {
  SettingValues values;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string_view stripped = trimmed(line);
    if (stripped.empty() || stripped.front() == '#' || stripped.front() == ';') continue;
    const std::size_t sign = stripped.find('=');
    if (sign == std::string_view::npos || sign == 0)
      return Error("line " + std::to_string(number) + ": NAME=VALUE is wanted",
                   std::make_error_code(std::errc::invalid_argument));
    values[std::string(trimmed(stripped.substr(0, sign)))] = unquoted(trimmed(stripped.substr(sign + 1)));
  }
  return values;
}

Result<SettingValues> read_settings_file(const std::string& path) {
  auto text = sys::read_file(path);
  if (!text) return text.error();
  auto values = parse_settings(*text);
  if (!values) return values.error().context("\"" + path + "\"");
  return values;
}

}  // namespace executor
