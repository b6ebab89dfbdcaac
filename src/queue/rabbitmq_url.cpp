#include "queue/rabbitmq_url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>
#include <utility>

namespace executor {
namespace {

namespace urls = boost::urls;

constexpr int kLongestHeartbeat = 600;
constexpr std::uint16_t kTlsPort = 5671;

Error invalid_url(std::string what) {
  return {"read RabbitMQ URL: " + std::move(what), std::make_error_code(std::errc::invalid_argument)};
}

std::optional<int> to_number(std::string_view text, int min, int max) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good =
      error == std::errc{} && end == text.data() + text.size() && number >= min && number <= max;
  return good ? std::optional(number) : std::nullopt;
}

std::optional<Error> apply_address(RabbitUrl& url, const urls::url_view& view) {
  url.host = view.host_address();
  if (url.host.empty()) return invalid_url("the host is missing");
  if (view.has_port() && !view.port().empty()) {
    const auto port = to_number(view.port(), 1, 65535);
    if (!port) return invalid_url("the port must be 1 to 65535");
    url.port = static_cast<std::uint16_t>(*port);
  }
  if (view.has_userinfo()) {
    url.user = view.user();
    url.password = view.password();
    if (url.user.empty() || url.password.empty()) return invalid_url("a user needs a name and a password");
  }
  if (view.encoded_path().find('/', 1) != std::string_view::npos)
    return invalid_url("a / within the vhost is written as %2F");
  if (const std::string path = view.path(); path.size() > 1) url.vhost = path.substr(1);
  return std::nullopt;
}

std::optional<Error> apply_parameter(RabbitUrl& url, const std::string& name, const std::string& value) {
  if (name == "heartbeat") {
    const auto seconds = to_number(value, 0, kLongestHeartbeat);
    if (!seconds) return invalid_url("heartbeat must be 0 to 600 seconds");
    url.heartbeat_seconds = *seconds;
  } else if (name == "ca" && url.tls) {
    url.ca_file = value;
  } else if (name == "cert" && url.tls) {
    url.certificate_file = value;
  } else if (name == "key" && url.tls) {
    url.key_file = value;
  } else if (name == "verify" && url.tls) {
    if (value != "peer" && value != "none") return invalid_url("verify must be peer or none");
    url.verify_peer = value == "peer";
  } else {
    return invalid_url("the parameter \"" + name + "\" is not known for this scheme");
  }
  return std::nullopt;
}

}  // namespace

std::string RabbitUrl::describe() const {
  const bool bracketed = host.find(':') != std::string::npos;
  return (tls ? "amqps://" : "amqp://") + (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port) +
         (vhost == "/" ? "" : "/" + vhost);
}

Result<RabbitUrl> parse_rabbit_url(std::string_view text) {
  const auto parsed = urls::parse_uri(text);
  if (!parsed) return invalid_url("it is not of the form amqp://[user:password@]host[:port][/vhost]");
  const urls::url_view& view = *parsed;
  if (view.has_fragment()) return invalid_url("a fragment (#…) has no meaning; write # in a password as %23");
  RabbitUrl url;
  if (view.scheme() != "amqp" && view.scheme() != "amqps")
    return invalid_url("the scheme must be amqp or amqps");
  url.tls = view.scheme() == "amqps";
  if (url.tls) url.port = kTlsPort;
  if (auto error = apply_address(url, view)) return *error;
  for (const auto& parameter : view.params())
    if (auto error = apply_parameter(url, parameter.key, parameter.value)) return *error;
  if (url.certificate_file.empty() != url.key_file.empty())
    return invalid_url("cert and key belong together");
  return url;
}

}  // namespace executor
