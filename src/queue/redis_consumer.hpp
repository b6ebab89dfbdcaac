// The worker's side of the Redis queue: takes jobs, keeps their leases, and takes over from workers that
// died.
//
// It owns the blocking connection; everything else goes over the shared command connection. Results go
// through RedisSettler, unusable messages through RedisUndertaker. Thread safety: the io_context's thread
// only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "queue/redis_context.hpp"
#include "queue/redis_settler.hpp"
#include "queue/redis_take_loop.hpp"
#include "queue/redis_undertaker.hpp"

namespace executor {

struct RedisMessage;
struct UnusableMessage;

class RedisConsumer {
 public:
  struct Hooks {
    std::function<void(const std::string& id, const std::string& json)> stored;  ///< a result stands in Redis
    std::function<std::shared_ptr<const Job>(const std::string& id)>
        parsed;                                       ///< the job, if this process has it
    std::function<void()> changed;                    ///< the blocking connection came or went
    std::function<void(const Error& error)> trouble;  ///< why it went
  };

  RedisConsumer(RedisContext& context, Hooks hooks);
  ~RedisConsumer();
  RedisConsumer(const RedisConsumer&) = delete;
  RedisConsumer& operator=(const RedisConsumer&) = delete;

  void consume(std::size_t capacity, std::function<void(Delivery)> on_job);
  void stop_consuming();
  void complete(const Delivery& delivery, std::string result_json);
  void retry(const Delivery& delivery, const std::string& reason);
  void reject(const Delivery& delivery, const std::string& reason, std::string result_json);

  /// Keeps a place for a job that this process is about to submit; false where there is none.
  bool offer(const std::string& id);
  /// The submission of an offered job is over: what was leased here with it, the body, and the result that
  /// stands under its id already.
  void submitted(const std::string& id, const std::optional<RedisMessage>& granted, const std::string& body,
                 const std::optional<std::string>& result);

  /// The command connection is there (again).
  void connected();

  /// Nothing was asked of it yet, or its connection stands.
  [[nodiscard]] bool ready() const { return !take_ || (registered_ && take_->up()); }
  [[nodiscard]] std::size_t leased() const { return settler_.held(); }

 private:
  using Clock = std::chrono::steady_clock;

  void start_take();
  void take_up();
  void registered(const RedisReply& reply);
  /// What this worker holds for Redis and neither has in hand nor asks for.
  [[nodiscard]] std::set<std::string> unheard(const RedisReply& leases) const;
  void give_back(const std::set<std::string>& unheard);
  void look_for_unheard();
  void advance();
  void block();
  void blocked_answer(const Result<RedisReply>& reply);
  void pause_taking(const RedisReply& error);
  void claim(const std::string& raw, const RedisMessage& message);
  void claimed(const std::string& raw, const RedisMessage& message, const RedisReply& reply,
               const RedisReply& stored);
  void set_aside(const std::string& raw, const UnusableMessage& message);
  void deliver(const std::string& raw, const RedisMessage& message, int attempt,
               std::chrono::milliseconds waited);
  bool give_up(std::uint64_t tag, const std::string& reason);
  void already_done(const std::string& raw, const RedisMessage& message, const RedisReply& stored);
  void schedule_beat();
  void beat();
  void register_again();
  void reap();

  RedisContext& context_;
  Hooks hooks_;
  RedisSettler settler_;
  RedisUndertaker undertaker_;
  RedisTakeLoop loop_{};
  std::function<void(Delivery)> on_job_{};
  std::shared_ptr<RedisConnection> take_{};
  bool registered_ = false;  ///< the present blocking connection may take jobs
  std::string take_client_id_{};
  std::set<std::string> claiming_{};  ///< jobs whose claim has no answer yet
  std::set<std::string> giving_back_{};
  std::set<std::string> unheard_{};  ///< as of the beat before
  std::set<std::string> offered_{};  ///< jobs whose submission has none, and which may be leased here with it
  boost::asio::steady_timer pause_timer_;
  boost::asio::steady_timer beat_timer_;
  std::minstd_rand random_;
  Clock::time_point commands_up_since_{};
};

}  // namespace executor
