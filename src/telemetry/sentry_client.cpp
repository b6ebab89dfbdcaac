#include "telemetry/sentry_client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <utility>

#include "base/sys.hpp"

namespace executor {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kLongestExchange{5};
constexpr std::size_t kLongestAnswer = 16384;

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

/// One envelope on a connection of its own.
class SentryDelivery : public std::enable_shared_from_this<SentryDelivery> {
  // (first, because its return type is deduced)
  /// A handler that goes on where the step succeeded, and else ends the delivery with the step's name.
  template <class... Results>
  auto step(const char* name, void (SentryDelivery::*next)(Results...)) {
    return [self = shared_from_this(), name, next](const error_code& code, Results... results) {
      if (!self->done_) return;
      if (code) return self->fail(std::string(name) + ": " + code.message());
      (self.get()->*next)(results...);
    };
  }

 public:
  struct Answer {
    int status = 0;  ///< 0: none came
    std::optional<std::chrono::seconds> retry_after{};
    std::string why{};  ///< of status 0
  };
  using Done = std::function<void(const Answer&)>;

  SentryDelivery(asio::io_context& context, const SentryDsn& dsn, const std::string& release,
                 std::string envelope, Done done)
      : dsn_(dsn), resolver_(context), stream_(context), deadline_(context), done_(std::move(done)) {
    request_.method(beast_http::verb::post);
    request_.target(dsn.target);
    request_.set(beast_http::field::host, dsn.authority());
    request_.set(beast_http::field::user_agent, release);
    request_.set(beast_http::field::content_type, "application/x-sentry-envelope");
    request_.set("X-Sentry-Auth",
                 "Sentry sentry_version=7, sentry_client=" + release + ", sentry_key=" + dsn.key);
    request_.keep_alive(false);
    request_.body() = std::move(envelope);
    request_.prepare_payload();
    answer_.body_limit(kLongestAnswer);
  }

  void start() {
    deadline_.expires_after(kLongestExchange);
    deadline_.async_wait([self = shared_from_this()](const error_code& code) {
      if (!code) self->fail("no answer within 5 s");
    });
    if (dsn_.tls && !prepare_tls()) return;
    resolver_.async_resolve(dsn_.host, std::to_string(dsn_.port), step("resolve", &SentryDelivery::connect));
  }

  void abandon() {
    done_ = nullptr;
    close();
  }

 private:
  template <class Use>
  void with_stream(Use use) {
    tls_ ? use(*tls_) : use(stream_);
  }

  bool prepare_tls() {
    error_code code;
    tls_context_.set_default_verify_paths(code);
    tls_.emplace(stream_, tls_context_);
    if (!code) tls_->set_verify_mode(asio::ssl::verify_peer, code);
    if (!code) tls_->set_verify_callback(asio::ssl::host_name_verification(dsn_.host), code);
    error_code no_address;
    asio::ip::make_address(dsn_.host, no_address);
    if (!code && no_address && SSL_set_tlsext_host_name(tls_->native_handle(), dsn_.host.c_str()) != 1)
      code = asio::error::invalid_argument;
    if (code) fail("set up TLS: " + code.message());
    return !code;
  }

  void connect(const tcp::resolver::results_type& found) {
    stream_.async_connect(found, step("connect", &SentryDelivery::shake_hands));
  }

  void shake_hands(const tcp::endpoint&) {
    if (!tls_) return write();
    tls_->async_handshake(asio::ssl::stream_base::client, step("TLS handshake", &SentryDelivery::write));
  }

  void write() {
    with_stream([this](auto& stream) {
      beast_http::async_write(stream, request_, step("write", &SentryDelivery::read));
    });
  }

  void read(std::size_t) {
    with_stream([this](auto& stream) {
      beast_http::async_read_header(stream, buffer_, answer_, step("read", &SentryDelivery::finish));
    });
  }

