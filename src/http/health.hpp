// GET /health and GET /ready: what the service is made of, and whether each part works.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/endpoint.hpp"

namespace executor::http {

enum class PartState { up, down, not_configured };

struct HealthPart {
  std::string_view name;  ///< "queue", "supervisor", "nativeBackend", "dockerBackend", "localFallback"
  PartState state = PartState::not_configured;
  std::string detail{};  ///< for a person; no paths, no credentials
};

struct Health {
  bool healthy = false;  ///< 200 or 503 on /health
  bool ready = false;    ///< 200 or 503 on /ready
  bool draining = false;
  std::vector<HealthPart> parts{};
};

using HealthProbe = std::function<Health()>;

std::function<void(const ExchangePtr&)> health_handler(HealthProbe probe);
std::function<void(const ExchangePtr&)> ready_handler(HealthProbe probe);

/// GET /metrics: `render` makes the Prometheus text.
std::function<void(const ExchangePtr&)> metrics_handler(std::function<std::string()> render);

}  // namespace executor::http
