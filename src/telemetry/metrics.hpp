// The service's metrics, rendered as Prometheus text for GET /metrics.
//
// Labels come from closed sets (languages, backends, verdicts, reasons of refusal), never from a client's
// bytes. Thread safety: one thread. Times are given as chrono durations and exported in seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/sandbox_figures.hpp"

namespace executor {

class Metrics {
 public:
  using Duration = std::chrono::nanoseconds;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void executed(std::string_view language, std::string_view backend, std::string_view verdict);
  void rejected(std::string_view reason);
  void waited_in_queue(Duration time);
  /// What a run took beyond the program's own time: from the worker's request to the facts, less the wall
  /// time.
  void handed_over(Duration time);
  void ran(Duration wall_time, Duration cpu_time);

  /// What other parts know of themselves at the moment of rendering. Totals are since the start of the
  /// process.
  struct Snapshot {
    std::size_t warm_pool_size = 0;
    std::size_t warm_pool_wanted = 0;
    std::uint64_t warm_pool_hits = 0;
    std::uint64_t warm_pool_misses = 0;
    std::size_t sandboxes_live = 0;
    SandboxFigures figures{};
    std::uint64_t leaks_removed = 0;
    std::size_t queue_depth = 0;
    std::chrono::milliseconds queue_oldest{};
    std::size_t http_connections = 0;
    std::uint64_t reports_sent = 0;  ///< errors, to Sentry
    std::uint64_t reports_dropped = 0;
    std::string_view backend{};  ///< that runs programs; empty: none
  };

  /// Prometheus text, exposition format 0.0.4.
  std::string render(const Snapshot& snapshot);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace executor
