#include "worker/job_run.hpp"

#include <doctest/doctest.h>

#include <vector>

using executor::Ending;
using executor::Error;
using executor::Job;
using executor::JobRun;
using executor::Outcome;
using executor::Result;
using executor::TestResult;
using executor::Verdict;
using State = JobRun::State;

namespace {

std::shared_ptr<Job> job_of(std::size_t tests, bool stop_on_failure = false) {
  auto job = std::make_shared<Job>();
  job->stop_on_failure = stop_on_failure;
  for (std::size_t i = 0; i < tests; ++i)
    job->tests.push_back({.name = std::to_string(i), .expected_stdout = "right"});
  return job;
}

Outcome right() { return {.stdout_bytes = "right\n"}; }
Outcome wrong() { return {.stdout_bytes = "wrong\n"}; }
Outcome cancelled() { return {.ending = Ending::cancelled, .signal = 9}; }
Result<Outcome> broken() { return Error("clone init", std::make_error_code(std::errc::io_error)); }

std::vector<Verdict> verdicts(JobRun& run) {
  std::vector<Verdict> all;
  for (const TestResult& result : run.take_results()) all.push_back(result.verdict);
  return all;
}

void take_all(JobRun& run) {
  while (run.take()) {
  }
}

}  // namespace

TEST_CASE("tests are taken in order and the job is complete with the last outcome") {
  JobRun run(job_of(3));
  CHECK(run.take() == 0);
  CHECK(run.take() == 1);
  CHECK(run.take() == 2);
  CHECK_FALSE(run.take().has_value());
  CHECK(run.on_outcome(2, right()).state == State::running);
  CHECK(run.on_outcome(0, wrong()).state == State::running);
  CHECK(run.on_outcome(1, right()).state == State::completed);
  CHECK(verdicts(run) == std::vector{Verdict::wrong_answer, Verdict::accepted, Verdict::accepted});
}

TEST_CASE("results carry name, expectation and whether the test passed") {
  const auto job = job_of(2);
  job->tests[1].expected_stdout.reset();
  JobRun run(job);
  take_all(run);
  run.on_outcome(0, wrong());
  run.on_outcome(1, wrong());
  const auto results = run.take_results();
  CHECK(results[0].name == "0");
  CHECK(results[0].expected_stdout == "right");
  CHECK(results[0].passed == false);
  CHECK(results[0].outcome.stdout_bytes == "wrong\n");
  CHECK_FALSE(results[1].passed.has_value());
  CHECK(results[1].verdict == Verdict::accepted);
}

TEST_CASE("without stopOnFailure a failed test stops nothing") {
  JobRun run(job_of(2));
  CHECK(run.take() == 0);
  const auto step = run.on_outcome(0, wrong());
  CHECK(step.cancel.empty());
  CHECK(run.take() == 1);
}

TEST_CASE("stopOnFailure skips what waits and ends what runs behind the failed test") {
  JobRun run(job_of(5, true));
  for (std::size_t i = 0; i < 3; ++i) REQUIRE(run.take() == i);
  const auto step = run.on_outcome(1, wrong());
  CHECK(step.cancel == std::vector<std::size_t>{2});
  CHECK_FALSE(run.take().has_value());
  CHECK(run.on_outcome(2, cancelled()).state == State::running);
  CHECK(run.on_outcome(0, right()).state == State::completed);
  CHECK(verdicts(run) == std::vector{Verdict::accepted, Verdict::wrong_answer, Verdict::skipped,
                                     Verdict::skipped, Verdict::skipped});
}

TEST_CASE("stopOnFailure gives the sequential answer whatever ends first") {
  JobRun run(job_of(3, true));
  take_all(run);
  CHECK(run.on_outcome(2, right()).state == State::running);
  CHECK(run.on_outcome(1, wrong()).state == State::running);
  CHECK(run.on_outcome(0, wrong()).state == State::completed);
  CHECK(verdicts(run) == std::vector{Verdict::wrong_answer, Verdict::skipped, Verdict::skipped});
}

TEST_CASE("a skipped test shows nothing of the run that it had") {
  JobRun run(job_of(2, true));
  take_all(run);
  run.on_outcome(1, {Outcome{.stdout_bytes = "secret", .sandbox_id = "abc"}});
  run.on_outcome(0, wrong());
  const auto results = run.take_results();
  CHECK(results[1].outcome.stdout_bytes.empty());
  CHECK(results[1].outcome.sandbox_id.empty());
  CHECK_FALSE(results[1].passed.has_value());
}

TEST_CASE("a test whose sandbox failed is tried once more before the others") {
  JobRun run(job_of(3));
  REQUIRE(run.take() == 0);
  CHECK(run.on_outcome(0, broken()).state == State::running);
  CHECK(run.take() == 0);
  CHECK(run.on_outcome(0, right()).state == State::running);
  CHECK(run.take() == 1);
}

TEST_CASE("all running tests may lose their sandbox at once and are tried again") {
  JobRun run(job_of(3));
  take_all(run);
  for (std::size_t i = 0; i < 3; ++i) CHECK(run.on_outcome(i, broken()).state == State::running);
  CHECK(run.take() == 0);
  CHECK(run.take() == 1);
  CHECK(run.take() == 2);
  for (std::size_t i = 0; i < 3; ++i) run.on_outcome(i, right());
  CHECK(run.state() == State::completed);
}

TEST_CASE("a sandbox that fails twice at one test fails the job once nothing of it runs") {
  JobRun run(job_of(3));
  REQUIRE(run.take() == 0);
  REQUIRE(run.take() == 1);
  run.on_outcome(0, broken());
  REQUIRE(run.take() == 0);
  const auto step = run.on_outcome(0, broken());
  CHECK(step.state == State::running);
  CHECK(step.cancel == std::vector<std::size_t>{1});
  CHECK_FALSE(run.take().has_value());
  CHECK(run.on_outcome(1, cancelled()).state == State::failed);
  CHECK(run.reason().find("clone init") == 0);
}

TEST_CASE("cancelling ends what runs and takes no more") {
  JobRun run(job_of(3));
  REQUIRE(run.take() == 0);
  const auto step = run.cancel();
  CHECK(step.cancel == std::vector<std::size_t>{0});
  CHECK(step.state == State::running);
  CHECK_FALSE(run.take().has_value());
  CHECK(run.cancel().cancel.empty());
  CHECK(run.on_outcome(0, cancelled()).state == State::cancelled);
}

TEST_CASE("cancelling a job of which nothing runs is over at once") {
  JobRun run(job_of(2));
  CHECK(run.cancel().state == State::cancelled);
  CHECK(verdicts(run) == std::vector{Verdict::skipped, Verdict::skipped});
}
