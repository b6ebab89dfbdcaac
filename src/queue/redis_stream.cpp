#include "queue/redis_stream.hpp"

#include <openssl/err.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <utility>
#include <vector>

namespace executor {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Socket = asio::generic::stream_protocol::socket;
using TlsStream = asio::ssl::stream<Socket&>;

Error stream_error(std::string what, const error_code& code) {
  return {std::move(what), std::error_code(code)};
}

class AsioStream : public RedisStream, public std::enable_shared_from_this<AsioStream> {
  // (first, because its return type is deduced)
  /// The handler with a share of this object, so that the socket outlives its operations.
  auto keep(Transferred done) {
    return [self = shared_from_this(), done = std::move(done)](const error_code& code, std::size_t size) {
      done(code, size);
    };
  }

 public:
  explicit AsioStream(asio::io_context& io) : io_(io), resolver_(io), socket_(io) {}

  void connect(const RedisUrl& url, Connected done) override {
    url_ = url;
    connected_ = std::move(done);
    if (url.transport == RedisUrl::Transport::unix_socket) return connect_unix();
    if (url.transport == RedisUrl::Transport::tls) {
      if (auto ready = prepare_tls(); !ready) {
        return asio::post(io_, [self = shared_from_this(), ready]() { self->report(ready); });
      }
    }
    resolver_.async_resolve(
        url.host, std::to_string(url.port),
        [self = shared_from_this()](const error_code& code, const tcp::resolver::results_type& found) {
          if (code) return self->report(stream_error("resolve \"" + self->url_.host + "\"", code));
          for (const auto& entry : found) self->endpoints_.emplace_back(entry.endpoint());
          self->connect_next({});
        });
  }

  void read_some(asio::mutable_buffer buffer, Transferred done) override {
    auto handler = keep(std::move(done));
    if (tls_) return tls_->async_read_some(buffer, std::move(handler));
    socket_.async_read_some(buffer, std::move(handler));
  }

  void write(asio::const_buffer buffer, Transferred done) override {
    auto handler = keep(std::move(done));
    if (tls_) return asio::async_write(*tls_, buffer, std::move(handler));
    asio::async_write(socket_, buffer, std::move(handler));
  }

  void close() override {
    error_code ignored;
    resolver_.cancel();
    socket_.close(ignored);
  }

 private:
  void report(const Result<void>& outcome) {
    if (auto done = std::exchange(connected_, nullptr)) done(outcome);
  }

  void connect_unix() {
    if (url_.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return asio::post(io_, [self = shared_from_this()]() {
        self->report(errno_error("connect to \"" + self->url_.path + "\"", ENAMETOOLONG));
      });
    }
    endpoints_.emplace_back(asio::local::stream_protocol::endpoint(url_.path));
    connect_next({});
  }

  /// Tries one address after the other; `last` is why the previous one failed.
  void connect_next(const error_code& last) {
    if (next_endpoint_ == endpoints_.size()) {
      return report(stream_error("connect to " + url_.describe(), last ? last : asio::error::host_not_found));
    }
    error_code ignored;
    socket_.close(ignored);
    socket_.async_connect(endpoints_[next_endpoint_++], [self = shared_from_this()](const error_code& code) {
      if (code == asio::error::operation_aborted) return self->report(stream_error("connect", code));
      if (code) return self->connect_next(code);
      self->handshake();
    });
  }

  void handshake() {
    error_code ignored;
    if (url_.transport != RedisUrl::Transport::unix_socket) socket_.set_option(tcp::no_delay(true), ignored);
    if (!tls_) return report({});
    tls_->async_handshake(asio::ssl::stream_base::client,
                          [self = shared_from_this()](const error_code& code) {
                            if (!code) return self->report({});
                            self->report(stream_error("TLS handshake with " + self->url_.describe(), code));
                          });
  }

  Result<void> prepare_tls() {
    error_code code;
    context_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    context_->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, code);
    if (auto loaded = load_files(); !loaded) return loaded;
    tls_ = std::make_unique<TlsStream>(socket_, *context_);
    tls_->set_verify_mode(url_.verify_peer ? asio::ssl::verify_peer : asio::ssl::verify_none, code);
    if (!code && url_.verify_peer)
      tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host), code);
    if (code) return stream_error("set up TLS", code);
    asio::ip::make_address(url_.host, code);
    if (code && SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str()) != 1) {
      return stream_error("set TLS server name \"" + url_.host + "\"", asio::error::invalid_argument);
    }
    return {};
  }

  Result<void> load_files() {
    error_code code;
    if (url_.ca_file.empty()) {
      context_->set_default_verify_paths(code);
    } else {
      context_->load_verify_file(url_.ca_file, code);
    }
    if (code) return stream_error("read trusted certificates \"" + url_.ca_file + "\"", code);
    if (!url_.certificate_file.empty()) context_->use_certificate_chain_file(url_.certificate_file, code);
    if (code) return stream_error("read certificate \"" + url_.certificate_file + "\"", code);
    if (!url_.key_file.empty()) context_->use_private_key_file(url_.key_file, asio::ssl::context::pem, code);
    if (code) return stream_error("read private key \"" + url_.key_file + "\"", code);
    return {};
  }

  asio::io_context& io_;
  RedisUrl url_{};
  Connected connected_{};
  tcp::resolver resolver_;
  std::vector<asio::generic::stream_protocol::endpoint> endpoints_{};
  std::size_t next_endpoint_ = 0;
  Socket socket_;
  std::unique_ptr<asio::ssl::context> context_{};
  std::unique_ptr<TlsStream> tls_{};
};

}  // namespace

std::shared_ptr<RedisStream> make_redis_stream(boost::asio::io_context& io) {
  return std::make_shared<AsioStream>(io);
}

}  // namespace executor
