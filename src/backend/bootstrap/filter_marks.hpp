// Places in a compiled filter for numbers that only the process itself knows, once it stands before its
// execve.
//
// Async-signal-safe; allocates nothing.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <span>

namespace executor::docker {

inline constexpr std::uint32_t kMarkPid = 0x5ec0ab1e;   ///< its process id
inline constexpr std::uint32_t kMarkHigh = 0x5ec0ab2e;  ///< upper half of the address of execve's environment
inline constexpr std::uint32_t kMarkLow = 0x5ec0ab3e;

/// Writes the numbers into the places of their marks; false where one of them is missing.
inline bool fill_marks(std::span<sock_filter> filter, pid_t pid, const void* environment) {
  const auto address = reinterpret_cast<std::uintptr_t>(environment);
  unsigned found = 0;
  for (sock_filter& instruction : filter) {
    if (instruction.k == kMarkPid) {
      instruction.k = static_cast<std::uint32_t>(pid);
      found |= 1U;
    } else if (instruction.k == kMarkHigh) {
      instruction.k = static_cast<std::uint32_t>(address >> 32U);
      found |= 2U;
    } else if (instruction.k == kMarkLow) {
      instruction.k = static_cast<std::uint32_t>(address);
      found |= 4U;
    }
  }
  return found == 7U;
}

}  // namespace executor::docker
