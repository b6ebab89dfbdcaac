#include "spec/spec_limits.hpp"

namespace executor {

Limits test_limits(const Job& /*job*/, const Test& test, const SpecLimits& spec) {
  Limits limits = spec.defaults;
  limits.wall_time = test.wall_time.value_or(spec.defaults.wall_time);
  limits.cpu_time = test.cpu_time.value_or(limits.wall_time);
  limits.memory_max = test.memory_max.value_or(spec.defaults.memory_max);
  return limits;
}

}  // namespace executor
