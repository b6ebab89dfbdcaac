#include "worker/job_run.hpp"

#include <utility>

#include "judge/judge.hpp"

namespace executor {

JobRun::JobRun(std::shared_ptr<const Job> job)
    : job_(std::move(job)),
      tests_(job_->tests.size(), TestState::waiting),
      tried_again_(job_->tests.size(), false),
      results_(job_->tests.size()),
      end_(job_->tests.size()) {
  for (std::size_t test = 0; test < results_.size(); ++test) {
    results_[test].name = job_->tests[test].name;
    results_[test].expected_stdout = job_->tests[test].expected_stdout;
    skip(test);
  }
}

bool JobRun::has_waiting() const { return ending_ == State::running && (!again_.empty() || next_ < end_); }

std::optional<std::size_t> JobRun::take() {
  if (!has_waiting()) return std::nullopt;
  const std::size_t test = again_.empty() ? next_++ : again_.front();
  if (!again_.empty()) again_.pop_front();
  tests_[test] = TestState::running;
  ++running_;
  return test;
}

JobRun::Step JobRun::on_outcome(std::size_t test, Result<Outcome> outcome) {
  Step step;
  --running_;
  tests_[test] = TestState::done;
  if (ending_ != State::running || test >= end_) return settle(std::move(step));
  if (outcome.has_value()) {
    judge_test(test, std::move(*outcome));
    if (job_->stop_on_failure && results_[test].verdict != Verdict::accepted) stop_after(test, step);
  } else if (!tried_again_[test]) {
    tried_again_[test] = true;
    tests_[test] = TestState::waiting;
    again_.push_back(test);
  } else {
    ending_ = State::failed;
    reason_ = outcome.error().message();
    end_all(step);
  }
  return settle(std::move(step));
}

JobRun::Step JobRun::cancel() {
  Step step;
  if (ending_ == State::running) {
    ending_ = State::cancelled;
    end_all(step);
  }
  return settle(std::move(step));
}

void JobRun::judge_test(std::size_t test, Outcome outcome) {
  const Test& asked = job_->tests[test];
  TestResult& result = results_[test];
  result.verdict = judge(outcome, asked.expected_stdout, asked.compare.value_or(job_->compare));
  result.passed =
      result.verdict == Verdict::skipped ? std::nullopt : passed(result.verdict, asked.expected_stdout);
  result.outcome = std::move(outcome);
}

void JobRun::skip(std::size_t test) {
  TestResult& result = results_[test];
  result.verdict = Verdict::skipped;
  result.passed.reset();
  result.outcome = {};
  result.outcome.backend.clear();
}

void JobRun::stop_after(std::size_t test, Step& step) {
  for (std::size_t later = test + 1; later < end_; ++later) {
    if (tests_[later] == TestState::running) step.cancel.push_back(later);
    if (tests_[later] == TestState::done) skip(later);
  }
  end_ = test + 1;
  std::erase_if(again_, [this](std::size_t waiting) { return waiting >= end_; });
}

void JobRun::end_all(Step& step) {
  for (std::size_t test = 0; test < tests_.size(); ++test)
    if (tests_[test] == TestState::running) step.cancel.push_back(test);
  again_.clear();
}

// A job is over only when nothing of it runs: its slots are its own until then.
JobRun::Step JobRun::settle(Step step) {
  if (running_ == 0) {
    if (ending_ != State::running)
      state_ = ending_;
    else if (!has_waiting())
      state_ = State::completed;
  }
  step.state = state_;
  return step;
}

}  // namespace executor
