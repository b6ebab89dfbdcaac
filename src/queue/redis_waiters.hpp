// Who waits for which job's answer: the front's table, without any I/O.
//
// Thread safety: none of its own.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "queue/queue.hpp"

namespace executor {

class RedisWaiters {
 public:
  struct Waiter {
    QueuedJob job;
    std::string digest;
    std::vector<Queue::Answer> answers;
    bool accepted = false;  ///< Redis has confirmed the job at least once
    bool vanished = false;  ///< accepted, and then Redis no longer knew it
    int misses = 0;         ///< how often Redis said that the result stands and then had none
  };
  enum class Added {
    first,     ///< nobody waited for this id: it is to be submitted
    joined,    ///< the same job is waited for already
    conflict,  ///< another body is waited for under this id
    full,      ///< as many wait as may
  };

  explicit RedisWaiters(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] Added add(QueuedJob job, std::string digest, Queue::Answer answer) {
    if (count_ >= capacity_) return Added::full;
    const auto found = waiters_.find(job.id);
    if (found != waiters_.end()) {
      if (found->second.digest != digest) return Added::conflict;
      found->second.answers.push_back(std::move(answer));
      ++count_;
      return Added::joined;
    }
    Waiter waiter{std::move(job), std::move(digest), {}};
    waiter.answers.push_back(std::move(answer));
    std::string id = waiter.job.id;
    waiters_.emplace(std::move(id), std::move(waiter));
    ++count_;
    return Added::first;
  }

  /// Nullptr when nobody waits for it.
  [[nodiscard]] Waiter* find(const std::string& id) {
    const auto found = waiters_.find(id);
    return found == waiters_.end() ? nullptr : &found->second;
  }

  /// Ends the waiting for one id; the answers are the caller's to call.
  [[nodiscard]] std::vector<Queue::Answer> take(const std::string& id) {
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) return {};
    auto answers = std::move(found->second.answers);
    waiters_.erase(found);
    count_ -= answers.size();
    return answers;
  }

  /// Of several who wait for one id, one leaves; true if nobody is left.
  [[nodiscard]] bool leave(const std::string& id) {
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) return false;
    found->second.answers.pop_back();
    --count_;
    if (!found->second.answers.empty()) return false;
    waiters_.erase(found);
    return true;
  }

  [[nodiscard]] std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const auto& [id, waiter] : waiters_) all.push_back(id);
    return all;
  }
  /// Answers owed, joined ones counted each.
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  std::size_t capacity_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, Waiter> waiters_{};
};

}  // namespace executor
