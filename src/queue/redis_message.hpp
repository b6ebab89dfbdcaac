// What the queue itself reads in a message, and the JSON that it writes: envelopes only. Whether the job
// inside makes sense is for src/spec to say.
//
// Pure functions over hostile bytes: nesting is bounded before anything recursive touches the text.
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "executor/limits.hpp"

namespace executor {

/// A message that can be a job.
struct RedisMessage {
  std::string id;
  std::string reply_to;  ///< empty, or a key under executor:results:
  /// SHA-256 over the canonical JSON without what may differ between two sendings of one job (enqueuedAt,
  /// replyTo, traceId): the same id with another digest is another job under a known name.
  std::string digest;
};

/// A message that cannot; goes to the dead letters.
struct UnusableMessage {
  std::string reason;
  std::string id;  ///< empty when it could not be read
};

[[nodiscard]] std::variant<RedisMessage, UnusableMessage> read_redis_message(std::string_view raw,
                                                                             std::size_t size_limit);

/// The message without the enqueuedAt that the submitting script wrote at its very beginning.
[[nodiscard]] std::string without_enqueue_time(std::string_view raw);

/// The answer for a job that ends without having been judged.
[[nodiscard]] std::string redis_error_result(std::string_view id, std::string_view code,
                                             std::string_view message);

/// An entry of executor:dead: {"reason", "job", "attempts", "time", "bytes"}. `job` is the message as JSON,
/// or as a string where it is none, cut at kDeadJobTextMax bytes; `time` is in ms since the epoch.
[[nodiscard]] std::string redis_dead_letter(std::string_view reason, std::string_view raw,
                                            std::size_t raw_size, int attempts, std::int64_t time_ms);
inline constexpr std::size_t kDeadJobTextMax = 64 * kKiB;

[[nodiscard]] std::string sha1_hex(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace executor
