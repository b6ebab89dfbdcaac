// A job as its sender means it: one program, many tests. Values only; nothing here does I/O.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

/// What is done with a program.
enum class Entry {
  program,   ///< run, with the test's input on its standard input
  solution,  ///< and, if it defines a function `solution`, that is called with the test's input
};

/// Where what calls a `solution` stands beside the program.
inline constexpr std::array<std::string_view, 2> kSolutionFiles{"_call_solution.py", "_call_solution.js"};

/// What the source was compiled to (Program::compiled), where whoever checked it still knows.
struct KnownCode {
  std::weak_ptr<const std::string> bytes{};
  friend bool operator==(const KnownCode&, const KnownCode&) { return true; }  // a job is the same without
};

struct Job {
  std::string id{};  ///< UUID v4, made by the front where the sender gave none
  std::string language = "python";
  std::string source{};
  std::vector<Test> tests{};
  std::vector<SourceFile> files{};
  Compare compare = CompareMode::trimmed;
  Entry entry = Entry::program;
  bool stop_on_failure = false;
  bool processes = false;
  std::string user_id{};
  std::string trace_id{};
  bool progress = false;   ///< somebody listens to what becomes of each test
  std::string reply_to{};  ///< Redis only: a key under executor:results:
  KnownCode code{};        ///< never from outside, and not sent on
  friend bool operator==(const Job&, const Job&) = default;
};

}  // namespace executor
