#include "http/connection.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

#include "http/status.hpp"

namespace executor::http {

namespace asio = boost::asio;
using boost::system::error_code;

Connection::Connection(asio::ip::tcp::socket socket, ConnectionHost& host, const ServerLimits& limits)
    : socket_(std::move(socket)),
      host_(host),
      limits_(limits),
      buffer_(std::make_unique_for_overwrite<std::array<char, kBufferSize>>()) {}

Connection::~Connection() = default;

void Connection::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  enter(Phase::idle);
  read_more();
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  const Clock::time_point now = Clock::now();
  switch (phase) {
    case Phase::idle:
      deadline_ = now + limits_.idle_time;
      break;
    case Phase::header:
      deadline_ = now + limits_.header_time;
      break;
    case Phase::body:
      deadline_ = now + limits_.body_time;
      break;
    case Phase::writing:
      deadline_ = now + limits_.write_time;
      break;
    case Phase::lingering:
      deadline_ = now + limits_.linger_time;
      break;
    case Phase::handling:
    case Phase::streaming:  // has a deadline while it writes
    case Phase::closed:
      deadline_ = Clock::time_point::max();
      break;
  }
}

void Connection::check_deadline(Clock::time_point now) {
  if (now < deadline_) return;
  if (phase_ != Phase::header && phase_ != Phase::body) return close();
  host_.rejected("timeout");
  refuse(error_response(408, "request_timeout", "the request took too long to arrive"));
}

// A stream may have no end in sight.
void Connection::drain() {
  if (phase_ == Phase::idle || phase_ == Phase::streaming) close();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  enter(Phase::closed);
  error_code ignored;
  socket_.close(ignored);
  parser_.reset();
  const ExchangePtr exchange = std::exchange(exchange_, nullptr);
  host_.closed(*this);
  if (exchange) exchange->client_left();
}

// One read is always pending while the buffer has room, whatever the phase.
void Connection::read_more() {
  if (reading_ || phase_ == Phase::closed) return;
  if (begin_ > 0 && end_ == kBufferSize) {
    std::memmove(buffer_->data(), buffer_->data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == kBufferSize) return;
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(buffer_->data() + end_, kBufferSize - end_),
      [self = shared_from_this()](const error_code& code, std::size_t size) { self->on_read(code, size); });
}

void Connection::on_read(const error_code& code, std::size_t size) {
  reading_ = false;
  if (phase_ == Phase::closed) return;
  if (code == asio::error::eof) return on_end_of_input();
  if (code) return close();
  end_ += size;
  if (phase_ == Phase::lingering) {
    lingered_ += size;
    begin_ = end_ = 0;
    if (lingered_ > limits_.linger_bytes) return close();
  }
  advance();
  read_more();
}

// A client that ends its sending side has left: a closed socket looks the same from here.
void Connection::on_end_of_input() {
  if (phase_ == Phase::writing) {
    close_after_write_ = true;
    return;
  }
  if (phase_ != Phase::header && phase_ != Phase::body) return close();
  host_.rejected("bad_request");
  refuse(error_response(400, "bad_request", "the request ended early"));
}

void Connection::consume(std::size_t size) {
  begin_ += size;
  if (begin_ == end_) begin_ = end_ = 0;
}

// Parses what the buffer holds, until it is used up or a request has to be answered first.
void Connection::advance() {
  if (advancing_) return;
  advancing_ = true;
  while (begin_ < end_ && (phase_ == Phase::idle || phase_ == Phase::header || phase_ == Phase::body)) {
    if (phase_ == Phase::idle) begin_request();
    const std::size_t used = parser_->feed({buffer_->data() + begin_, end_ - begin_});
    consume(used);
    if (parser_->state() == RequestParser::State::failed) {
      host_.rejected(parser_->failure().status == 413 ? "payload_too_large" : "bad_request");
      refuse(parser_->failure());
    } else if (parser_->state() == RequestParser::State::complete) {
      dispatch();
    } else {
      if (phase_ == Phase::header && parser_->state() == RequestParser::State::body) enter(Phase::body);
      if (phase_ == Phase::body && begin_ == end_) send_continue();
      if (used > 0) continue;
      if (end_ - begin_ < kBufferSize) break;
      host_.rejected("bad_request");
      refuse(error_response(400, "bad_request", "a chunk's size line is too long"));
    }
  }
  advancing_ = false;
}

void Connection::begin_request() {
  exchange_ = std::make_shared<Exchange>();
  parser_.emplace(exchange_->request(), limits_.parser);
  continue_sent_ = false;
  enter(Phase::header);
}

