// POST /api/execute: the second API's form of a job and its answer, for those who have a token.
#pragma once

#include <functional>
#include <memory>

#include "http/api_tokens.hpp"
#include "http/endpoint.hpp"
#include "http/execute.hpp"
#include "spec/solution_form.hpp"

namespace executor::http {

/// The handler for the endpoint table. The way of a job is that of POST /execute. The tokens are asked anew
/// for each request, so that others may be put in their place.
std::function<void(const ExchangePtr&)> solution_api_handler(ExecuteParts parts,
                                                             std::shared_ptr<const ApiTokens> tokens,
                                                             const SolutionLimits& limits);

}  // namespace executor::http
