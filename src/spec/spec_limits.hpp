// What a request may ask for, and what it gets where it asks for nothing. Filled from the configuration.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "executor/limits.hpp"
#include "spec/job.hpp"

namespace executor {

/// Bounds of a request. A value beyond them is refused by name, never clamped. Sizes in bytes unless said
/// otherwise.
struct SpecLimits {
  std::vector<std::string> languages{"python"};
  std::vector<std::string> source_files{"main.py"};  ///< of each language: no other file may stand there

  std::size_t max_depth = 32;  ///< JSON arrays and objects within each other
  std::size_t max_tests = 1000;
  std::size_t source_max = 256 * kKiB;
  std::size_t stdin_max = 64 * kMiB;     ///< of one test
  std::size_t expected_max = 16 * kMiB;  ///< of one test
  std::size_t max_files = 64;
  std::size_t files_max = 4 * kMiB;  ///< all contents together
  std::size_t max_args = 64;         ///< of one test
  std::size_t arg_max = 4 * kKiB;    ///< of one argument

  Limits defaults{};  ///< of one test; its cpu_time is unused: the wall limit stands in
  std::chrono::milliseconds wall_time_max{60'000};
  std::chrono::milliseconds cpu_time_max{60'000};
  std::uint64_t memory_min = 1 * kMiB;
  std::uint64_t memory_max = 256 * kMiB;
};

/// The limits of one test of a job: what the test asks for, else the server's defaults. CPU time defaults to
/// the test's own wall limit.
[[nodiscard]] Limits test_limits(const Job& job, const Test& test, const SpecLimits& spec);

}  // namespace executor
