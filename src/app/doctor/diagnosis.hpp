// All checks in their order, and what follows from them: which backend the service would choose, which ids
// and cgroup version it would use, and whether it would start as configured. Pure.
#pragma once

#include <string>
#include <string_view>

#include "app/doctor/checks.hpp"

namespace executor::doctor {

struct Diagnosis {
  Checks checks{};
  std::string backend{};   ///< "native", "docker", "local" or "none"
  std::string id_mode{};   ///< "range" or "single"
  int cgroup_version = 0;  ///< 0: none is usable

  /// Nothing is missing that the configured service needs.
  [[nodiscard]] bool whole() const;
};

Diagnosis diagnose(const HostFacts& facts);

std::string_view to_string(State state);

}  // namespace executor::doctor
