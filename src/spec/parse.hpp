// The body of POST /execute, and of a queued job, to and from a Job. Pure: no clock, no I/O, no global state.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "spec/job.hpp"
#include "spec/request_error.hpp"
#include "spec/spec_limits.hpp"

namespace executor {

/// Reads a job from JSON. Refused, naming the field: what is not JSON, keys that stand twice, nesting over
/// `limits.max_depth`, wrong types, missing fields, values and sizes out of range (sizes with status 413).
/// Fields that are not known are ignored. `jobId` may be absent: Job::id is empty then.
[[nodiscard]] RequestResult<Job> parse_job(std::string_view body, const SpecLimits& limits);

/// The same from a document that is parsed already; its strings are taken out of it.
[[nodiscard]] RequestResult<Job> read_job(nlohmann::json& document, const SpecLimits& limits);

/// The same job as JSON, for the queue: parse_job(job_to_json(job)) equals `job` under the same limits.
/// Strings are UTF-8, as parse_job leaves them.
[[nodiscard]] std::string job_to_json(const Job& job);

/// Whether `text` may name a job: 1 to 128 of A-Z a-z 0-9 . _ : -.
[[nodiscard]] bool is_job_id(std::string_view text);

/// Whether `text` may stand as userId or traceId, in a body or a header: at most 128 printable characters.
[[nodiscard]] bool is_client_id(std::string_view text);

}  // namespace executor
