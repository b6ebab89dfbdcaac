#include "http/solution_api.hpp"

#include <memory>
#include <utility>

namespace executor::http {

namespace {

Response solution_response(const std::string& json, const Job& job) {
  return {.body = solution_answer(json, job.tests.size())};
}

ExecuteForm solution_form(const SpecLimits& limits, const SolutionLimits& solution) {
  return {.parse = [limits,
                    solution](std::string_view body) { return parse_solution_job(body, limits, solution); },
          .result = solution_response,
          .refused = solution_response};
}

}  // namespace

std::function<void(const ExchangePtr&)> solution_api_handler(ExecuteParts parts,
                                                             std::shared_ptr<const ApiTokens> tokens,
                                                             const SolutionLimits& limits) {
  const auto shared = std::make_shared<ExecuteParts>(std::move(parts));
  shared->form = solution_form(shared->limits, limits);
  return [parts = std::shared_ptr<const ExecuteParts>(shared),
          tokens = std::move(tokens)](const ExchangePtr& exchange) {
    const ApiTokens::Caller caller = tokens->identify(exchange->request());
    if (caller.access == ApiTokens::Access::granted)
      return execute(parts, exchange, {.token = std::string(caller.name)});
    if (parts->rejected)
      parts->rejected(caller.access == ApiTokens::Access::missing ? "unauthorized" : "forbidden");
    exchange->respond(access_response(caller.access));
  };
}

}  // namespace executor::http
