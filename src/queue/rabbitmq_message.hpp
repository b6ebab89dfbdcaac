// Messages of RabbitMQ: what the queue reads in one, and the two forms that a body may have: that of POST
// /execute and that of POST /api/execute.
//
// Pure functions over hostile bytes. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "spec/solution_form.hpp"
#include "spec/spec_limits.hpp"

namespace executor {

/// A message with those of its properties that mean something here.
struct RabbitMessage {
  std::string body{};
  std::string reply_to{};
  std::string correlation_id{};
  std::string message_id{};
  std::string copy{};            ///< header x-copy: tells a message that was put back from what it was before
  int attempt = 1;               ///< header x-attempt
  std::int64_t enqueued_ms = 0;  ///< header x-enqueued-ms, else the timestamp; 0 where neither is there
  std::string reason{};          ///< header x-reason, of dead letters
};

/// A message that can be a job.
struct RabbitJob {
  std::string id;
  std::string body;            ///< in the form of POST /execute
  std::string digest;          ///< SHA-256 of the message's own body
  bool solution_form = false;  ///< it came, and its result goes, in the form of POST /api/execute
  std::size_t tests = 0;       ///< of a job in that form
  bool named = true;           ///< its producer gave it its id
};

/// A message that cannot; it goes to the dead letters.
struct UnusableRabbitMessage {
  std::string reason;
  std::string id;      ///< empty where it could not be read
  std::string result;  ///< for whoever waits
  bool named = true;   ///< its producer gave it its id
};

struct RabbitForms {
  SpecLimits limits{};
  SolutionLimits solution{};
  std::size_t size_limit = 16 * kMiB;     ///< bytes of a body
  std::vector<std::string> own_queues{};  ///< of the service, beside its marks: no answer goes there
};

/// Whether a message's reply_to names a queue that the service works by. An answer there would be a job, a
/// dead letter, or the mark of another message, put down with the service's permissions.
[[nodiscard]] bool is_own_queue(const std::string& name, const RabbitForms& forms);

/// The id is the body's jobId, else the message's id, else its correlation id, else `fallback_id`.
[[nodiscard]] std::variant<RabbitJob, UnusableRabbitMessage> read_rabbit_job(const RabbitMessage& message,
                                                                             const RabbitForms& forms,
                                                                             const std::string& fallback_id);

/// The queue that holds a mark once this very message has been settled; the same for each of its deliveries.
[[nodiscard]] std::string rabbit_mark_name(const RabbitMessage& message);

/// The result as it is sent: `json` is in the form of POST /execute.
[[nodiscard]] std::string rabbit_result(const RabbitJob& job, std::string json);

}  // namespace executor
