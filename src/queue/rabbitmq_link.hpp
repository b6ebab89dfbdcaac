// One connection to RabbitMQ, always wanted: made again with growing waits whenever it is lost.
//
// librabbitmq blocks, so it has a thread of its own with an io_context of its own; nothing is shared with the
// front's thread. Calls are posted there, events are posted back to the front's io_context. What was received
// or published on one connection means nothing on the next: each has a number, its epoch.
//
// Thread safety: calls on the front's thread, where the events come too; none after the destructor. Errors:
// an outage is an event; a publication that the server did not confirm is an Error
// (std::errc::not_connected).
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "queue/rabbitmq_message.hpp"
#include "queue/rabbitmq_url.hpp"

namespace executor {

struct RabbitLinkOptions {
  RabbitUrl url{};
  std::string jobs_queue{};  ///< these three are durable and made where they are missing
  std::string results_queue{};
  std::string dead_queue{};
  std::string replies_queue{};  ///< this process's own; goes when nobody has read from it for ten minutes
  std::chrono::milliseconds connect_timeout{3000};
};

/// Names a delivery for its acknowledgement.
struct RabbitTag {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
};

struct RabbitDelivery {
  RabbitMessage message{};
  RabbitTag tag{};
  bool redelivered = false;  ///< somebody was given it before and did not acknowledge it
};

struct RabbitPublication {
  std::string queue{};
  RabbitMessage message{};
  std::string mark{};  ///< a queue that gets it too, both or none; empty: none
};

/// What became of a publication that the server has taken responsibility for.
enum class RabbitPublished {
  stored,
  unroutable,  ///< there is no such queue: nobody waits
};

enum class RabbitMark {
  untaken,  ///< its queue was not there: nobody has ever taken the message that it belongs to
  missing,
  there,
};

class RabbitLink {
 public:
  struct Events {
    std::function<void(std::uint64_t epoch)> up{};
    std::function<void(const Error&)> down{};     ///< also when an attempt to connect failed
    std::function<void(RabbitDelivery)> job{};    ///< from the jobs queue
    std::function<void(RabbitDelivery)> reply{};  ///< from this process's own queue
    std::function<void(std::size_t)> depth{};     ///< messages that wait in the jobs queue, every second
    std::function<void(const std::string&)> blocked{};  ///< the server takes nothing at present; empty: again
  };
  using Published = std::function<void(Result<RabbitPublished>)>;
  using Looked = std::function<void(Result<RabbitMark>)>;

  RabbitLink(boost::asio::io_context& front, const RabbitLinkOptions& options, Events events);
  ~RabbitLink();
  RabbitLink(const RabbitLink&) = delete;
  RabbitLink& operator=(const RabbitLink&) = delete;

  /// `published` is called once, after the server's confirmation or when that can no longer come.
  void publish(RabbitPublication publication, Published published);
  /// Says nothing where the delivery came over an earlier connection; else deletes these marks some time
  /// after it: a server that is killed may have forgotten the acknowledgement.
  void acknowledge(const RabbitTag& tag, std::vector<std::string> marks = {});
  /// Makes the queue of a mark, before whatever is published after this call.
  void make_mark(std::string mark);
  /// The same, and tells whether it holds a message: missing or there.
  void look(std::string mark, Looked looked);
  /// The same, and tells apart whether the queue was there before; takes the server three calls where not.
  void look_closely(std::string mark, Looked looked);
  /// From now on, over this connection and those after it, at most `prefetch` jobs without acknowledgement.
  void consume(std::uint16_t prefetch);
  void stop_consuming();

 private:
  class Thread;
  std::shared_ptr<Thread> thread_;
};

}  // namespace executor
