// One client connection: reads requests one after the other, has each handled, writes its response in one go.
//
// Reading never stops while a request is handled, up to one buffer: that is how a client that leaves is
// noticed, and all that pipelining may run ahead. Requests are handled strictly in turn, so answers keep
// their order.
//
// Ownership: kept alive by its own pending operations. Thread safety: the io_context's one thread.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "http/endpoint.hpp"
#include "http/request_parser.hpp"

namespace executor::http {

using Clock = std::chrono::steady_clock;

struct ServerLimits {
  ParserLimits parser{};
  std::size_t connections = 1024;
  std::chrono::milliseconds header_time{10'000};  ///< first byte of a request to the end of its header
  std::chrono::milliseconds body_time{30'000};    ///< end of the header to the end of the body
  std::chrono::milliseconds idle_time{75'000};    ///< between requests
  std::chrono::milliseconds write_time{20'000};   ///< for one response
  std::chrono::milliseconds linger_time{2'000};   ///< reading on after an error so that its answer arrives
  std::size_t stream_bytes =
      1 * kMiB;  ///< unsent pieces of a stream; a client that is further behind is cut off
  std::size_t linger_bytes = 1 * kMiB;  ///< at most this much is read and thrown away then
};

/// What a connection asks of the server that accepted it. Outlives every connection that is not closed.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual void handle(const ExchangePtr& exchange) = 0;
  [[nodiscard]] virtual bool draining() const = 0;
  /// The Date header's line for this second.
  virtual std::string_view date_line() = 0;
  virtual void rejected(std::string_view reason) = 0;
  virtual void closed(class Connection& connection) = 0;
  /// A response has been written.
  virtual void answered() = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, ConnectionHost& host, const ServerLimits& limits);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  /// Acts on the deadline of the present phase if `now` has reached it.
  void check_deadline(Clock::time_point now);
  /// Ends the connection once the request that it is busy with is answered; at once if there is none.
  void drain();
  /// Ends it now. The handler of a pending request learns that its client has left.
  void close();
  [[nodiscard]] bool busy() const { return phase_ == Phase::handling || phase_ == Phase::writing; }
  /// Has read a part of a request.
  [[nodiscard]] bool reading() const { return phase_ == Phase::header || phase_ == Phase::body; }

 private:
  enum class Phase { idle, header, body, handling, writing, streaming, lingering, closed };

  void enter(Phase phase);
  void read_more();
  void on_read(const boost::system::error_code& code, std::size_t size);
  void on_end_of_input();
  void advance();
  void begin_request();
  void dispatch();
  void refuse(Response response);
  void send_continue();
  void write(Response response);
  void on_written(const boost::system::error_code& code);
  void linger();
  void begin_stream(const Response& head);
  void add_piece(const std::string& piece);
  void finish_stream();
  void write_pieces();
  void format_head(const Response& response);
  void consume(std::size_t size);

  static constexpr std::size_t kBufferSize = 16 * kKiB;

  boost::asio::ip::tcp::socket socket_;
  ConnectionHost& host_;
  const ServerLimits& limits_;
  Phase phase_ = Phase::idle;
  Clock::time_point deadline_{};
  std::unique_ptr<std::array<char, kBufferSize>> buffer_;
  std::size_t begin_ = 0;  // unread bytes are [begin_, end_) of the buffer
  std::size_t end_ = 0;
  bool reading_ = false;
  bool advancing_ = false;
  bool continue_sent_ = false;
  bool close_after_write_ = false;
  std::size_t lingered_ = 0;
  ExchangePtr exchange_{};
  std::optional<RequestParser> parser_{};
  Response response_{};  // what is being written
  std::string head_{};
  std::string pieces_{};          // of a stream, still to be written
  std::string pieces_writing_{};  // and what is being written
  bool stream_finished_ = false;
};

}  // namespace executor::http
