// librabbitmq, each call with a Result: one connection with one channel: what comes again after a
// connection was lost comes after all that was published there.
//
// Everything blocks, within the timeouts of the options and the heartbeat. Thread safety: none; one thread's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "executor/error.hpp"
#include "queue/rabbitmq_link.hpp"

namespace executor {

class RabbitConnection {
 public:
  enum class Queue { jobs, replies };

  struct Received {
    Queue queue;
    RabbitDelivery delivery;  ///< its epoch is left to the caller
  };
  /// Of publications up to and including `number` where `all`.
  struct Confirmed {
    std::uint64_t number;
    bool all;
    bool stored;
  };
  struct Returned {
    std::string message_id;
  };
  struct Blocked {
    std::string reason;  ///< empty: no more
  };
  using Event = std::variant<Received, Confirmed, Returned, Blocked>;

  /// Connects, logs in, opens the channels and makes sure of the queues.
  static Result<std::unique_ptr<RabbitConnection>> open(const RabbitLinkOptions& options);
  ~RabbitConnection();
  RabbitConnection(const RabbitConnection&) = delete;
  RabbitConnection& operator=(const RabbitConnection&) = delete;

  [[nodiscard]] int descriptor() const;
  /// Hands on all that has arrived and answers heartbeats; an Error: the connection is lost.
  Result<void> poll(const std::function<void(Event)>& on_event);

  Result<void> consume(Queue queue, std::uint16_t prefetch);
  Result<void> cancel(Queue queue);
  /// The publication's number for its confirmation, from 1.
  Result<std::uint64_t> publish(const RabbitPublication& publication);
  Result<void> acknowledge(std::uint64_t tag);
  /// The server hears these in the order of the calls; it answers the last two alone.
  Result<void> make_mark(const std::string& name);
  Result<void> delete_mark(const std::string& name);
  Result<RabbitMark> look(const std::string& name);
  Result<RabbitMark> look_closely(const std::string& name);
  Result<std::size_t> depth();
  /// Takes leave: returns when the server has done all that was asked of it, or is gone. A server that only
  /// finds the connection closed may forget the last acknowledgements that it was sent.
  void close();

 private:
  struct Library;

  explicit RabbitConnection(const RabbitLinkOptions& options);
  Result<void> connect();
  Result<void> log_in();
  Result<void> prepare();
  Result<void> ensure_queue(const std::string& name, bool ours);
  Result<std::optional<std::size_t>> count(const std::string& queue);
  Result<void> ensure_marks();
  Result<void> dispatch(std::uint16_t channel, std::uint32_t method, void* decoded,
                        const std::function<void(Event)>& on_event);

  RabbitLinkOptions options_;
  std::unique_ptr<Library> library_;
  std::uint64_t published_ = 0;
};

}  // namespace executor
