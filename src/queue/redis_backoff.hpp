// How long to wait before the next attempt: doubling from `first` to `longest`, each wait drawn evenly from
// the upper half of its step, so that many clients of one server that went away do not come back at the same
// instant.
//
// A value; the randomness is the caller's, so tests need no clock and no seed.
#pragma once

#include <algorithm>
#include <chrono>

namespace executor {

class RedisBackoff {
 public:
  RedisBackoff(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest), step_(first) {}

  /// The wait before the next attempt; `random` is from [0, 1).
  [[nodiscard]] std::chrono::milliseconds next(double random) {
    const auto step = step_;
    step_ = std::min(step_ * 2, longest_);
    const auto half = static_cast<double>(step.count()) / 2;
    return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(half + half * random));
  }

  /// An attempt succeeded: the next wait is a short one again.
  void reset() { step_ = first_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds step_;
};

}  // namespace executor