  void finish(std::size_t) {
    const auto& answer = answer_.get();
    end({static_cast<int>(answer.result_int()), seconds_of(answer[beast_http::field::retry_after]), {}});
  }

  void fail(const std::string& why) { end({0, std::nullopt, why}); }

  void end(const Answer& answer) {
    const Done done = std::exchange(done_, nullptr);
    close();
    if (done) done(answer);
  }

  void close() {
    deadline_.cancel();
    resolver_.cancel();
    stream_.close();
  }

  SentryDsn dsn_;
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  asio::steady_timer deadline_;
  asio::ssl::context tls_context_{asio::ssl::context::tls_client};
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls_{};
  beast_http::request<beast_http::string_body> request_{};
  beast::flat_buffer buffer_{};
  beast_http::response_parser<beast_http::string_body> answer_{};
  Done done_;
};

class SentryClient::State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& context, Parts parts, SentryOutbox::Limits limits)
      : context_(context), parts_(std::move(parts)), outbox_(limits), pause_(context), patience_(context) {}

  void report(std::string_view name, const nlohmann::ordered_json& fields) {
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    outbox_.push(sentry_envelope(parts_.sender, sys::random_hex(16), now, name, fields));
    go_on();
  }

  void flush(std::chrono::milliseconds most, std::function<void()> done) {
    flushed_ = std::move(done);
    patience_.expires_after(most);
    patience_.async_wait([weak = weak_from_this()](const error_code&) {
      const auto self = weak.lock();
      if (self && self->flushed_) std::exchange(self->flushed_, nullptr)();
    });
    if (outbox_.idle()) patience_.cancel();
  }

  void stop() {
    flushed_ = nullptr;
    pause_.cancel();
    patience_.cancel();
    if (delivery_) delivery_->abandon();
  }

  [[nodiscard]] const SentryOutbox& outbox() const { return outbox_; }

 private:
  void go_on() {
    if (outbox_.idle()) patience_.cancel();
    const auto due = outbox_.due();
    if (!due) return;
    if (*due <= std::chrono::steady_clock::now()) return deliver();
    pause_.expires_at(*due);
    pause_.async_wait([weak = weak_from_this()](const error_code& code) {
      if (const auto self = weak.lock(); self && !code) self->go_on();
    });
  }

  void deliver() {
    delivery_ =
        std::make_shared<SentryDelivery>(context_, parts_.dsn, parts_.sender.release, outbox_.take(),
                                         [weak = weak_from_this()](const SentryDelivery::Answer& answer) {
                                           if (const auto self = weak.lock()) self->on_answer(answer);
                                         });
    delivery_->start();
  }

  void on_answer(const SentryDelivery::Answer& answer) {
    const auto now = std::chrono::steady_clock::now();
    delivery_.reset();
    answer.status == 0 ? outbox_.failed(now) : outbox_.answered(answer.status, answer.retry_after, now);
    if (answer.status / 100 != 2 && parts_.trouble)
      parts_.trouble(answer.status == 0 ? answer.why : "answered " + std::to_string(answer.status));
    go_on();
  }

  asio::io_context& context_;
  Parts parts_;
  SentryOutbox outbox_;
  asio::steady_timer pause_;
  asio::steady_timer patience_;
  std::function<void()> flushed_{};
  std::shared_ptr<SentryDelivery> delivery_{};
};

SentryClient::SentryClient(asio::io_context& context, Parts parts, SentryOutbox::Limits limits)
    : state_(std::make_shared<State>(context, std::move(parts), limits)) {}
SentryClient::~SentryClient() { state_->stop(); }

void SentryClient::report(std::string_view name, const nlohmann::ordered_json& fields) {
  state_->report(name, fields);
}
void SentryClient::flush(std::chrono::milliseconds most, std::function<void()> done) {
  state_->flush(most, std::move(done));
}
std::uint64_t SentryClient::sent() const { return state_->outbox().sent(); }
std::uint64_t SentryClient::dropped() const { return state_->outbox().dropped(); }

}  // namespace executor
