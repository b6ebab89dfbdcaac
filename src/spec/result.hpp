// What is answered about a job that ran. Values, and their JSON.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/outcome.hpp"
#include "executor/verdict.hpp"

namespace executor {

struct TestResult {
  std::string name{};  ///< as the request gave it
  Outcome outcome{};   ///< means nothing where the verdict is `skipped`
  Verdict verdict = Verdict::skipped;
  std::optional<bool> passed{};                  ///< nothing where nothing was expected
  std::optional<std::string> expected_stdout{};  ///< echoed
};

struct JobResult {
  std::string job_id{};
  bool ok = false;                          ///< the job ran: every test has its verdict
  std::vector<TestResult> results{};        ///< in the order of the tests
  std::chrono::nanoseconds queue_time{};    ///< accepted to taken by a worker
  std::chrono::nanoseconds execute_time{};  ///< taken to the last verdict
};

/// The answer of POST /execute. Output that is not UTF-8 is shown with U+FFFD in place of the bytes at fault,
/// and the test then carries "encoding": "replaced".
[[nodiscard]] std::string to_json(const JobResult& result);

/// What is told of one test as soon as it has ended: {"event": "test", "index", "verdict", "passed", …}.
[[nodiscard]] std::string test_event(std::size_t index, const TestResult& test);

/// "SIGSEGV", "SIGRTMIN+2", or "SIG99" for a number that has no name.
[[nodiscard]] std::string signal_name(int number);

}  // namespace executor
