#include "spec/result.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "spec/json_writer.hpp"
#include "spec/text.hpp"

namespace executor {
namespace {

using std::chrono::nanoseconds;

/// Whole microseconds, so that the shortest decimal form of the quotient is short.
double microseconds(nanoseconds time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}
double milliseconds(nanoseconds time) { return microseconds(time) / 1e3; }
double seconds(nanoseconds time) { return microseconds(time) / 1e6; }

template <class T>
void field_or_null(JsonWriter& out, std::string_view name, const std::optional<T>& value) {
  out.key(name);
  if (value) return out.value(*value);
  out.null();
}

std::optional<std::string_view> known(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return text;
}

/// How the process ended: one of exitCode and signal is not null; both are null for what did not run.
void write_status(JsonWriter& out, const TestResult& test) {
  const Outcome& outcome = test.outcome;
  const bool ran = test.verdict != Verdict::skipped && test.verdict != Verdict::compile_error;
  const bool signalled = ran && outcome.ending != Ending::exited && outcome.signal != 0;
  const bool exited = ran && !signalled && outcome.ending != Ending::cancelled;
  field_or_null(out, "exitCode", exited ? std::optional(outcome.exit_code) : std::nullopt);
  out.field("timedOut", test.verdict == Verdict::wall_time_limit || test.verdict == Verdict::cpu_time_limit);
  field_or_null(out, "signal", signalled ? std::optional(signal_name(outcome.signal)) : std::nullopt);
}

void write_usage(JsonWriter& out, const Outcome& outcome) {
  out.field("durationMs", milliseconds(outcome.wall_time));
  out.key("usage");
  out.begin_object();
  out.field("cpuSeconds", seconds(outcome.cpu_time));
  out.field("memoryBytes", outcome.memory_bytes);
  out.end_object();
}

void write_isolation(JsonWriter& out, const Outcome& outcome) {
  field_or_null(out, "backend", known(outcome.backend));
  out.key("isolation");
  out.begin_array();
  for (const std::string& layer : outcome.isolation) out.value(layer);
  out.end_array();
}

void write_test(JsonWriter& out, const TestResult& test) {
  const Outcome& outcome = test.outcome;
  out.begin_object();
  out.field("stdout", outcome.stdout_bytes);
  out.field("stderr", outcome.stderr_bytes);
  write_status(out, test);
  write_usage(out, outcome);
  field_or_null(out, "expectedStdout", test.expected_stdout);
  field_or_null(out, "passed", test.passed);
  field_or_null(out, "containerId", known(outcome.sandbox_id));
  out.field("verdict", to_string(test.verdict));
  out.field("stdoutTruncated", outcome.stdout_truncated);
  out.field("stderrTruncated", outcome.stderr_truncated);
  out.field("wallSeconds", seconds(outcome.wall_time));
  write_isolation(out, outcome);
  if (!test.name.empty()) out.field("name", test.name);
  if (!outcome.audited.empty()) {
    out.key("auditedCalls");
    out.begin_array();
    for (const std::string& call : outcome.audited) out.value(call);
    out.end_array();
  }
  if (test.verdict == Verdict::security_violation) field_or_null(out, "violation", known(outcome.violation));
  if (!is_utf8(outcome.stdout_bytes) || !is_utf8(outcome.stderr_bytes)) out.field("encoding", "replaced");
  out.end_object();
}

/// About what the answer takes, so that it is not moved while it grows.
std::size_t expected_size(const JobResult& result) {
  std::size_t size = 256;
  for (const TestResult& test : result.results) {
    size += 768 + test.outcome.stdout_bytes.size() + test.outcome.stderr_bytes.size();
    if (test.expected_stdout) size += test.expected_stdout->size();
  }
  return size + size / 16;
}

}  // namespace

std::string to_json(const JobResult& result) {
  JsonWriter out;
  out.reserve(expected_size(result));
  out.begin_object();
  out.field("jobId", result.job_id);
  out.field("ok", result.ok);
  out.key("results");
  out.begin_array();
  for (const TestResult& test : result.results) write_test(out, test);
  out.end_array();
  out.field("passed", std::count_if(result.results.begin(), result.results.end(),
                                    [](const TestResult& test) { return test.passed == true; }));
  out.field("total", result.results.size());
  out.field("queueMs", milliseconds(result.queue_time));
  out.field("executeMs", milliseconds(result.execute_time));
  out.end_object();
  return out.take();
}

std::string test_event(std::size_t index, const TestResult& test) {
  JsonWriter out;
  out.begin_object();
  out.field("event", "test");
  out.field("index", index);
  if (!test.name.empty()) out.field("name", test.name);
  out.field("verdict", to_string(test.verdict));
  field_or_null(out, "passed", test.passed);
  out.field("durationMs", milliseconds(test.outcome.wall_time));
  out.end_object();
  return out.take();
}

std::string signal_name(int number) {
  if (const char* name = sigabbrev_np(number)) return std::string("SIG") + name;
  if (number >= SIGRTMIN && number <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
  return "SIG" + std::to_string(number);
}

}  // namespace executor
