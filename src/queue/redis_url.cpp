#include "queue/redis_url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>
#include <utility>

namespace executor {
namespace {

namespace urls = boost::urls;

constexpr int kHighestDb = 1'000'000;

Error invalid(std::string what) {
  return {"read Redis URL: " + std::move(what), std::make_error_code(std::errc::invalid_argument)};
}

template <class Number>
std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<int> to_db(std::string_view text) {
  const auto db = to_number<int>(text);
  if (!db || *db < 0 || *db > kHighestDb) {
    return invalid("the database must be a number from 0, not \"" + std::string(text) + "\"");
  }
  return *db;
}

/// Takes one query parameter; an empty Error text means that it was fine.
std::optional<Error> apply_parameter(RedisUrl& url, const std::string& name, const std::string& value) {
  const bool tls = url.transport == RedisUrl::Transport::tls;
  if (name == "db") {
    const auto db = to_db(value);
    if (!db) return db.error();
    url.db = *db;
  } else if (name == "user" && url.transport == RedisUrl::Transport::unix_socket) {
    url.user = value;
  } else if (name == "password" && url.transport == RedisUrl::Transport::unix_socket) {
    url.password = value;
  } else if (name == "ca" && tls) {
    url.ca_file = value;
  } else if (name == "cert" && tls) {
    url.certificate_file = value;
  } else if (name == "key" && tls) {
    url.key_file = value;
  } else if (name == "verify" && tls) {
    if (value != "peer" && value != "none") return invalid("verify must be peer or none");
    url.verify_peer = value == "peer";
  } else {
    return invalid("the parameter \"" + name + "\" is not known for this scheme");
  }
  return std::nullopt;
}

std::optional<Error> apply_scheme(RedisUrl& url, std::string_view scheme) {
  if (scheme == "redis") {
    url.transport = RedisUrl::Transport::tcp;
  } else if (scheme == "rediss") {
    url.transport = RedisUrl::Transport::tls;
  } else if (scheme == "unix" || scheme == "redis+unix") {
    url.transport = RedisUrl::Transport::unix_socket;
  } else {
    return invalid("the scheme must be redis, rediss or unix, not \"" + std::string(scheme) + "\"");
  }
  return std::nullopt;
}

std::optional<Error> apply_address(RedisUrl& url, const urls::url_view& view) {
  if (url.transport == RedisUrl::Transport::unix_socket) {
    if (!view.host().empty()) return invalid("unix:// takes no host: write unix:///path");
    url.host.clear();
    url.path = view.path();
    if (url.path.size() < 2) return invalid("unix:// needs the socket's path");
    return std::nullopt;
  }
  url.host = view.host_address();
  if (url.host.empty()) return invalid("the host is missing");
  if (view.has_port() && !view.port().empty()) {
    const auto port = to_number<std::uint16_t>(view.port());
    if (!port || *port == 0) return invalid("the port must be 1 to 65535");
    url.port = *port;
  }
  if (const std::string path = view.path(); path.size() > 1) {
    const auto db = to_db(std::string_view(path).substr(1));
    if (!db) return db.error();
    url.db = *db;
  }
  return std::nullopt;
}

}  // namespace

std::string RedisUrl::describe() const {
  std::string text;
  if (transport == Transport::unix_socket) {
    text = "unix://" + path;
  } else {
    const bool bracketed = host.find(':') != std::string::npos;
    text = (transport == Transport::tls ? "rediss://" : "redis://") + (bracketed ? "[" + host + "]" : host) +
           ":" + std::to_string(port);
  }
  if (db != 0)
    text += transport == Transport::unix_socket ? "?db=" + std::to_string(db) : "/" + std::to_string(db);
  return text;
}

Result<RedisUrl> parse_redis_url(std::string_view text) {
  const auto parsed = urls::parse_uri(text);
  if (!parsed) return invalid("it is not of the form redis://[user:password@]host[:port][/db]");
  const urls::url_view& view = *parsed;
  if (view.has_fragment()) return invalid("a fragment (#…) has no meaning; write # in a password as %23");

  RedisUrl url;
  if (auto error = apply_scheme(url, view.scheme())) return *error;
  if (auto error = apply_address(url, view)) return *error;
  url.user = view.user();
  url.password = view.password();
  for (const auto& parameter : view.params()) {
    if (auto error = apply_parameter(url, parameter.key, parameter.value)) return *error;
  }
  if (!url.user.empty() && url.password.empty()) return invalid("a user needs a password");
  return url;
}

}  // namespace executor
