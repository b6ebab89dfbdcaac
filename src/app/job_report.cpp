#include "app/job_report.hpp"

#include <algorithm>

namespace executor {

namespace {
double in_milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(time).count()) / 1e3;
}
}  // namespace

JobCompleted log_record(const JobReport& report, const std::string& worker_id) {
  JobCompleted record{.trace_id = report.job->trace_id,
                      .user_id = report.job->user_id,
                      .job_id = report.result.job_id,
                      .worker_id = worker_id,
                      .duration_ms = in_milliseconds(report.result.execute_time)};
  int index = 0;
  for (const TestResult& test : report.result.results) {
    const bool ran = test.verdict != Verdict::skipped;
    record.tests.push_back(
        {.index = index++,
         .exit_code = test.outcome.exit_code,
         .has_exit_code = ran && test.outcome.ending == Ending::exited,
         .timed_out = test.verdict == Verdict::wall_time_limit || test.verdict == Verdict::cpu_time_limit,
         .duration_ms = in_milliseconds(test.outcome.wall_time),
         .passed = test.passed ? static_cast<int>(*test.passed) : -1,
         .cpu_seconds = in_milliseconds(test.outcome.cpu_time) / 1e3,
         .memory_bytes = test.outcome.memory_bytes,
         .container_id = test.outcome.sandbox_id});
  }
  return record;
}

void count(const JobReport& report, Metrics& metrics) {
  metrics.waited_in_queue(report.result.queue_time);
  for (std::size_t i = 0; i < report.result.results.size(); ++i) {
    const TestResult& test = report.result.results[i];
    if (test.verdict == Verdict::skipped) continue;
    metrics.executed(report.job->language, test.outcome.backend, to_string(test.verdict));
    metrics.ran(test.outcome.wall_time, test.outcome.cpu_time);
    metrics.handed_over(std::max(report.elapsed[i] - test.outcome.wall_time, std::chrono::nanoseconds(0)));
  }
}

}  // namespace executor
