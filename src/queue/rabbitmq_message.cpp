#include "queue/rabbitmq_message.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "queue/redis_message.hpp"
#include "spec/parse.hpp"
#include "spec/strict_json.hpp"

namespace executor {
namespace {

using nlohmann::json;

constexpr const char* kMarkPrefix = "executor.sent.";

std::string first_id(const std::string& own, const RabbitMessage& message, const std::string& fallback) {
  for (const std::string* id : {&own, &message.message_id, &message.correlation_id})
    if (is_job_id(*id)) return *id;
  return fallback;
}

std::string id_of(const json& document) {
  const auto found = document.is_object() ? document.find("jobId") : document.end();
  return document.is_object() && found != document.end() && found->is_string() ? found->get<std::string>()
                                                                               : std::string();
}

UnusableRabbitMessage unusable(const RequestError& error, const std::string& id, bool named,
                               bool solution_form) {
  const std::string reason = error.field.empty() ? error.message : error.field + ": " + error.message;
  const RabbitJob job{.id = id, .solution_form = solution_form};
  const std::string result = R"({"jobId":)" + json(id).dump() + "," + error_json(error).substr(1);
  return {reason, id, rabbit_result(job, result), named};
}

}  // namespace

bool is_own_queue(const std::string& name, const RabbitForms& forms) {
  return name.starts_with(kMarkPrefix) || std::ranges::find(forms.own_queues, name) != forms.own_queues.end();
}

std::variant<RabbitJob, UnusableRabbitMessage> read_rabbit_job(const RabbitMessage& message,
                                                               const RabbitForms& forms,
                                                               const std::string& fallback_id) {
  std::string id = first_id({}, message, fallback_id);
  if (message.body.size() > forms.size_limit)
    return unusable({413, "too_large", "the message is larger than this service reads", ""}, id,
                    id != fallback_id, false);
  if (is_own_queue(message.reply_to, forms))
    return unusable(
        {400, "bad_value", "an answer cannot go to a queue that this service works by", "reply_to"}, id,
        id != fallback_id, false);
  json document;
  if (auto error = parse_strict_json(message.body, forms.limits.max_depth, document))
    return unusable(*error, id, id != fallback_id, false);
  const bool solution_form =
      document.is_object() && (document.contains("code") || document.contains("testCases"));
  const std::string own = id_of(document);
  id = first_id(own, message, fallback_id);
  const bool named = id != fallback_id;
  RequestResult<Job> job = solution_form ? parse_solution_job(message.body, forms.limits, forms.solution)
                                         : read_job(document, forms.limits);
  if (!job) return unusable(job.error(), id, named, solution_form);
  job->id = id;
  job->reply_to.clear();
  return RabbitJob{.id = std::move(id),
                   .body = job_to_json(*job),
                   .digest = sha256_hex(message.body),
                   .solution_form = solution_form,
                   .tests = job->tests.size(),
                   .named = named};
}

std::string rabbit_mark_name(const RabbitMessage& message) {
  std::string all;
  for (const std::string& part :
       {sha256_hex(message.body), message.reply_to, message.correlation_id, message.message_id, message.copy,
        std::to_string(message.attempt), std::to_string(message.enqueued_ms)})
    all += std::to_string(part.size()) + ":" + part;
  return std::string(kMarkPrefix) + sha256_hex(all);
}

std::string rabbit_result(const RabbitJob& job, std::string json) {
  return job.solution_form ? solution_message(job.id, json, job.tests) : std::move(json);
}

}  // namespace executor
