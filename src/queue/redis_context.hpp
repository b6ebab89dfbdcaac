// What the parts of one Redis queue share: its options, its names, its command connection.
//
// Ownership: the queue's; it outlives the parts. Thread safety: the io_context's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "queue/redis_connection.hpp"
#include "queue/redis_keys.hpp"
#include "queue/redis_queue.hpp"
#include "queue/redis_url.hpp"

namespace executor {

struct RedisContext {
  boost::asio::io_context& io;
  RedisQueueOptions options;
  RedisUrl url;
  RedisKeys keys;
  std::string instance;  ///< this process' name as a front and as a worker, never used twice
  std::shared_ptr<RedisConnection> commands{};
  std::string refusal{};  ///< why Redis refuses writes (out of memory, read-only); empty when it does not
  std::shared_ptr<const int> life = std::make_shared<const int>(0);

  void log(RedisLogLevel level, std::string_view text) const {
    if (options.log) options.log(level, text);
  }

  /// `function`, made harmless once the queue has been destroyed.
  template <class Function>
  [[nodiscard]] auto guard(Function function) const {
    return
        [weak = std::weak_ptr<const int>(life), function = std::move(function)](auto&&... arguments) mutable {
          if (weak.lock()) function(std::forward<decltype(arguments)>(arguments)...);
        };
  }

  /// Runs `function` in a later turn of the io_context, if the queue still exists then.
  template <class Function>
  void post(Function function) const {
    boost::asio::post(io, guard(std::move(function)));
  }

  /// A write was refused; the reason is remembered for status() until a write succeeds again.
  void refused(const RedisReply& error) {
    if (refusal.empty()) log(RedisLogLevel::error, "redis refuses to write: " + error.text);
    refusal = error.text;
  }
};

}  // namespace executor
