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

#include "http/admission.hpp"
#include "http/endpoint.hpp"
#include "http/jobs.hpp"
#include "queue/queue.hpp"
#include "spec/request_error.hpp"
#include "spec/spec_limits.hpp"
#include "validation/validator.hpp"

namespace executor::http {

/// How a job is written in requests and its result in answers. Both responses are made from the JSON of POST
/// /execute: `result` of a job that ran, `refused` of a source that the policy refuses.
struct ExecuteForm {
  std::function<RequestResult<Job>(std::string_view body)> parse{};
  std::function<Response(std::string json, const Job& job)> result{};
  std::function<Response(std::string json, const Job& job)> refused{};
};

/// Who sent a request.
struct Sender {
  std::string token{};  ///< the name of the token that let it in; empty where none is asked for
};

/// Borrowed; outlives the last run of the io_context.
struct ExecuteParts {
  Queue& queue;
  Validator& validator;
  SpecLimits limits{};
  ExecuteForm form{};                      ///< empty members: that of POST /execute
  bool job_text = true;                    ///< the queue needs the job as JSON, not only as a Job
  std::shared_ptr<Admission> admission{};  ///< null: nobody is held back
  Jobs* jobs = nullptr;                    ///< null: every request waits for its answer
  std::function<bool()> draining{};        ///< true: a new request is a 503 and the connection ends
  std::function<void(std::string_view reason)> rejected{};
  std::function<void(std::string_view what)> failed{};         ///< the details behind a 500, for the log
  std::function<void(const std::string& job_id)> abandoned{};  ///< its client has left; stop what runs
};

/// Takes one request on its way; `parts` are complete, with a form.
void execute(const std::shared_ptr<const ExecuteParts>& parts, const ExchangePtr& exchange, Sender sender);

/// The handler for the endpoint table.
std::function<void(const ExchangePtr&)> execute_handler(ExecuteParts parts);

}  // namespace executor::http
