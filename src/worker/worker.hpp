// Takes jobs from the queue, runs their tests through the backend, judges, and hands the result back.
//
// All users share the slots, and so do the jobs of each: a free slot goes to the user with the fewest tests
// running, and there to the next job in turn that has a test waiting. A job of a thousand tests holds up
// neither a job of one nor another user.
//
// Ownership: everything is borrowed and must outlive the last run of the io_context.
// Thread safety: the io_context's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "queue/queue.hpp"
#include "spec/request_error.hpp"
#include "spec/spec_limits.hpp"
#include "validation/validator.hpp"
#include "worker/job_run.hpp"

namespace executor {

/// A finished job, for log and metrics.
struct JobReport {
  std::shared_ptr<const Job> job;
  JobResult result;
  std::vector<std::chrono::nanoseconds>
      elapsed;  ///< for each test, from start() to its facts; 0 if it did not run
};

/// Told of what happened, after the answer is on its way. Members may be empty.
struct WorkerEvents {
  std::function<void(const JobReport&)> completed{};
  std::function<void(const std::string& job_id, const std::string& reason)> failed{};  ///< infrastructure
  std::function<void(const std::string& job_id, const std::string& code)>
      refused{};  ///< unusable or against policy
};

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  struct Parts {
    Queue& queue;
    Backend& backend;
    Validator* validator = nullptr;  ///< null: jobs from outside are not held against the policy
    SpecLimits limits{};
    std::size_t slots = 1;  ///< runs at once, over all jobs
  };

  Worker(boost::asio::io_context& context, Parts parts, WorkerEvents events);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();

  /// Nobody wants this job's result any more: what runs of it is killed.
  void cancel(const std::string& job_id);

  /// Takes no more jobs and calls `done` when those it has are over. What still runs after `grace` is killed
  /// and given back to the queue for another attempt.
  void drain(std::chrono::milliseconds grace, std::function<void()> done);

  [[nodiscard]] std::size_t jobs() const { return active_.size(); }
  [[nodiscard]] std::size_t running() const { return running_; }

 private:
  struct Active {
    Delivery delivery;
    Clock::time_point taken;
    std::shared_ptr<const Job> job{};
    std::shared_ptr<Job> unchecked{};  // the same, of one that came from outside
    std::unique_ptr<JobRun> run{};     // null until the source is known to be valid
    std::vector<Backend::RunId> runs{};
    std::vector<Clock::time_point> started{};
    std::vector<std::chrono::nanoseconds> elapsed{};
    std::size_t running = 0;  // tests
    bool unwanted = false;    // cancelled by its sender
    bool given_back = false;  // the worker stops
  };
  using ActivePtr = std::shared_ptr<Active>;

  void on_job(Delivery delivery);
  void validate(const ActivePtr& active);
  void on_validated(const ActivePtr& active, const Result<ValidationReport>& report);
  void begin(const ActivePtr& active);
  void fill_slots();
  ActivePtr next_in_turn();
  void start_test(const ActivePtr& active, std::size_t test);
  void on_outcome(const ActivePtr& active, std::size_t test, Result<Outcome> outcome);
  void act(const ActivePtr& active, const JobRun::Step& step);
  void stop(const ActivePtr& active);
  void finish(const ActivePtr& active);
  void complete(const ActivePtr& active);
  void give_back(const ActivePtr& active, const std::string& reason);
  void refuse(const ActivePtr& active, const std::string& code, const std::string& json);
  void reject(const ActivePtr& active, const RequestError& error);
  void remove(const ActivePtr& active);
  void on_grace_over();

  boost::asio::io_context& context_;
  Parts parts_;
  WorkerEvents events_;
  std::list<ActivePtr> active_{};  // in the order of their turns
  std::size_t running_ = 0;
  boost::asio::steady_timer grace_timer_;
  std::function<void()> drained_{};
};

}  // namespace executor
