// What is reported to Sentry of one error, and which reports wait to be sent: values and decisions, no I/O
// and no clock.
//
// An event has the name of the log's record, ids, and the record's detail without what stands in quotes. A
// quoted thing is an object's name or somebody's bytes: it stays in the log, where the ids find it. Source,
// input and output of programs are in neither.
//
// Source: Sentry's SDK documentation, "Event Payloads", "Envelopes" and "Rate Limiting".
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace executor {

/// What each event says of who sends it.
struct SentrySender {
  std::string release{};      ///< executor@VERSION
  std::string server_name{};  ///< the host
  std::string role{};
};

/// The words without what is quoted in them, in at most 1 KiB; all between the first and the last quote of a
/// kind counts as quoted.
[[nodiscard]] std::string without_quoted(std::string_view words);

/// One event as an envelope. `event_id`: 32 hex digits; `time`: seconds since 1970; of `fields` only those
/// are taken that hold ids, names of states and details.
[[nodiscard]] std::string sentry_envelope(const SentrySender& sender, std::string_view event_id, double time,
                                          std::string_view name, const nlohmann::ordered_json& fields);

/// Reports on their way: bounded, one at a time, with pauses that the server asks for or that its absence
/// makes wise. Times are of any steady clock.
class SentryOutbox {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    std::size_t waiting = 32;  ///< one more is dropped
    std::chrono::seconds first_pause{1}, longest_pause{60};
    std::chrono::seconds most_asked_for{3600};  ///< of Retry-After
  };

  explicit SentryOutbox(Limits limits) : limits_(limits), step_(limits.first_pause) {}

  /// False, and counted, where too many wait already.
  bool push(std::string envelope);
  /// When the next one may be sent: nothing while none waits or one is under way.
  [[nodiscard]] std::optional<Time> due() const;
  /// The next one, which is under way from here.
  std::string take();
  /// The one under way was answered. 2xx: sent. 429: dropped, and a pause of `retry_after` seconds (60
  /// without). 5xx: dropped, and a pause that doubles. Any other: dropped.
  void answered(int status, std::optional<std::chrono::seconds> retry_after, Time now);
  /// The one under way did not arrive: dropped, and a pause that doubles.
  void failed(Time now);

  [[nodiscard]] bool idle() const { return waiting_.empty() && !under_way_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  Limits limits_;
  std::deque<std::string> waiting_{};
  bool under_way_ = false;
  Time not_before_{};
  std::chrono::seconds step_;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace executor
