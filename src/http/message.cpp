#include "http/message.hpp"

#include <algorithm>

#include "spec/request_error.hpp"

namespace executor::http {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
}  // namespace

bool iequals(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::header(std::string_view name) const {
  for (const HeaderLine& line : headers)
    if (iequals(line.name, name)) return line.value;
  return {};
}

Response error_response(unsigned status, std::string_view code, std::string_view message,
                        std::string_view field) {
  return {.status = status, .body = error_json(code, message, field)};
}

Response unavailable_response(std::string_view code, std::string_view message, int retry_after_seconds) {
  Response response = error_response(503, code, message);
  response.headers = "Retry-After: " + std::to_string(retry_after_seconds) + "\r\n";
  return response;
}

Response too_many_response(std::string_view code, std::string_view message, int retry_after_seconds) {
  Response response = unavailable_response(code, message, retry_after_seconds);
  response.status = 429;
  return response;
}

}  // namespace executor::http
