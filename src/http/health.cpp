#include "http/health.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace executor::http {

namespace {

using nlohmann::ordered_json;

std::string_view to_string(PartState state) {
  switch (state) {
    case PartState::up:
      return "up";
    case PartState::down:
      return "down";
    case PartState::not_configured:
      break;
  }
  return "not configured";
}

std::string health_json(const Health& health) {
  ordered_json body{{"status", health.healthy ? "up" : "down"}, {"draining", health.draining}};
  for (const HealthPart& part : health.parts)
    body[std::string(part.name)] = {{"state", to_string(part.state)}, {"detail", part.detail}};
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string ready_json(const Health& health) {
  return ordered_json{{"ready", health.ready}, {"draining", health.draining}}.dump();
}

Response answer(bool good, bool draining, std::string body) {
  Response response{.status = good ? 200U : 503U, .body = std::move(body)};
  if (!good) response.headers = "Retry-After: 1\r\n";
  response.close = draining;
  return response;
}

}  // namespace

std::function<void(const ExchangePtr&)> health_handler(HealthProbe probe) {
  return [probe = std::move(probe)](const ExchangePtr& exchange) {
    const Health health = probe();
    exchange->respond(answer(health.healthy, health.draining, health_json(health)));
  };
}

std::function<void(const ExchangePtr&)> ready_handler(HealthProbe probe) {
  return [probe = std::move(probe)](const ExchangePtr& exchange) {
    const Health health = probe();
    exchange->respond(answer(health.ready, health.draining, ready_json(health)));
  };
}

std::function<void(const ExchangePtr&)> metrics_handler(std::function<std::string()> render) {
  return [render = std::move(render)](const ExchangePtr& exchange) {
    exchange->respond({.body = render(), .content_type = "text/plain; version=0.0.4; charset=utf-8"});
  };
}

}  // namespace executor::http
