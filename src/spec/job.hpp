// A job as its sender means it: one program, many tests. Values only; nothing here does I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "executor/limits.hpp"
#include "executor/program.hpp"

namespace executor {

enum class CompareMode { exact, trimmed, tokens };
struct CompareFloat {
  double tolerance;
};
/// How a test's output is held against what is expected (src/judge).
using Compare = std::variant<CompareMode, CompareFloat>;

struct Test {
  std::string name{};
  std::string stdin_bytes{};
  std::optional<std::string> expected_stdout{};
  std::vector<std::string> args{};
  std::optional<std::chrono::milliseconds> wall_time{};  ///< timeoutMs
  std::optional<std::chrono::milliseconds> cpu_time{};   ///< cpuTimeMs
  std::optional<std::uint64_t> memory_max{};             ///< memoryBytes
  std::optional<Compare> compare{};
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
};

}  // namespace executor
