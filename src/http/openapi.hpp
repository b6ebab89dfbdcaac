// GET /openapi.json: the description of this API, a text that is part of the program (openapi/openapi.json).
#pragma once

#include <functional>

#include "http/endpoint.hpp"

namespace executor::http {

std::function<void(const ExchangePtr&)> openapi_handler();

}  // namespace executor::http
