#include "http/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <ctime>
#include <exception>
#include <utility>
#include <vector>

#include "http/uuid.hpp"

namespace executor::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kSweepPeriod{100};
constexpr std::chrono::milliseconds kAcceptPause{50};

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 85\r\n"
    "Retry-After: 1\r\nConnection: close\r\n\r\n"
    R"({"ok":false,"error":{"code":"too_many_connections","message":"too many connections"}})";
static_assert(kFull.size() - kFull.find('{') == 85);

// A connection beyond the cap gets one answer without being read, and is gone.
void turn_away(tcp::socket socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kFull), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 4096> unread{};
  socket.read_some(asio::buffer(unread), ignored);  // what stays unread would turn the close into a reset
}

Error asio_error(std::string what, const error_code& code) {
  return {std::move(what), std::error_code(code)};
}

}  // namespace

Server::Server(asio::io_context& context, EndpointTable endpoints, const ServerLimits& limits, Events events)
    : context_(context),
      endpoints_(std::move(endpoints)),
      limits_(limits),
      events_(std::move(events)),
      acceptor_(context),
      accept_timer_(context),
      sweep_timer_(context) {}

Server::~Server() { stop(); }

Result<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port) {
  const std::string where = "\"" + host + "\" port " + std::to_string(port);
  error_code code;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, code);
  if (code) return asio_error("read address " + where, code);
  const tcp::endpoint endpoint(address, port);
  acceptor_.open(endpoint.protocol(), code);
  if (code) return asio_error("open socket for " + where, code);
  acceptor_.set_option(tcp::acceptor::reuse_address(true), code);
  acceptor_.bind(endpoint, code);
  if (code) return asio_error("bind " + where, code);
  acceptor_.listen(asio::socket_base::max_listen_connections, code);
  if (code) return asio_error("listen on " + where, code);
  accept();
  return acceptor_.local_endpoint(code).port();
}

Result<std::uint16_t> Server::adopt(int descriptor) {
  adopted_ = true;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return errno_error("ask for the address of the socket handed over", errno);
  error_code code;
  acceptor_.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, code);
  if (code) return asio_error("take the socket handed over", code);
  accept();
  return acceptor_.local_endpoint(code).port();
}

void Server::accept() {
  acceptor_.async_accept([this](const error_code& code, tcp::socket socket) {
    if (code == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (code) return accept_later();
    on_accepted(std::move(socket));
    accept();
  });
}

// Out of descriptors or memory: trying again at once would spin.
void Server::accept_later() {
  rejected("accept_failed");
  accept_timer_.expires_after(kAcceptPause);
  accept_timer_.async_wait([this](const error_code& code) {
    if (!code && acceptor_.is_open()) accept();
  });
}

void Server::on_accepted(tcp::socket socket) {
  if (connections_.size() >= limits_.connections) {
    rejected("too_many_connections");
    return turn_away(std::move(socket));
  }
  const auto connection =
      std::make_shared<Connection>(std::move(socket), static_cast<ConnectionHost&>(*this), limits_);
  connections_.emplace(connection.get(), connection);
  connection->start();
  if (!sweeping_) arm_sweep();
}

void Server::arm_sweep() {
  sweeping_ = true;
  sweep_timer_.expires_after(kSweepPeriod);
  sweep_timer_.async_wait([this](const error_code& code) {
    if (code) return;
    sweeping_ = false;
    sweep(Clock::now());
    if (!connections_.empty()) arm_sweep();
  });
}

void Server::sweep(Clock::time_point now) {
  std::vector<std::weak_ptr<Connection>> all;  // a deadline's action may change the map
  all.reserve(connections_.size());
  for (const auto& [key, weak] : connections_) all.push_back(weak);
  for (const auto& weak : all)
    if (const auto connection = weak.lock()) connection->check_deadline(now);
}

std::size_t Server::busy() const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [this](const auto& entry) {
        const auto connection = entry.second.lock();
        return connection && (connection->busy() || (adopted_ && connection->reading()));
      }));
}

void Server::drain() {
  if (draining_) return;
  draining_ = true;
  error_code ignored;
  if (adopted_) acceptor_.close(ignored);
  std::vector<std::weak_ptr<Connection>> all;
  for (const auto& [key, weak] : connections_) all.push_back(weak);
  for (const auto& weak : all)
    if (const auto connection = weak.lock()) connection->drain();
  answered();
}

void Server::answered() {
  if (!draining_ || !events_.quiet || busy() > 0) return;
  asio::post(context_, std::exchange(events_.quiet, nullptr));
}

void Server::stop() {
  draining_ = true;
  stopped_ = true;
  events_.quiet = nullptr;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  sweep_timer_.cancel();
  while (!connections_.empty()) {
    const auto connection = connections_.begin()->second.lock();
    if (connection)
      connection->close();
    else
      connections_.erase(connections_.begin());
  }
}

void Server::handle(const ExchangePtr& exchange) {
  try {
    endpoints_.dispatch(exchange);
  } catch (const std::exception& failure) {
    const std::string id = uuid_v4();
    if (events_.failed) events_.failed("error id " + id + ": " + failure.what());
    exchange->respond(internal_error_response(id));
  }
}

std::string_view Server::date_line() { return date_.at(std::time(nullptr)); }

void Server::rejected(std::string_view reason) {
  if (events_.rejected) events_.rejected(reason);
}

void Server::closed(Connection& connection) {
  connections_.erase(&connection);
  answered();
}

Response internal_error_response(std::string_view id) {
  return error_response(500, "internal_error", "something went wrong here; error id " + std::string(id));
}

}  // namespace executor::http
