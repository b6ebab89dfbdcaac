// A job as its sender means it: one program, many tests. Values only; nothing here does I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "executor/compare.hpp"
#include "executor/program.hpp"

namespace executor {

struct Test {
  std::string name{};
  std::string stdin_bytes{};
  std::optional<std::string> expected_stdout{};
  std::vector<std::string> args{};
  std::optional<std::chrono::milliseconds> wall_time{};  ///< timeoutMs
  std::optional<std::chrono::milliseconds> cpu_time{};   ///< cpuTimeMs
  std::optional<std::uint64_t> memory_max{};             ///< memoryBytes
  std::optional<Compare> compare{};                      ///< where it differs from the job's
  friend bool operator==(const Test&, const Test&) = default;
};

struct Job {
  std::string id{};  ///< UUID v4, made by the front where the sender gave none
  std::string language = "python";
  std::string source{};
  std::vector<Test> tests{};
  std::vector<SourceFile> files{};
  Compare compare = CompareMode::trimmed;
  bool stop_on_failure = false;
  bool processes = false;
  std::string user_id{};
  std::string trace_id{};
  std::string reply_to{};  ///< Redis only: a key under executor:results:
  friend bool operator==(const Job&, const Job&) = default;
};

}  // namespace executor
