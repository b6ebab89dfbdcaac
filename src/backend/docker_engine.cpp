#include "backend/docker_engine.hpp"

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

namespace executor::docker {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Connection = beast::basic_stream<asio::local::stream_protocol>;

/// "POST /containers/create": what errors name.
std::string name_of(const Request& request) {
  return "ask the Docker engine: " + request.method + " " +
         request.target.substr(0, request.target.find('?'));
}

class AttachedStream final : public Stream, public std::enable_shared_from_this<AttachedStream> {
 public:
  AttachedStream(Connection connection, std::string early)
      : connection_(std::move(connection)), early_(std::move(early)) {
    connection_.expires_never();
  }

  void read(Events events) override {
    events_ = std::move(events);
    asio::post(connection_.get_executor(), [self = shared_from_this()] {
      if (!self->early_.empty() && self->events_) self->events_->on_bytes(std::exchange(self->early_, {}));
      self->read_more();
    });
  }

  void write(std::string bytes) override {
    waiting_ += bytes;
    write_more();
  }

  void end_input() override {
    input_ends_ = true;
    write_more();
  }

  void close() override {
    events_.reset();
    connection_.close();
  }

 private:
  void read_more() {
    if (!events_) return;
    connection_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](const error_code& code, std::size_t size) {
                                  if (!self->events_) return;
                                  if (code) return std::exchange(self->events_, std::nullopt)->on_end();
                                  self->events_->on_bytes({self->chunk_.data(), size});
                                  self->read_more();
                                });
  }

  void write_more() {
    if (writing_) return;
    if (waiting_.empty()) {
      error_code ignored;
      if (std::exchange(input_ends_, false))
        connection_.socket().shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
      return;
    }
    writing_ = true;
    current_ = std::exchange(waiting_, {});
    asio::async_write(connection_, asio::buffer(current_),
                      [self = shared_from_this()](const error_code& code, std::size_t) {
                        self->writing_ = false;
                        if (!code) self->write_more();  // a loss is told by the reading side
                      });
  }

  Connection connection_;
  std::string early_;  // what came with the answer's head
  std::optional<Events> events_{};
  std::array<char, 64 * kKiB> chunk_{};
  std::string waiting_{}, current_{};
  bool writing_ = false;
  bool input_ends_ = false;
};

/// Connect, write, read: each step starts the next, the first failure ends it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& context, Request request) : connection_(context), name_(name_of(request)) {
    connection_.expires_after(request.deadline);
    message_.method(http::string_to_verb(request.method));
    message_.target(request.target);
    message_.set(http::field::host, "docker");
    if (!request.body.empty()) message_.set(http::field::content_type, "application/json");
    message_.body() = std::move(request.body);
    parser_.body_limit(request.answer_max);
  }

  void ask(const std::string& path, Engine::Answered answered) {
    answered_ = std::move(answered);
    message_.set(http::field::connection, "close");
    send(path, [this] {
      http::async_read(
          connection_, buffer_, parser_, [self = shared_from_this()](const error_code& code, std::size_t) {
            if (code) return self->fail(code);
            self->answered_(Response{self->parser_.get().result_int(), self->parser_.get().body()});
          });
    });
  }

  void open(const std::string& path, Engine::Opened opened) {
    opened_ = std::move(opened);
    message_.set(http::field::connection, "Upgrade");
    message_.set(http::field::upgrade, "tcp");
    send(path, [this] {
      http::async_read_header(connection_, buffer_, parser_,
                              [self = shared_from_this()](const error_code& code, std::size_t) {
                                if (code) return self->fail(code);
                                self->give_away();
                              });
    });
  }

 private:
  template <class Read>
  void send(const std::string& path, Read read) {
    message_.prepare_payload();
    connection_.async_connect(asio::local::stream_protocol::endpoint(path), [this, self = shared_from_this(),
                                                                             read](error_code code) {
      if (code) return fail(code);
      http::async_write(connection_, message_, [this, self, read](const error_code& written, std::size_t) {
        // an engine may answer before it has read all, and close
        if (written && written != asio::error::broken_pipe) return fail(written);
        read();
      });
    });
  }

  void give_away() {
    const unsigned status = parser_.get().result_int();
    if (status != 101 && status != 200)
      return fail(make_error_code(std::errc::protocol_error), " answered " + std::to_string(status));
    std::string early(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    opened_(
        std::shared_ptr<Stream>(std::make_shared<AttachedStream>(std::move(connection_), std::move(early))));
  }

  void fail(const std::error_code& code, const std::string& more = {}) {
    const Error error(name_ + more, code);
    return opened_ ? opened_(error) : answered_(error);
  }

  Connection connection_;
  std::string name_;
  http::request<http::string_body> message_{};
  http::response_parser<http::string_body> parser_{};
  beast::flat_buffer buffer_{64 * kKiB};
  Engine::Answered answered_{};
  Engine::Opened opened_{};
};

}  // namespace

void Engine::request(Request request, Answered answered) {
  std::make_shared<Exchange>(context_, std::move(request))->ask(socket_path_, std::move(answered));
}

void Engine::open_stream(Request request, Opened opened) {
  std::make_shared<Exchange>(context_, std::move(request))->open(socket_path_, std::move(opened));
}

}  // namespace executor::docker
