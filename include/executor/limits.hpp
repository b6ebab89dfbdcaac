// What one run of a program may use. Each limit is enforced by the kernel or by the supervisor, never by the
// program.
#pragma once

#include <chrono>
#include <cstdint>

namespace executor {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

/// Limits of one run. Times are measured from hand-over: what a sandbox costs to build is not billed.
struct Limits {
  std::chrono::milliseconds wall_time{3000};  ///< real time until the run is killed
  std::chrono::milliseconds cpu_time{3000};   ///< user + system time of all its processes and threads
  std::uint64_t memory_max = 256 * kMiB;      ///< bytes, cgroup memory limit; swap is always off
  std::uint64_t nano_cpus = 1'000'000'000;    ///< CPU quota, 1e9 = one CPU
  std::uint32_t pids_max = 64;                ///< processes and threads together
  std::uint32_t open_files = 256;             ///< RLIMIT_NOFILE
  std::uint64_t file_size = 16 * kMiB;        ///< bytes, RLIMIT_FSIZE
  std::uint64_t stack_size = 8 * kMiB;        ///< bytes, RLIMIT_STACK of the main thread
  std::uint64_t stdout_max = 1 * kMiB;        ///< bytes kept of standard output; one more ends the run
  std::uint64_t stderr_max = 256 * kKiB;      ///< bytes kept of standard error; one more ends the run

  friend bool operator==(const Limits&, const Limits&) = default;
};

}  // namespace executor
