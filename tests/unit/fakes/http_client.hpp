// A blocking-looking client inside the server's own loop: everything runs on the one io_context of the test.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>

namespace executor {

class HttpClient {
 public:
  HttpClient(boost::asio::io_context& context, std::uint16_t port) : context_(context), socket_(context) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    read();
  }

  /// Queues bytes for the server; turn the loop with one of the functions below.
  void send(std::string text) {
    auto bytes = std::make_shared<std::string>(std::move(text));
    boost::asio::async_write(socket_, boost::asio::buffer(*bytes), [bytes](const auto&, std::size_t) {});
  }

  /// Turns the loop until the received bytes hold `text` `count` times, or the server has closed.
  bool receive(std::string_view text, int count = 1) {
    while (occurrences(text) < count && !closed_) turn();
    return occurrences(text) >= count;
  }
  /// Turns the loop until the server ends the connection; everything that was received.
  const std::string& until_closed() {
    while (!closed_) turn();
    return received_;
  }
  /// Whatever is ready is done, and nothing is waited for.
  void poll() {
    context_.restart();
    context_.poll();
  }

  void finish_sending() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }
  void close() { socket_.close(); }
  void clear() { received_.clear(); }

  [[nodiscard]] const std::string& received() const { return received_; }
  [[nodiscard]] bool closed() const { return closed_; }
  /// The status of the last response, 0 before the first.
  [[nodiscard]] int status() const {
    const std::size_t at = received_.rfind("HTTP/1.1 ");
    return at == std::string::npos ? 0 : std::stoi(received_.substr(at + 9, 3));
  }

 private:
  int occurrences(std::string_view text) const {
    int count = 0;
    for (std::size_t at = 0; (at = received_.find(text, at)) != std::string::npos; at += text.size()) ++count;
    return count;
  }
  void turn() {
    context_.restart();
    context_.run_one();
  }
  void read() {
    socket_.async_read_some(boost::asio::buffer(chunk_), [this](const auto& code, std::size_t size) {
      received_.append(chunk_.data(), size);
      if (code)
        closed_ = true;
      else
        read();
    });
  }

  boost::asio::io_context& context_;
  boost::asio::ip::tcp::socket socket_;
  std::array<char, 65536> chunk_{};
  std::string received_{};
  bool closed_ = false;
};

}  // namespace executor
