// The queue over RabbitMQ: jobs from any producer in a durable queue, workers on several hosts.
//
//   execution_queue         jobs, in the form of POST /execute or of POST /api/execute, each with a jobId
//   reply_to of a message   gets the result with the message's correlation_id, in the message's own form;
//   execution_results       gets those of messages without reply_to
//   execution_queue.dead    what can be no job and what failed three times: the message as it came, with the
//                           headers x-reason and x-attempt
//   executor.replies.<…>    answers for one front; gone ten minutes after the front
//
//   executor.sent.<…>       a mark: holds a message once the job of this name has been settled
//
// A worker has as many unacknowledged jobs as it may run at once. A job is acknowledged when its result has
// been confirmed by the server, so none is lost. So that none comes twice where a worker dies between these
// two, the result is published once to two queues, its own and the mark's: the server routes it to both or
// to none. The mark's queue is made, and looked at, while the job runs, and goes ten seconds after the
// acknowledgement, which a server that is killed may have forgotten. With a mark a job is only acknowledged;
// one that is marked as coming again is looked up before it is run. What is put back is marked likewise; dead
// letters are not, and may come twice. No mark is made for a front's own jobs, which it answers once all the
// same, nor for messages without any id, of which no two can be told apart.
//
// A lost connection doubles nothing either: runs go on, and a delivery that comes again finds its run or its
// result (rabbitmq_ledger.hpp). Attempts are counted in the header x-attempt: a job that comes again from a
// worker that is gone is put back with one more, and after the last it is a dead letter with a terminal
// result.
//
// Thread safety: the io_context's thread only. Destroying the queue ends its connection and calls nobody
// back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "queue/queue.hpp"
#include "queue/rabbitmq_message.hpp"

namespace executor {

enum class RabbitLogLevel { info, warning, error };
/// One line for a person; never holds a password, a source or an input.
using RabbitLog = std::function<void(RabbitLogLevel, std::string_view)>;

struct RabbitQueueOptions {
  std::string url = "amqp://localhost:5672";  ///< see rabbitmq_url.hpp
  std::string jobs_queue = "execution_queue";
  std::string results_queue = "execution_results";
  std::string dead_queue = "execution_queue.dead";
  std::size_t max_waiting =
      1000;  ///< answers owed by this process, or jobs in the queue, before submit() says full
  int max_attempts = 3;
  std::size_t remembered_bytes = 64 * kMiB;  ///< of results whose jobs might come again
  RabbitForms forms{};
  RabbitLog log{};
};

/// Begins to connect; RabbitMQ need not be there yet. Throws Exception when the URL is malformed.
[[nodiscard]] std::unique_ptr<Queue> make_rabbit_queue(boost::asio::io_context& io,
                                                       const RabbitQueueOptions& options);

}  // namespace executor
