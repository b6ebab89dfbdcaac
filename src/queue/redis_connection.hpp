// A connection to Redis that stays: it connects, introduces itself, carries commands in order, and when it is
// lost it reports so and comes back by itself with growing pauses.
//
// Commands are pipelined: what is sent in one turn of the io_context leaves in one write, and replies find
// their handlers by order. Every reply has a deadline, measured to its last byte, so that a server which
// hangs, drips or talks nonsense is dropped. An idle connection is kept honest by PING.
//
// Ownership: shared; its handlers hold weak or own shares, and close() ends it silently (no further
// call-back). Thread safety: the io_context's thread only. Call-backs never run from inside send() or
// start().
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "executor/limits.hpp"
#include "queue/redis_backoff.hpp"
#include "queue/redis_reply.hpp"
#include "queue/redis_url.hpp"

namespace executor {

class RedisStream;

struct RedisConnectionOptions {
  RedisUrl url;
  std::string name;                     ///< CLIENT SETNAME, for an operator's CLIENT LIST
  std::vector<RedisCommand> prelude{};  ///< sent after each connect; an error reply fails the attempt
  std::vector<RedisCommand> hints{};    ///< likewise, but an error reply is of no consequence
  std::size_t reply_limit = 64 * kMiB;  ///< bytes of one reply
  std::chrono::milliseconds command_timeout{10'000};  ///< of a command, and of connecting altogether
  std::chrono::milliseconds idle_ping{5'000};
};

/// The commands with which a connection introduces itself: AUTH, SELECT. Pure.
[[nodiscard]] std::vector<RedisCommand> redis_introduction(const RedisUrl& url);

class RedisConnection : public std::enable_shared_from_this<RedisConnection> {
 public:
  /// The reply (which may be an error reply), or an Error when the connection was lost before it was
  /// complete.
  using Handler = std::function<void(Result<RedisReply>)>;
  struct Events {
    std::function<void()> up;                 ///< connected and introduced
    std::function<void(const Error&)> down;   ///< lost, or an attempt failed; the next attempt is scheduled
    std::function<void(RedisReply)> message;  ///< a publication on a channel that the prelude subscribed to
  };

  RedisConnection(boost::asio::io_context& io, RedisConnectionOptions options);

  void start(Events events);
  /// Ends it: no call-back is made from now on.
  void close();
  /// Drops the present connection, as if it had been lost for this reason.
  void drop(const Error& reason);

  /// `extra` is added to the deadline: the time for which the command may block on the server.
  void send(const RedisCommand& command, Handler done, std::chrono::milliseconds extra = {});

  [[nodiscard]] bool up() const { return state_ == State::up; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class State { idle, connecting, introducing, up, waiting, closed };
  struct Pending {
    Handler done;
    Clock::time_point deadline;
  };

  void connect();
  void introduce();
  void introduced(const Result<RedisReply>& reply, bool essential);
  void enqueue(const RedisCommand& command, Handler done, std::chrono::milliseconds extra);
  void flush();
  void read();
  void received(std::size_t size);
  void dispatch(RedisReply reply);
  void fail(const Error& error);
  void watch();
  void check_deadlines();

  boost::asio::io_context& io_;
  RedisConnectionOptions options_;
  Events events_{};
  State state_ = State::idle;
  RedisBackoff backoff_{std::chrono::milliseconds(50), std::chrono::seconds(5)};
  std::minstd_rand random_;
  boost::asio::steady_timer retry_timer_;
  boost::asio::steady_timer watch_timer_;
  std::shared_ptr<RedisStream> stream_{};
  std::unique_ptr<RedisReader> reader_{};
  std::deque<Pending> pending_{};
  std::size_t introductions_left_ = 0;
  Clock::time_point attempt_deadline_{};
  Clock::time_point last_active_{};
  std::string outgoing_{};  ///< collected, not yet given to the stream
  std::string writing_{};   ///< the stream's until its handler ran
  bool flush_posted_ = false;
  std::array<char, 64 * kKiB> incoming_{};
};

}  // namespace executor
