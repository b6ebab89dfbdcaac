// A client on the test's own io_context: what waits for bytes turns the loop, so one thread plays both sides.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace executor {

class HttpClient {
 public:
  HttpClient(boost::asio::io_context& context, std::uint16_t port)
      : context_(context), state_(std::make_shared<State>(context)) {
    state_->socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    read(state_);
  }
  ~HttpClient() { close(); }
  HttpClient(HttpClient&&) = default;
  HttpClient& operator=(HttpClient&&) = delete;

  /// Queues bytes for the server; turn the loop with one of the functions below.
  void send(std::string text) {
    auto bytes = std::make_shared<std::string>(std::move(text));
    boost::asio::async_write(state_->socket, boost::asio::buffer(*bytes),
                             [bytes, state = state_](const auto&, std::size_t) {});
  }

  /// Turns the loop until the received bytes hold `text` `count` times, or the server has closed.
  bool receive(std::string_view text, int count = 1) {
    while (occurrences(text) < count && !closed()) turn();
    return occurrences(text) >= count;
  }
  /// Turns the loop until the server ends the connection; everything that was received.
  const std::string& until_closed() {
    while (!closed()) turn();
    return received();
  }
  /// Whatever is ready is done, and nothing is waited for.
  void poll() {
    context_.restart();
    context_.poll();
  }

  void finish_sending() { state_->socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }
  void close() {
    boost::system::error_code ignored;
    if (state_) state_->socket.close(ignored);
  }
  void clear() { state_->received.clear(); }

  [[nodiscard]] const std::string& received() const { return state_->received; }
  [[nodiscard]] bool closed() const { return state_->closed; }
  /// The status of the last response, 0 before the first.
  [[nodiscard]] int status() const {
    const std::size_t at = received().rfind("HTTP/1.1 ");
    return at == std::string::npos ? 0 : std::stoi(received().substr(at + 9, 3));
  }

 private:
  // outlives the client while a read or write is pending
  struct State {
    explicit State(boost::asio::io_context& context) : socket(context) {}
    boost::asio::ip::tcp::socket socket;
    std::array<char, 65536> chunk{};
    std::string received{};
    bool closed = false;
  };

  int occurrences(std::string_view text) const {
    int count = 0;
    for (std::size_t at = 0; (at = received().find(text, at)) != std::string::npos; at += text.size())
      ++count;
    return count;
  }
  void turn() {
    context_.restart();
    context_.run_one();
  }
  static void read(const std::shared_ptr<State>& state) {
    state->socket.async_read_some(boost::asio::buffer(state->chunk),
                                  [state](const auto& code, std::size_t size) {
                                    state->received.append(state->chunk.data(), size);
                                    if (code)
                                      state->closed = true;
                                    else
                                      read(state);
                                  });
  }

  boost::asio::io_context& context_;
  std::shared_ptr<State> state_;
};

}  // namespace executor
