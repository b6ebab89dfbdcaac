// One connected byte stream to a Redis server: TCP, a Unix socket, or TLS over TCP. Used once: a lost
// connection is replaced by a new object.
//
// Host names are resolved by Asio, which does so on a thread of its own; addresses and socket paths need
// none. Ownership: shared with the handlers of the operations under way. Thread safety: the io_context's
// thread only.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "executor/error.hpp"
#include "queue/redis_url.hpp"

namespace executor {

class RedisStream {
 public:
  using Connected = std::function<void(Result<void>)>;
  using Transferred = std::function<void(const boost::system::error_code&, std::size_t)>;

  virtual ~RedisStream() = default;

  /// Resolves, connects and shakes hands. Unreadable certificate files are an Error of the handler too.
  virtual void connect(const RedisUrl& url, Connected done) = 0;
  virtual void read_some(boost::asio::mutable_buffer buffer, Transferred done) = 0;
  /// Writes all of it; one write at a time.
  virtual void write(boost::asio::const_buffer buffer, Transferred done) = 0;
  /// Operations under way end with operation_aborted.
  virtual void close() = 0;
};

[[nodiscard]] std::shared_ptr<RedisStream> make_redis_stream(boost::asio::io_context& io);

}  // namespace executor
