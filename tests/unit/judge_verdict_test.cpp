#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <utility>

#include "judge/judge.hpp"

using namespace executor;

namespace {

Outcome exited(int code, std::string output = "10\n") {
  Outcome outcome;
  outcome.exit_code = code;
  outcome.stdout_bytes = std::move(output);
  return outcome;
}

const std::optional<std::string> kTen = "10";

}  // namespace

TEST_CASE("a clean exit with the expected output is accepted") {
  CHECK(judge(exited(0), kTen, CompareMode::trimmed) == Verdict::accepted);
  CHECK(judge(exited(0), kTen, CompareMode::exact) == Verdict::wrong_answer);
  CHECK(judge(exited(0, "11\n"), kTen, CompareMode::trimmed) == Verdict::wrong_answer);
  CHECK(judge(exited(0, ""), kTen, CompareMode::trimmed) == Verdict::wrong_answer);
  CHECK(judge(exited(0, "10.0000001"), kTen, CompareFloat{1e-6}) == Verdict::accepted);
}

TEST_CASE("a clean exit is accepted where nothing is expected") {
  CHECK(judge(exited(0, "anything"), std::nullopt, CompareMode::exact) == Verdict::accepted);
  CHECK(judge(exited(1, "anything"), std::nullopt, CompareMode::exact) == Verdict::runtime_error);
}

TEST_CASE("the right output does not excuse how a program ended") {
  CHECK(judge(exited(1), kTen, CompareMode::trimmed) == Verdict::runtime_error);
  CHECK(judge(exited(255), kTen, CompareMode::trimmed) == Verdict::runtime_error);
  Outcome crashed = exited(0);
  crashed.ending = Ending::signalled;
  crashed.signal = SIGSEGV;
  CHECK(judge(crashed, kTen, CompareMode::trimmed) == Verdict::runtime_error);
}

TEST_CASE("what ended a run comes before its status and its output") {
  const std::pair<Ending, Verdict> table[] = {
      {Ending::wall_time_limit, Verdict::wall_time_limit},
      {Ending::cpu_time_limit, Verdict::cpu_time_limit},
      {Ending::memory_limit, Verdict::memory_limit},
      {Ending::output_limit, Verdict::output_limit},
      {Ending::security_violation, Verdict::security_violation},
      {Ending::cancelled, Verdict::skipped},
  };
  for (const auto& [ending, verdict] : table) {
    for (const int code : {0, 1}) {
      Outcome outcome = exited(code);
      outcome.ending = ending;
      CHECK(judge(outcome, kTen, CompareMode::trimmed) == verdict);
      outcome.stdout_truncated = ending != Ending::cancelled;
      CHECK(judge(outcome, kTen, CompareMode::trimmed) == verdict);
    }
  }
}

TEST_CASE("output beyond its cap is never judged, even when the program got away with it") {
  Outcome outcome = exited(0);
  outcome.stdout_truncated = true;
  CHECK(judge(outcome, kTen, CompareMode::trimmed) == Verdict::output_limit);
  outcome = exited(1);
  outcome.stderr_truncated = true;
  CHECK(judge(outcome, std::nullopt, CompareMode::trimmed) == Verdict::output_limit);
}

TEST_CASE("passed is said only where something was expected") {
  CHECK(passed(Verdict::accepted, kTen) == true);
  CHECK(passed(Verdict::wrong_answer, kTen) == false);
  CHECK(passed(Verdict::skipped, kTen) == false);
  CHECK(passed(Verdict::accepted, std::nullopt) == std::nullopt);
}
