// The course of one job as pure logic: which test to start next, what an outcome means for the others, when
// the job is over. No I/O, no clock, no backend: the Worker asks take(), reports outcomes and does what the
// Step says.
//
// stopOnFailure gives the answer of a run in sequence whatever ran in parallel: once a test has failed, every
// later one is `skipped` even if it has ended already, and earlier ones still count.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "executor/outcome.hpp"
#include "spec/job.hpp"
#include "spec/result.hpp"

namespace executor {

class JobRun {
 public:
  enum class State {
    running,
    completed,  ///< every test has its verdict
    failed,     ///< the infrastructure failed twice at one test; nothing of the job runs any more
    cancelled,  ///< cancel() was called, and nothing of the job runs any more
  };

  /// What the owner has to do: end these runs (their outcomes are still to be reported), and look at the
  /// state.
  struct Step {
    State state = State::running;
    std::vector<std::size_t> cancel{};
  };

  explicit JobRun(std::shared_ptr<const Job> job);

  /// The next test to run, which counts as started from here on; nothing while no test waits.
  std::optional<std::size_t> take();
  [[nodiscard]] bool has_waiting() const;

  /// A run has ended. Each test that was taken gets exactly one report for each time that it was taken.
  Step on_outcome(std::size_t test, Result<Outcome> outcome);
  /// Nobody wants the rest: waiting tests are skipped, running ones are to be ended.
  Step cancel();

  /// Of a test that has ended.
  [[nodiscard]] const TestResult& result(std::size_t test) const { return results_[test]; }
  [[nodiscard]] const Job& job() const { return *job_; }
  [[nodiscard]] State state() const { return state_; }
  /// For State::failed: what the infrastructure said.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// One result for each test, in their order; those without an outcome are `skipped`.
  [[nodiscard]] std::vector<TestResult> take_results() { return std::move(results_); }

 private:
  enum class TestState { waiting, running, done };

  void judge_test(std::size_t test, Outcome outcome);
  void skip(std::size_t test);
  void stop_after(std::size_t test, Step& step);
  void end_all(Step& step);
  Step settle(Step step);

  std::shared_ptr<const Job> job_;
  std::vector<TestState> tests_;
  std::vector<bool> tried_again_;
  std::vector<TestResult> results_;
  std::deque<std::size_t> again_{};  // tests whose sandbox failed once go first
  std::size_t next_ = 0;             // no test before this one waits, but for again_
  std::size_t end_;                  // tests from here on are skipped
  std::size_t running_ = 0;
  State state_ = State::running;
  State ending_ = State::running;  // the state to take once nothing runs
  std::string reason_{};
};

}  // namespace executor
