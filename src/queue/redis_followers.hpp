// Jobs that another process accepted to outlive their requests: asked about, listened to and cancelled here.
//
// Redis' record of such a job holds how many tests it has, and the events of those that have ended. Whoever
// follows one stands in the record, and hears what its own front hears. Thread safety: the io_context's
// thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "queue/queue.hpp"
#include "queue/redis_context.hpp"
#include "queue/redis_reply.hpp"

namespace executor {

class RedisFollowers {
 public:
  explicit RedisFollowers(RedisContext& context) : context_(context) {}

  void look_up(const std::string& id, Queue::Known known);
  void follow(const std::string& id, Queue::Known known, Queue::Listener listener);
  void cancel(const std::string& id, Queue::Known known);

  /// Commands and publications are connected (again): what was missed is told now.
  void connected();
  /// A publication for this front, as RedisProducer::message() has them.
  void message(const std::string& payload);
  /// A worker of this very process stored the result.
  void result(const std::string& id, const std::string& json);
  void cancelled(const std::string& id);

 private:
  struct Follower {
    Queue::Listener listener;
    std::size_t told = 0;
    bool known = false;                          ///< its first answer has come
    std::vector<std::function<void()>> early{};  ///< what came before that
  };

  void ask(const std::string& id, const char* what, std::function<void(Result<RedisReply>)> done);
  void answer(const std::string& id, const Result<RedisReply>& reply, const Queue::Known& known);
  void begin(const std::string& id, const KnownJob& job);
  void catch_up(const std::string& id, const Result<RedisReply>& reply);
  void tell(const std::string& id, const std::string& event);
  void fetch(const std::string& id, std::function<void(Result<std::string>)> done);
  void end(const std::string& id, const Result<std::string>& result);

  RedisContext& context_;
  std::unordered_map<std::string, Follower> followers_{};
};

}  // namespace executor
