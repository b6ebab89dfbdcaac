#include "http/api_tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>

#include "spec/text.hpp"

namespace executor::http {

namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::size_t kTokenMax = 4096;
constexpr std::size_t kNameMax = 128;

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

template <class Digest>
std::optional<Digest> from_hex(std::string_view text) {
  Digest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

Error bad_line(std::size_t line, const std::string& what) {
  return {"line " + std::to_string(line) + " " + what, std::make_error_code(std::errc::invalid_argument)};
}

std::string_view bearer_token(std::string_view authorization) {
  const std::size_t end = authorization.find(' ');
  if (end == std::string_view::npos || !iequals(authorization.substr(0, end), "bearer")) return {};
  return trimmed(authorization.substr(end));
}

}  // namespace

ApiTokens::Digest ApiTokens::digest_of(std::string_view token) {
  Digest digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

Result<ApiTokens> ApiTokens::parse(std::string_view text) {
  ApiTokens tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t token_end = std::min(line.find_first_of(kBlanks), line.size());
    const std::string_view token = line.substr(0, token_end);
    const std::string_view name = trimmed(line.substr(token_end));
    if (token.size() > kTokenMax) return bad_line(number, "holds a token of more than 4096 bytes");
    if (name.empty()) return bad_line(number, "has no name behind its token");
    if (name.size() > kNameMax || !is_printable(name))
      return bad_line(number, "has a name that is not at most 128 printable characters");
    const Digest digest = from_hex<Digest>(token).value_or(digest_of(token));
    tokens.entries_.push_back({digest, std::string(name)});
  }
  return tokens;
}

Result<ApiTokens> ApiTokens::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno_error("read \"" + path + "\"", errno);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return errno_error("read \"" + path + "\"", EIO);
  auto tokens = parse(text);
  if (!tokens) return tokens.error().context("read \"" + path + "\"");
  return tokens;
}

// Every entry is looked at, and all of it, whatever was found before.
ApiTokens::Caller ApiTokens::identify(const Request& request) const {
  const std::string_view token = bearer_token(request.header("authorization"));
  if (token.empty() || entries_.empty()) return {};
  const Digest digest = digest_of(token);
  Caller caller{Access::unknown};
  for (const Entry& entry : entries_)
    if (::CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0)
      caller = {Access::granted, entry.name};
  return caller;
}

Response access_response(ApiTokens::Access access) {
  if (access == ApiTokens::Access::unknown)
    return error_response(403, "forbidden", "this token is not known here");
  Response response = error_response(401, "unauthorized", "needs Authorization: Bearer <token>");
  response.headers = "WWW-Authenticate: Bearer\r\n";
  return response;
}

}  // namespace executor::http
