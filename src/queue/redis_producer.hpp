// The front's side of the Redis queue: submits jobs and waits for their results.
//
// A job is accepted once submit() was called while Redis was there; from then on it is answered, however
// often the connection breaks, unless it is abandoned. Thread safety: the io_context's thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "queue/redis_context.hpp"
#include "queue/redis_message.hpp"
#include "queue/redis_waiters.hpp"

namespace executor {

class RedisProducer {
 public:
  /// The worker of this very process. It may run a job without that the list is taken to.
  struct Worker {
    std::function<bool(const std::string& id)> offer;  ///< it keeps a place for the job until the answer
    /// The submission of an offered job is over: `granted` is what was leased to this worker, `result` what
    /// stands under its id already.
    std::function<void(const std::string& id, const std::optional<RedisMessage>& granted,
                       const std::string& body, const std::optional<std::string>& result)>
        answered;
  };

  RedisProducer(RedisContext& context, Worker worker);

  /// `reachable`: commands and publications are both connected.
  void submit(QueuedJob job, Queue::Answer answer, bool reachable);
  void abandon(const std::string& id);

  /// Commands and publications are connected (again): everything still waited for is submitted again.
  void connected();
  /// A publication for this front: an id, or an id, a line feed and the result; or kProgress, an id, a line
  /// feed and an event.
  void message(const RedisReply& publication);
  /// A worker of this very process stored the result.
  void result(const std::string& id, const std::string& json);

  /// Another front has cancelled it.
  void cancelled(const std::string& id);

  [[nodiscard]] std::shared_ptr<const Job> parsed(const std::string& id);

 private:
  void progress(const std::string& payload, std::size_t newline);
  void answer_later(Queue::Answer answer, Result<std::string> outcome);
  void settle(const std::string& id, const Result<std::string>& outcome);
  void send_abandon(const std::string& id);
  void send_submit(const std::string& id, const char* mode);
  void send_offered(const std::string& id, RedisMessage message);
  [[nodiscard]] std::vector<std::string> submit_arguments(const RedisWaiters::Waiter& waiter,
                                                          const char* mode) const;
  void submitted(const std::string& id, const RedisReply& reply);
  void refused(const std::string& id, const RedisReply& error);
  void fetch(const std::string& id);
  void fetched(const std::string& id, const RedisReply& reply);
  void resubmit_soon();

  RedisContext& context_;
  Worker worker_;
  RedisWaiters waiters_;
  boost::asio::steady_timer resubmit_timer_;
  bool resubmit_pending_ = false;
};

}  // namespace executor
