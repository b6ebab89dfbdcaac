// The second API's way of writing jobs and answers, used by POST /api/execute and by RabbitMQ's messages:
// {"code", "language", "testCases": [{"input", "expectedOutput"}]}. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "spec/job.hpp"
#include "spec/request_error.hpp"
#include "spec/spec_limits.hpp"

namespace executor {

/// What each test of such a job may use; the form has no fields for it.
struct SolutionLimits {
  std::chrono::milliseconds wall_time{10'000};
  std::uint64_t memory_max = 256 * kMiB;  ///< bytes
};

/// Reads a job; errors are those of parse_job, naming the fields of this form. `jobId`, `userId` and
/// `traceId` may stand beside the others.
[[nodiscard]] RequestResult<Job> parse_solution_job(std::string_view body, const SpecLimits& limits,
                                                    const SolutionLimits& solution);

/// The answer of POST /api/execute, from the answer of POST /execute: either a result or an error's JSON. Of
/// an error, each of the `tests` gets an entry that did not pass.
[[nodiscard]] std::string solution_answer(std::string_view result_json, std::size_t tests);

/// The result message for a queue: the same with the job's id, and `status` pass, fail or timeout.
[[nodiscard]] std::string solution_message(std::string_view job_id, std::string_view result_json,
                                           std::size_t tests);

}  // namespace executor
