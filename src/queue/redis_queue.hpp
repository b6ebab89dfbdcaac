// The queue over Redis: jobs from any producer by LPUSH, workers on several hosts, each take a lease.
//
// Keys (redis_keys.hpp)          what happens to them
//   executor:tasks                 list of job JSON; producers LPUSH, workers take from the right end
//   executor:results:<jobId>       the result, a string with a TTL; the first one stored stays
//   <replyTo> of a job             a list under executor:results: that gets the result once, for BLPOP
//   executor:dead                  list of {"reason", "job", "attempts", "time", "bytes"}, the newest
//   kDeadLettersMax {executor:tasks}:…             helpers, in the hash slot of the list
//
// The way of a job. A front submits by one script: the record of the job is made or found (same id and body:
// joined; another body: refused), the message stamped with Redis' time and pushed. A worker's blocking
// connection moves the message into its processing list (BLMOVE) and claims it by one script, which counts
// the attempt and drops duplicates. The lease stands as long as the worker renews its alive key. The result
// is stored by SET NX, which decides whose is first; then one script ends the lease and tells the waiting
// fronts, each on a channel of its own. A publication is only a hint: a front that was away submits
// everything it still waits for again, which finds the job queued, running or done, or puts it back if Redis
// has forgotten it.
//
// Workers that stop renewing are reaped by any other worker: what they held is queued again at the taking
// end, or after max_attempts buried with a terminal result. Redis' clock decides, never a host's.
//
// Three connections: commands, blocking take (once consume() was called), publications. One Redis server, or
// the one node of a cluster that holds all of these keys: redirections (MOVED) are not followed.
//
// Thread safety: the io_context's thread only, which must be the one that runs it. Destroying the queue ends
// its connections at once and calls nobody back: leases pass to other workers after lease_ttl. Not to be
// destroyed from inside one of its own call-backs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "executor/limits.hpp"
#include "queue/queue.hpp"

namespace executor {

enum class RedisLogLevel { info, warning, error };
/// One line for a person; never holds a password, a source or an input.
using RedisLog = std::function<void(RedisLogLevel, std::string_view)>;

inline constexpr std::size_t kDeadLettersMax = 1000;

struct RedisQueueOptions {
  std::string url = "redis://localhost:6379";  ///< see redis_url.hpp
  std::string queue_key = "executor:tasks";
  std::string worker_id{};  ///< made unique by a suffix; empty: host name and process id
  std::chrono::milliseconds lease_ttl{
      15'000};  ///< a worker silent for so long is dead; renewed at a third of it
  std::chrono::milliseconds result_ttl{3'600'000};
  std::chrono::milliseconds record_ttl{86'400'000};  ///< of what is known about an unfinished job
  std::size_t max_waiting = 1000;         ///< answers owed by this process before submit() says full
  std::size_t message_limit = 16 * kMiB;  ///< bytes of a job; longer ones go to the dead letters
  std::size_t result_limit = 48 * kMiB;   ///< bytes of a result; a longer one becomes an error result
  int max_attempts = 3;
  std::chrono::milliseconds retry_delay{250};  ///< before a retry()'d job is queued again, times its attempt
  std::chrono::milliseconds command_timeout{10'000};
  RedisLog log{};
};

/// Begins to connect; Redis need not be there yet. Throws Exception when the URL or the queue key is
/// malformed.
[[nodiscard]] std::unique_ptr<Queue> make_redis_queue(boost::asio::io_context& io,
                                                      const RedisQueueOptions& options);

}  // namespace executor
