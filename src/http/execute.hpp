// POST /execute: from the request to a job in the queue, and from the queue's answer to the response.
//
// check the headers → parse → validate the source → enqueue → answer. Nothing that fails a step reaches the
// next.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/endpoint.hpp"
#include "queue/queue.hpp"
#include "spec/spec_limits.hpp"
#include "validation/validator.hpp"

namespace executor::http {

/// Borrowed; outlives the last run of the io_context.
struct ExecuteParts {
  Queue& queue;
  Validator& validator;
  SpecLimits limits{};
  bool job_text = true;              ///< the queue needs the job as JSON, not only as a Job
  std::function<bool()> draining{};  ///< true: 503 and the connection ends
  std::function<void(std::string_view reason)> rejected{};
  std::function<void(std::string_view what)> failed{};         ///< the details behind a 500, for the log
  std::function<void(const std::string& job_id)> abandoned{};  ///< its client has left; stop what runs
};

/// The handler for the endpoint table.
std::function<void(const ExchangePtr&)> execute_handler(ExecuteParts parts);

}  // namespace executor::http
