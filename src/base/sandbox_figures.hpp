// What making sandboxes and taking them apart has cost, as plain sums since the start of whoever makes them.
// The supervisor counts, /metrics shows. A value.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace executor {

/// The way of a sandbox to the moment where it waits for a program, in this order. Each ends where the next
/// one begins, by the supervisor's clock: what a busy supervisor or zygote makes a sandbox wait is in there.
enum class SetupStage : std::uint8_t {
  namespaces,  ///< leaf, pipes, clone into user, PID and cgroup namespaces, id maps
  init,        ///< its pid 1: the other namespaces, mounts, pivot_root, privileges (the stages "init: ...")
  fork,        ///< the zygote's turn, and its fork
  payload,     ///< joining, limits, privileges, filter (the stages "payload: ..."), and the look from outside
  interpreter,  ///< of a program of its own, started ahead
};
inline constexpr std::array<const char*, 5> kSetupStages{"namespaces", "init", "fork", "payload",
                                                         "interpreter"};

struct SandboxFigures {
  std::uint64_t built = 0;                                            ///< sandboxes that came to stand
  std::array<std::chrono::nanoseconds, kSetupStages.size()> setup{};  ///< of those
  std::uint64_t ended = 0;                                            ///< sandboxes that are gone
  std::chrono::nanoseconds cpu_time{};  ///< of their processes, from the fork on: set-up, program, end
  std::uint64_t minor_faults = 0;       ///< of the same
  // private memory, looked at now and then; 0: not yet
  std::uint64_t warm_bytes = 0;  ///< of one sandbox that waits
  std::uint64_t supervisor_bytes = 0;
  std::uint64_t zygote_bytes = 0;
};

template <class A>
void archive_fields(A& a, SandboxFigures& f) {
  a(f.built, f.ended, f.cpu_time, f.minor_faults, f.warm_bytes, f.supervisor_bytes, f.zygote_bytes);
  for (auto& time : f.setup) a(time);
}

}  // namespace executor
