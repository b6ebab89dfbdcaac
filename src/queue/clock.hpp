// The time that is written into messages: other hosts read it, so it is the wall clock's.
#pragma once

#include <chrono>
#include <cstdint>

namespace executor {

/// Milliseconds since 1970.
inline std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace executor
