// Where accepted jobs wait for a worker. Taking a job is a lease: it is the worker's until complete() or
// retry(), and somebody else's when the worker dies. Implementations: embedded, redis, rabbitmq.
//
// Thread safety: all calls and all callbacks on the thread of the io_context that the queue was made with.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "spec/job.hpp"

namespace executor {

/// A job on its way: the body is the JSON of POST /execute plus jobId; `parsed` spares the parsing inside one
/// process.
struct QueuedJob {
  std::string id;
  std::string body;
  std::shared_ptr<const Job> parsed{};
  std::function<void()> accepted{};  ///< called once, when the queue has taken the job over
  std::function<void(std::string)>
      progress{};  ///< what its worker tells of it, as far as it can be heard here
};

/// A leased job in a worker's hands.
struct Delivery {
  QueuedJob job;
  int attempt = 1;                     ///< 1 for the first worker that gets it
  std::chrono::milliseconds waited{};  ///< time in the queue, as far as it is known
  std::uint64_t tag = 0;               ///< names the lease to the queue that gave it
};

/// What is known of a job that was accepted to outlive its request, by whichever process of the site.
struct KnownJob {
  enum class State { queued, running, ended, cancelled };

  State state = State::queued;
  std::size_t tests = 0;
  std::vector<std::string> events{};  ///< of the tests that have ended, as they fell
  std::string result{};               ///< of a job that has ended
};

class Queue {
 public:
  /// Receives the answer's JSON, or an Error when the queue lost its server before the answer came.
  using Answer = std::function<void(Result<std::string>)>;

  virtual ~Queue() = default;

  // -- the producer's side (front)
  /// Enqueues; `answer` is called exactly once unless abandoned, never from inside submit(). An Error whose
  /// code is std::errc::no_buffer_space means full, std::errc::not_connected means that the server is away.
  virtual void submit(QueuedJob job, Answer answer) = 0;
  /// Nobody waits for this job's answer any more; a job that no worker has taken yet may be dropped.
  virtual void abandon(const std::string& job_id) = 0;

  // -- jobs that outlive their request; a queue inside one process knows none that its front does not
  /// Nothing where no such job is known; std::errc::not_connected means that the server is away.
  using Known = std::function<void(Result<std::optional<KnownJob>>)>;
  struct Listener {
    std::function<void(std::string)> progress;  ///< what comes after the events that were known
    Answer answer;  ///< its end; std::errc::operation_canceled where somebody has cancelled it
  };
  virtual void look_up(const std::string& /*job_id*/, const Known& known) {
    known(std::optional<KnownJob>());
  }
  /// As look_up(); a job that has not ended is listened to from then on.
  virtual void follow(const std::string& /*job_id*/, const Known& known, const Listener& /*listener*/) {
    known(std::optional<KnownJob>());
  }
  /// As look_up(), after what waits or runs of it has been stopped, wherever.
  virtual void cancel(const std::string& /*job_id*/, const Known& known) { known(std::optional<KnownJob>()); }

  // -- the consumer's side (worker)
  /// Starts handing out jobs, at most `capacity` leases at a time.
  virtual void consume(std::size_t capacity, std::function<void(Delivery)> on_job) = 0;
  /// Stops handing out; leases already given stay valid.
  virtual void stop_consuming() = 0;
  /// Tells whoever waits for the job, and can be reached from here, what has become of it so far.
  virtual void progress(const Delivery& /*delivery*/, const std::string& /*event_json*/) {}
  /// `cancel` is called for a leased job that nobody waits for any more, where other processes can say so.
  virtual void on_cancel(const std::function<void(const std::string& job_id)>& /*cancel*/) {}
  /// Stores the result, answers whoever waits, ends the lease.
  virtual void complete(const Delivery& delivery, std::string result_json) = 0;
  /// The infrastructure failed: another attempt, or after the third a dead letter and a terminal result.
  virtual void retry(const Delivery& delivery, const std::string& reason) = 0;
  /// The job itself is unusable (not JSON, wrong types): dead letter with the reason, and `result_json` for
  /// whoever waits.
  virtual void reject(const Delivery& delivery, const std::string& reason, std::string result_json) = 0;

  struct Status {
    bool ready = false;
    std::string detail;
    std::size_t depth = 0;               ///< jobs waiting, as last known
    std::chrono::milliseconds oldest{};  ///< age of the oldest waiting job, as last known
    std::size_t leased = 0;              ///< leases held by this process
  };
  [[nodiscard]] virtual Status status() const = 0;
};

}  // namespace executor
