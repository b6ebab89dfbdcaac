#include "http/openapi.hpp"

#include <string>

#include "http/openapi_text.hpp"

namespace executor::http {

std::function<void(const ExchangePtr&)> openapi_handler() {
  return [](const ExchangePtr& exchange) { exchange->respond({.body = std::string(openapi_json())}); };
}

}  // namespace executor::http
