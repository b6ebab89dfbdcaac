// The names of everything that the queue keeps in Redis.
//
// Fixed by contract: the list of jobs (queue_key), executor:results:<jobId> and executor:dead. In a Redis
// cluster these hash to different slots, and a script may touch keys of one slot only. So every helper key
// carries the list's own hash tag, "{executor:tasks}:…", and lands in the list's slot; scripts touch the list
// and its helpers, while results and dead letters are written by single-key commands that may be repeated
// without harm.
//
// Values. Thread safety: const after construction.
#pragma once

#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor {

class RedisKeys {
 public:
  /// An Error (std::errc::invalid_argument) when no helper key could share the slot of `queue_key`.
  [[nodiscard]] static Result<RedisKeys> make(const std::string& queue_key);

  [[nodiscard]] const std::string& list() const { return list_; }
  /// What every helper key begins with.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }

  /// Hash: what is known of one job: digest, state, worker, attempts, and who waits.
  [[nodiscard]] std::string job(std::string_view id) const { return helper("job:", id); }
  /// List: what became of the tests of a job that outlives its request, as they fell.
  [[nodiscard]] std::string events(std::string_view id) const { return helper("events:", id); }
  /// String with a TTL: the worker renews it; when it is gone, so is the worker.
  [[nodiscard]] std::string alive(std::string_view worker) const { return helper("alive:", worker); }
  /// List: messages taken by the worker and not yet claimed as a job's attempt.
  [[nodiscard]] std::string processing(std::string_view worker) const {
    return helper("processing:", worker);
  }
  /// Set: ids of the jobs that the worker runs.
  [[nodiscard]] std::string leases(std::string_view worker) const { return helper("leases:", worker); }
  /// List: unusable messages on the worker's way to the dead letters.
  [[nodiscard]] std::string burying(std::string_view worker) const { return helper("burying:", worker); }
  /// Set: every worker that may hold something.
  [[nodiscard]] std::string workers() const { return prefix_ + "workers"; }
  /// Hash: how often a message was found taken but not claimed, by the message's SHA-1.
  [[nodiscard]] std::string strays() const { return prefix_ + "strays"; }
  /// Channel on which one front hears of its results.
  [[nodiscard]] std::string front_channel(std::string_view front) const { return helper("front:", front); }

  [[nodiscard]] static std::string result(std::string_view id) {
    return std::string(kResultPrefix).append(id);
  }
  static constexpr std::string_view kResultPrefix = "executor:results:";
  static constexpr std::string_view kDead = "executor:dead";

 private:
  RedisKeys(std::string list, std::string prefix) : list_(std::move(list)), prefix_(std::move(prefix)) {}
  [[nodiscard]] std::string helper(std::string_view kind, std::string_view name) const {
    return std::string(prefix_).append(kind).append(name);
  }

  std::string list_;
  std::string prefix_;
};

}  // namespace executor
