#include "spec/solution_form.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "spec/parse.hpp"
#include "spec/result.hpp"

using namespace executor;
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

RequestResult<Job> read(const char* body) {
  return parse_solution_job(body, {}, {.wall_time = milliseconds(1234), .memory_max = 5 * kMiB});
}

TestResult ended(Verdict verdict, std::string out, std::string err = {}, int exit_code = 0) {
  TestResult result{.verdict = verdict, .passed = verdict == Verdict::accepted};
  result.outcome.stdout_bytes = std::move(out);
  result.outcome.stderr_bytes = std::move(err);
  result.outcome.exit_code = exit_code;
  result.outcome.wall_time = std::chrono::microseconds(1500);
  return result;
}

json answer(std::vector<TestResult> results) {
  const std::size_t tests = results.size();
  return json::parse(
      solution_answer(to_json(JobResult{.job_id = "j", .ok = true, .results = std::move(results)}), tests));
}

std::string error_text(const std::string& errors) {
  return answer({ended(Verdict::runtime_error, "", errors, 1)})["results"][0]["error"];
}

}  // namespace

TEST_CASE("a job of the second form becomes one that calls its solution under the limits of that form") {
  const auto job = read(
      R"({"code":"c","language":"python","jobId":"j1","testCases":[{"input":"5","expectedOutput":"10"},{"expectedOutput":""}]})");
  REQUIRE(job.has_value());
  CHECK(job->entry == Entry::solution);
  CHECK(std::get<CompareMode>(job->compare) == CompareMode::json);
  CHECK(job->id == "j1");
  CHECK(job->source == "c");
  REQUIRE(job->tests.size() == 2);
  CHECK(job->tests[0].stdin_bytes == "5");
  CHECK(job->tests[0].expected_stdout == "10");
  CHECK(job->tests[1].stdin_bytes.empty());
  CHECK(job->tests[0].wall_time == milliseconds(1234));
  CHECK(job->tests[1].memory_max == 5 * kMiB);
  const auto again = parse_job(job_to_json(*job), {});
  REQUIRE(again.has_value());
  CHECK(*again == *job);
}

TEST_CASE("fields of the first form say nothing in the second") {
  const auto job = read(
      R"({"code":"c","language":"python","source":"x","tests":1,"entry":"program","compare":"exact","processes":true,
          "testCases":[{"expectedOutput":"1","stdin":"x","memoryBytes":1}]})");
  REQUIRE(job.has_value());
  CHECK(job->source == "c");
  CHECK(job->entry == Entry::solution);
  CHECK_FALSE(job->processes);
  CHECK(job->tests[0].stdin_bytes.empty());
}

TEST_CASE("the text of the last exception is what stands behind its frames") {
  CHECK(
      error_text("Traceback (most recent call last):\n  File \"m\", line 1, in f\n    x\nKeyError: 'k'\n") ==
      "KeyError: 'k'");
  CHECK(
      error_text(
          "noise\nTraceback (most recent call last):\n  a\nE: 1\n\nDuring …:\n\nTraceback (most recent call "
          "last):\n  b\nF: two\nlines\n") == "F: two\nlines");
  CHECK(error_text("TypeError: alone\n") == "TypeError: alone");
  CHECK(error_text("  File \"m\", line 1\n    (\n    ^\nSyntaxError: '(' was never closed\n") ==
        "SyntaxError: '(' was never closed");
  CHECK(error_text("Traceback (most recent call last):\n  only frames\n") == "  only frames");
  CHECK(error_text(" \n") == "exit status 1");
  CHECK(error_text(std::string(10000, 'x')).size() == 4096);
}

TEST_CASE("the text of a JavaScript exception is what stands before its frames, without Node's own lines") {
  const std::string end = "\n\nNode.js v18.20.4\n";
  CHECK(
      error_text("/tmp/main.js:1\nnull.x\n     ^\n\nTypeError: no x\n    at f (/tmp/main.js:1:6)\n    at g" +
                 end) == "TypeError: no x");
  CHECK(error_text("/tmp/main.js:1\nx\n^\n\nError: two\nlines\n    at f" + end) == "Error: two\nlines");
  CHECK(error_text("noise\nRangeError: far\n    at solution (/tmp/main.js:1:6)\n") == "RangeError: far");
  CHECK(error_text(
            "/tmp/main.js:1\nthrow 'x'\n^\nx\n(Use `node --trace-uncaught ...` to show where the exception "
            "was thrown)" +
            end) == "x");
}

TEST_CASE("each way to end has its words") {
  auto killed = ended(Verdict::runtime_error, "");
  killed.outcome.ending = Ending::signalled;
  killed.outcome.signal = 11;
  auto refused = ended(Verdict::security_violation, "");
  refused.outcome.violation = "ptrace";
  const json found =
      answer({killed, refused, ended(Verdict::memory_limit, ""), ended(Verdict::output_limit, ""),
              ended(Verdict::wrong_answer, "x\n \n", "warning\n")});
  CHECK(found["status"] == "completed");
  CHECK(found["totalTime"] == 10);
  const auto error = [&found](std::size_t i) { return found["results"][i]["error"]; };
  CHECK(error(0) == "killed by SIGSEGV");
  CHECK(error(1) == "system call not allowed: ptrace");
  CHECK(error(2) == "memory limit exceeded");
  CHECK(error(3) == "output limit exceeded");
  CHECK(error(4) == nullptr);
  CHECK(found["results"][4]["output"] == "x");
}

TEST_CASE("a message says pass, fail or timeout") {
  const auto status = [](std::vector<TestResult> results) {
    const JobResult result{.job_id = "j", .ok = true, .results = std::move(results)};
    const json message = json::parse(solution_message("j7", to_json(result), result.results.size()));
    CHECK(message["jobId"] == "j7");
    return message["status"].get<std::string>();
  };
  CHECK(status({ended(Verdict::accepted, "")}) == "pass");
  CHECK(status({ended(Verdict::accepted, ""), ended(Verdict::wrong_answer, "")}) == "fail");
  CHECK(status({ended(Verdict::wrong_answer, ""), ended(Verdict::cpu_time_limit, "")}) == "timeout");
  CHECK(json::parse(solution_message("j", error_json("x", "y"), 2))["status"] == "fail");
}

TEST_CASE("an answer that is none fails every test and breaks nothing") {
  for (const char* text : {"", "{", "[]", "{}", R"({"error":7})"}) {
    const json found = json::parse(solution_answer(text, 3));
    CHECK(found["status"] == "failed");
    CHECK(found["results"].size() == 3);
  }
}
