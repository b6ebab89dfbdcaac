// Jobs that outlive their request: POST /execute?wait=false, and what is asked about them later.
//
//   GET /jobs/{id}          the state, then the result
//   DELETE /jobs/{id}       cancels what waits or runs
//   GET /jobs/{id}/events   server-sent events: each test's verdict as it falls, those so far at once
//
// Known here are the jobs that this process accepted, unfinished or finished within the last hour; the oldest
// finished ones are forgotten first when they become many. For others the queue is asked, which may know what
// another process accepted; one that is listened to here is known from then on.
//
// Ownership: outlives the server. Thread safety: the io_context's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "executor/error.hpp"
#include "executor/limits.hpp"
#include "http/endpoint.hpp"
#include "queue/queue.hpp"

namespace executor::http {

struct JobsLimits {
  std::size_t jobs = 10'000;               ///< known at once, unfinished ones counted
  std::size_t result_bytes = 64 * kMiB;    ///< of finished ones
  std::chrono::seconds keep{3600};         ///< a finished one
  std::chrono::milliseconds beat{15'000};  ///< between signs of life on a stream without events
};

class Jobs {
 public:
  using Clock = std::chrono::steady_clock;
  /// Where a job that is unknown here may be known.
  struct Site {
    std::function<void(const std::string& id, Queue::Known)> look_up;
    std::function<void(const std::string& id, Queue::Known, Queue::Listener)> follow;
    std::function<void(const std::string& id, Queue::Known)> cancel;
    /// Nobody here wants this job any more; stop what waits or runs of it.
    std::function<void(const std::string& id)> abandon;
  };

  Jobs(boost::asio::io_context& context, JobsLimits limits, Site site);

  /// False: too many are unfinished.
  [[nodiscard]] bool add(const std::string& id, std::size_t tests, std::shared_ptr<void> ticket);
  /// It was never accepted after all.
  void forget(const std::string& id);
  /// {"event": "started"} or {"event": "test", …}, from the worker.
  void progress(const std::string& id, const std::string& event);
  void finish(const std::string& id, Result<std::string> answer);

  // -- handlers for the endpoint table
  void get(const ExchangePtr& exchange);
  void remove(const ExchangePtr& exchange);
  void events(const ExchangePtr& exchange);

 private:
  enum class State { queued, running, done, failed, cancelled };
  struct Entry {
    State state = State::queued;
    std::size_t tests = 0;
    std::vector<std::string> verdicts{};  // as they fell
    std::string result{};                 // JSON of `done` and `failed`
    std::vector<ExchangePtr> streams{};
    std::shared_ptr<void> ticket{};
    Clock::time_point ended{};
    std::list<std::string>::iterator place{};  // in ended_, once it has ended
  };

  static std::string_view name(State state);
  static bool ended(State state) { return state >= State::done; }
  Entry* find(const std::string& id);
  static State state_of(const Result<std::string>& answer);
  static Entry entry_of(KnownJob job);
  /// `then` gets the job as another process knows it; where none does, the exchange is answered.
  static Queue::Known elsewhere(const ExchangePtr& exchange, std::function<void(Entry)> then);
  void follow(const ExchangePtr& exchange, const std::string& id, Entry entry);
  void stream(const ExchangePtr& exchange, const std::string& id, Entry& entry);
  static void respond_state(const ExchangePtr& exchange, const std::string& id, const Entry& entry);
  static void respond_end(const ExchangePtr& exchange, const std::string& id, State state);
  static std::string state_json(const std::string& id, const Entry& entry);
  static std::string end_event(const std::string& id, const Entry& entry);
  void end(const std::string& id, Entry& entry, State state, std::string result);
  void drop_old();
  void drop(const std::string& id);
  void beat();

  boost::asio::io_context& context_;
  JobsLimits limits_;
  Site site_;
  std::unordered_map<std::string, Entry> entries_{};
  std::list<std::string> ended_{};  // oldest first
  std::size_t bytes_ = 0;
  std::size_t streams_ = 0;
  boost::asio::steady_timer beat_timer_;
  bool beating_ = false;
};

}  // namespace executor::http