// Tried once without waiting: a socket whose send buffer has no room for this line belongs to no honest
// client.
void Connection::send_continue() {
  if (!parser_->expects_continue() || std::exchange(continue_sent_, true)) return;
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  error_code code;
  socket_.non_blocking(true, code);
  if (!code) socket_.write_some(asio::buffer(kContinue), code);
  if (code) close();
}

void Connection::dispatch() {
  parser_.reset();
  enter(Phase::handling);
  const ExchangePtr exchange = exchange_;
  exchange->set_send([weak = weak_from_this()](Response response) {
    if (const auto self = weak.lock()) self->write(std::move(response));
  });
  exchange->set_stream({.begin =
                            [weak = weak_from_this()](const Response& head) {
                              if (const auto self = weak.lock()) self->begin_stream(head);
                            },
                        .add =
                            [weak = weak_from_this()](const std::string& piece) {
                              if (const auto self = weak.lock()) self->add_piece(piece);
                            },
                        .finish =
                            [weak = weak_from_this()] {
                              if (const auto self = weak.lock()) self->finish_stream();
                            }});
  host_.handle(exchange);
}

void Connection::refuse(Response response) {
  if (phase_ == Phase::closed) return;
  response.close = true;
  write(std::move(response));
  parser_.reset();
}

void Connection::write(Response response) {
  if (phase_ == Phase::closed) return;
  enter(Phase::writing);
  response_ = std::move(response);
  close_after_write_ = response_.close || !exchange_->request().keep_alive || host_.draining();
  format_head(response_);
  const bool bodyless = exchange_->request().method == "HEAD";
  const std::array<asio::const_buffer, 2> parts{
      asio::buffer(head_), bodyless ? asio::const_buffer() : asio::buffer(response_.body)};
  asio::async_write(socket_, parts, [self = shared_from_this()](const error_code& code, std::size_t) {
    self->on_written(code);
  });
}

void Connection::begin_stream(const Response& head) {
  if (phase_ == Phase::closed) return;
  enter(Phase::streaming);
  close_after_write_ = true;
  stream_finished_ = false;
  format_head(head);
  pieces_ = head_ + head.body;
  write_pieces();
}

void Connection::add_piece(const std::string& piece) {
  if (phase_ != Phase::streaming) return;
  pieces_ += piece;
  if (pieces_.size() > limits_.stream_bytes) return close();
  write_pieces();
}

void Connection::finish_stream() {
  if (phase_ != Phase::streaming) return;
  stream_finished_ = true;
  write_pieces();
}

void Connection::write_pieces() {
  if (!pieces_writing_.empty()) return;
  if (pieces_.empty()) {
    if (stream_finished_) on_written({});
    return;
  }
  pieces_writing_.swap(pieces_);
  deadline_ = Clock::now() + limits_.write_time;
  asio::async_write(socket_, asio::buffer(pieces_writing_),
                    [self = shared_from_this()](const error_code& code, std::size_t) {
                      self->pieces_writing_.clear();
                      if (self->phase_ != Phase::streaming) return;
                      if (code) return self->close();
                      self->deadline_ = Clock::time_point::max();
                      self->write_pieces();
                    });
}

void Connection::format_head(const Response& response) {
  const Request& request = exchange_->request();
  head_.clear();
  head_ += "HTTP/1.1 ";
  head_ += status_line(response.status);
  head_ += "\r\n";
  head_ += host_.date_line();
  head_ += "Content-Type: ";
  head_ += response.content_type;
  head_ += "\r\n";
  if (phase_ != Phase::streaming) head_ += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (close_after_write_)
    head_ += "Connection: close\r\n";
  else if (request.http_1_0)
    head_ += "Connection: keep-alive\r\n";
  head_ += response.headers;
  head_ += "\r\n";
}

void Connection::on_written(const error_code& code) {
  if (phase_ == Phase::closed) return;
  exchange_.reset();
  response_ = {};
  if (code) return close();
  if (close_after_write_ || host_.draining())
    linger();
  else
    enter(Phase::idle);
  host_.answered();
  if (phase_ != Phase::idle) return;
  advance();
  read_more();
}

// Closing with unread bytes in the socket makes the kernel send a reset, which can overtake the answer.
void Connection::linger() {
  error_code code;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, code);
  if (code) return close();
  enter(Phase::lingering);
  begin_ = end_ = 0;
  read_more();
}

}  // namespace executor::http
