#include "app/doctor/http_probe.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "executor/limits.hpp"

namespace executor::doctor {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

/// Connect, write, read: each step starts the next, the first failure ends it.
template <class Protocol>
class Exchange {
 public:
  explicit Exchange(const HttpQuestion& question) {
    request_.method_string(question.method);
    request_.target(question.target);
    request_.set(http::field::host, "localhost");
    request_.set(http::field::connection, "close");
    for (const auto& [name, value] : question.headers) request_.set(name, value);
    if (!question.body.empty()) {
      request_.set(http::field::content_type, "application/json");
      request_.body() = question.body;
      request_.prepare_payload();
    }
    parser_.body_limit(question.answer_max);
  }

  Result<HttpAnswer> run(const typename Protocol::endpoint& endpoint, const std::string& name,
                         std::chrono::milliseconds patience) {
    stream_.expires_after(patience);
    stream_.async_connect(endpoint, [this](const error_code& code) {
      if (code) return end(code);
      http::async_write(stream_, request_, [this](const error_code& written, std::size_t) {
        if (written) return end(written);
        http::async_read(stream_, buffer_, parser_,
                         [this](const error_code& read, std::size_t) { end(read); });
      });
    });
    context_.run();
    if (outcome_) return Error("ask \"" + name + "\"", *outcome_);
    return HttpAnswer{parser_.get().result_int(), parser_.get().body()};
  }

 private:
  void end(const error_code& code) {
    if (code) outcome_ = code;
  }

  asio::io_context context_{1};
  beast::basic_stream<Protocol> stream_{context_};
  http::request<http::string_body> request_{};
  http::response_parser<http::string_body> parser_{};
  beast::flat_buffer buffer_{16 * kKiB};
  std::optional<error_code> outcome_{};
};

}  // namespace

Result<HttpAnswer> http_get_unix(const std::string& socket_path, const std::string& target,
                                 std::chrono::milliseconds patience) {
  constexpr std::size_t kLongestPath = 107;  // sockaddr_un
  if (socket_path.empty() || socket_path.size() > kLongestPath)
    return errno_error("ask \"" + socket_path + "\"", ENAMETOOLONG);
  return Exchange<asio::local::stream_protocol>({.target = target}).run(socket_path, socket_path, patience);
}

Result<HttpAnswer> http_get_tcp(const std::string& host, std::uint16_t port, const std::string& target,
                                std::chrono::milliseconds patience) {
  return http_ask_tcp(host, port, {.target = target}, patience);
}

Result<HttpAnswer> http_ask_tcp(const std::string& host, std::uint16_t port, const HttpQuestion& question,
                                std::chrono::milliseconds patience) {
  asio::io_context context;
  error_code failed;
  const auto found = asio::ip::tcp::resolver(context).resolve(host, std::to_string(port), failed);
  if (failed || found.empty()) return Error("find \"" + host + "\"", failed);
  return Exchange<asio::ip::tcp>(question).run(*found.begin(), host, patience);
}

}  // namespace executor::doctor
