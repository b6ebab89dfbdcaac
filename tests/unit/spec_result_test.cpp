#include <doctest/doctest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>

#include "spec/result.hpp"

using namespace executor;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

JobResult sample() {
  TestResult test;
  test.outcome.stdout_bytes = "10\n";
  test.outcome.wall_time = 1ms;
  test.outcome.cpu_time = 1ms;
  test.outcome.memory_bytes = 9437184;
  test.outcome.sandbox_id = "9c8bd6d1d7c1";
  test.outcome.isolation = {"user_namespace", "seccomp"};
  test.verdict = Verdict::accepted;
  test.passed = true;
  test.expected_stdout = "10\n";
  JobResult job;
  job.job_id = "j";
  job.ok = true;
  job.results = {test};
  job.queue_time = 250us;
  job.execute_time = 1500us;
  return job;
}

json shown(const TestResult& test) {
  JobResult job;
  job.results = {test};
  return json::parse(to_json(job))["results"][0];
}

TestResult ended(Ending ending, Verdict verdict, int signal = 0) {
  TestResult test = sample().results[0];
  test.outcome.ending = ending;
  test.outcome.signal = signal;
  test.verdict = verdict;
  return test;
}

}  // namespace

TEST_CASE("the answer is the contract's, in its order") {
  CHECK(
      to_json(sample()) ==
      R"({"jobId":"j","ok":true,"results":[{"stdout":"10\n","stderr":"","exitCode":0,"timedOut":false,"signal":null,)"
      R"("durationMs":1,"usage":{"cpuSeconds":0.001,"memoryBytes":9437184},"expectedStdout":"10\n","passed":true,)"
      R"("containerId":"9c8bd6d1d7c1","verdict":"accepted","stdoutTruncated":false,"stderrTruncated":false,)"
      R"("wallSeconds":0.001,"backend":"native","isolation":["user_namespace","seccomp"]}],)"
      R"("passed":1,"total":1,"queueMs":0.25,"executeMs":1.5})");
}

TEST_CASE("a signal is named and takes the place of the exit code") {
  const json crashed = shown(ended(Ending::signalled, Verdict::runtime_error, SIGSEGV));
  CHECK(crashed["signal"] == "SIGSEGV");
  CHECK(crashed["exitCode"].is_null());
  CHECK(crashed["timedOut"] == false);
  TestResult failed = ended(Ending::exited, Verdict::runtime_error);
  failed.outcome.exit_code = 3;
  CHECK(shown(failed)["exitCode"] == 3);
  CHECK(shown(failed)["signal"].is_null());
}

TEST_CASE("signals have the names that the field uses") {
  CHECK(signal_name(SIGKILL) == "SIGKILL");
  CHECK(signal_name(SIGABRT) == "SIGABRT");
  CHECK(signal_name(SIGSYS) == "SIGSYS");
  CHECK(signal_name(SIGRTMIN + 2) == "SIGRTMIN+2");
  CHECK(signal_name(99) == "SIG99");
}

TEST_CASE("both time limits are timeouts and no other verdict is") {
  CHECK(shown(ended(Ending::wall_time_limit, Verdict::wall_time_limit, SIGKILL))["timedOut"] == true);
  CHECK(shown(ended(Ending::cpu_time_limit, Verdict::cpu_time_limit, SIGKILL))["timedOut"] == true);
  const json greedy = shown(ended(Ending::memory_limit, Verdict::memory_limit, SIGKILL));
  CHECK(greedy["timedOut"] == false);
  CHECK(greedy["signal"] == "SIGKILL");
  CHECK(greedy["exitCode"].is_null());
}

TEST_CASE("the call that ended a run is named, and only there") {
  TestResult test = ended(Ending::security_violation, Verdict::security_violation, SIGSYS);
  test.outcome.violation = "ptrace";
  CHECK(shown(test)["violation"] == "ptrace");
  CHECK_FALSE(shown(ended(Ending::exited, Verdict::accepted)).contains("violation"));
}

