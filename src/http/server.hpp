// The HTTP server: listens, accepts up to a cap, gives each request to the endpoint table.
//
// Ownership: must outlive the last run of its io_context; destroying it closes every connection.
// Thread safety: the io_context's one thread. Errors: listen() reports; a failing accept is tried again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "executor/error.hpp"
#include "http/connection.hpp"
#include "http/status.hpp"

namespace executor::http {

class Server : private ConnectionHost {
 public:
  /// What the server tells of itself, for metrics. Members may be empty.
  struct Events {
    std::function<void(std::string_view reason)> rejected{};
    std::function<void(std::string_view what)> failed{};  ///< a handler's exception, for the log
    std::function<void()> quiet{};  ///< while draining, once: no request is being answered any more
  };

  Server(boost::asio::io_context& context, EndpointTable endpoints, const ServerLimits& limits,
         Events events);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and starts accepting; port 0 takes a free one. Returns the port.
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port);
  /// Accepts on a listening TCP socket that somebody else holds too, such as systemd. Owns `descriptor`.
  Result<std::uint16_t> adopt(int descriptor);

  /// Ends each connection after the request that it is busy with. New ones are still accepted, so that a load
  /// balancer hears from /ready that it should go elsewhere; those of an adopted socket wait for whoever
  /// accepts there next, and requests that are half read there are read and answered.
  void drain();
  /// Accepts nothing more and ends all connections now.
  void stop();

  /// Acts on every deadline that has passed at `now`. Called by a timer while there are connections.
  void sweep(Clock::time_point now);

  [[nodiscard]] bool draining() const override { return draining_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] bool adopted() const { return adopted_; }
  [[nodiscard]] std::size_t busy() const;

 private:
  void accept();
  void on_accepted(boost::asio::ip::tcp::socket socket);
  void accept_later();
  void arm_sweep();

  void handle(const ExchangePtr& exchange) override;
  std::string_view date_line() override;
  void rejected(std::string_view reason) override;
  void closed(Connection& connection) override;
  void answered() override;

  boost::asio::io_context& context_;
  EndpointTable endpoints_;
  ServerLimits limits_;
  Events events_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer accept_timer_;
  boost::asio::steady_timer sweep_timer_;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_{};
  DateLine date_{};
  bool adopted_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  bool sweeping_ = false;
};

/// 500 with an id that ties it to a line of the log, and no internals.
Response internal_error_response(std::string_view id);

}  // namespace executor::http
