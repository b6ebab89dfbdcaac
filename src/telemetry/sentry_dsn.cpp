#include "telemetry/sentry_dsn.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <utility>

namespace executor {

namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

Error invalid_dsn(std::string what) {
  return {"read Sentry address: " + std::move(what), std::make_error_code(std::errc::invalid_argument)};
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

Result<std::uint16_t> to_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0)
    return invalid_dsn("the port must be 1 to 65535");
  return port;
}

/// What stands before the project stays in front of the endpoint: Sentry below a path of another server.
Result<std::string> to_target(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string project = slash == std::string::npos ? "" : path.substr(slash + 1);
  if (!is_word(project)) return invalid_dsn("the path must end in the project's number");
  return path.substr(0, slash) + "/api/" + project + "/envelope/";
}

}  // namespace

std::string SentryDsn::authority() const {
  const bool bracketed = host.find(':') != std::string::npos;
  const std::string name = bracketed ? "[" + host + "]" : host;
  return port == (tls ? kHttpsPort : kHttpPort) ? name : name + ":" + std::to_string(port);
}

std::string SentryDsn::describe() const { return (tls ? "https://" : "http://") + authority() + target; }

Result<SentryDsn> parse_sentry_dsn(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return invalid_dsn("it is not of the form https://KEY@host[:port]/PROJECT");
  const boost::urls::url_view& view = *parsed;
  if (view.scheme() != "http" && view.scheme() != "https")
    return invalid_dsn("the scheme must be http or https");
  if (view.has_query() || view.has_fragment()) return invalid_dsn("a query or fragment has no meaning");
  SentryDsn dsn;
  dsn.tls = view.scheme() == "https";
  dsn.port = dsn.tls ? kHttpsPort : kHttpPort;
  dsn.host = view.host_address();
  if (dsn.host.empty()) return invalid_dsn("the host is missing");
  if (view.has_port() && !view.port().empty()) {
    const auto port = to_port(view.port());
    if (!port) return port.error();
    dsn.port = *port;
  }
  dsn.key = view.user();
  if (!is_word(dsn.key)) return invalid_dsn("the public key before the @ must be letters and digits");
  auto target = to_target(std::string(view.encoded_path()));
  if (!target) return target.error();
  dsn.target = std::move(*target);
  return dsn;
}

}  // namespace executor