TEST_CASE("a test without expectation has neither passed nor failed") {
  TestResult test = ended(Ending::exited, Verdict::accepted);
  test.passed.reset();
  test.expected_stdout.reset();
  CHECK(shown(test)["passed"].is_null());
  CHECK(shown(test)["expectedStdout"].is_null());
  JobResult job;
  job.results = {test, sample().results[0], ended(Ending::exited, Verdict::accepted)};
  job.results[2].passed = false;
  CHECK(json::parse(to_json(job))["passed"] == 1);
  CHECK(json::parse(to_json(job))["total"] == 3);
}

TEST_CASE("a skipped test has neither status nor sandbox") {
  TestResult test;
  test.verdict = Verdict::skipped;
  test.name = "late";
  const json out = shown(test);
  CHECK(out["verdict"] == "skipped");
  CHECK(out["name"] == "late");
  CHECK(out["exitCode"].is_null());
  CHECK(out["containerId"].is_null());
}

TEST_CASE("output that is not UTF-8 still makes valid JSON, and says so") {
  TestResult test = ended(Ending::exited, Verdict::wrong_answer);
  test.outcome.stdout_bytes.clear();
  for (int byte = 0; byte < 256; ++byte) test.outcome.stdout_bytes += static_cast<char>(byte);
  CHECK(shown(test)["encoding"] == "replaced");
  CHECK(shown(test)["stdout"].get<std::string>().ends_with("\xef\xbf\xbd"));
  test.outcome.stdout_bytes = "\xe2\x82";
  CHECK(shown(test)["stdout"] == "\xef\xbf\xbd");
  test.outcome.stdout_bytes = std::string("é\0\x1a\r\xe2\x80\xa8 \x1b[2J", 13);
  CHECK_FALSE(shown(test).contains("encoding"));
  CHECK(shown(test)["stdout"] == test.outcome.stdout_bytes);
  test.outcome.stderr_bytes = "\xff";
  CHECK(shown(test)["encoding"] == "replaced");
}

TEST_CASE("truncation is told for each stream") {
  TestResult test = ended(Ending::output_limit, Verdict::output_limit, SIGKILL);
  test.outcome.stderr_truncated = true;
  CHECK(shown(test)["stdoutTruncated"] == false);
  CHECK(shown(test)["stderrTruncated"] == true);
}

TEST_CASE("every verdict has the contract's name") {
  CHECK(to_string(Verdict::accepted) == "accepted");
  CHECK(to_string(Verdict::wrong_answer) == "wrong_answer");
  CHECK(to_string(Verdict::runtime_error) == "runtime_error");
  CHECK(to_string(Verdict::wall_time_limit) == "wall_time_limit");
  CHECK(to_string(Verdict::cpu_time_limit) == "cpu_time_limit");
  CHECK(to_string(Verdict::memory_limit) == "memory_limit");
  CHECK(to_string(Verdict::output_limit) == "output_limit");
  CHECK(to_string(Verdict::security_violation) == "security_violation");
  CHECK(to_string(Verdict::compile_error) == "compile_error");
  CHECK(to_string(Verdict::skipped) == "skipped");
}

TEST_CASE("text of every kind comes out of the writer as it went in") {
  TestResult test;
  for (const std::string& text :
       {std::string("\0\x01\x1f\"\\/\b\f\n\r\t\x7f", 12), std::string("\"\""), std::string("a\\u0041"),
        std::string("é€😀"), std::string(1000, '"'), std::string(100'000, 'x') + "\n"}) {
    test.outcome.stdout_bytes = text;
    CHECK(shown(test)["stdout"] == text);
  }
}

TEST_CASE("times are numbers whatever their size") {
  TestResult test;
  for (const std::chrono::nanoseconds time :
       std::initializer_list<std::chrono::nanoseconds>{0ns, 999ns, 1us, 1234567890ns, 1000h}) {
    test.outcome.wall_time = time;
    const double whole = static_cast<double>(time.count() / 1000) / 1e3;
    CHECK(shown(test)["durationMs"].get<double>() == doctest::Approx(whole));
    CHECK(shown(test)["wallSeconds"].get<double>() == doctest::Approx(whole / 1e3));
  }
}
