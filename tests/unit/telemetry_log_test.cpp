#include "telemetry/log.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "telemetry/journal.hpp"

using executor::JobCompleted;
using executor::Log;
using nlohmann::ordered_json;

namespace {

std::string line_of(const std::function<void(Log&)>& act) {
  std::string line;
  Log log([&line](std::string_view text) { line = text; });
  act(log);
  return line;
}

std::vector<std::string> keys(const ordered_json& object) {
  std::vector<std::string> names;
  for (const auto& item : object.items()) names.push_back(item.key());
  return names;
}

}  // namespace

TEST_CASE("a line is one JSON object with level, time, msg and the fields") {
  const auto line = line_of([](Log& log) { log.warn("queue_away", {{"attempt", 3}}); });
  const auto record = ordered_json::parse(line);
  CHECK(keys(record) == std::vector<std::string>{"level", "time", "msg", "attempt"});
  CHECK(record["level"] == 40);
  CHECK(record["msg"] == "queue_away");
  CHECK(record["attempt"] == 3);
  CHECK(record["time"].get<long long>() > 1'700'000'000'000);
}

TEST_CASE("the levels are Pino's numbers") {
  CHECK(ordered_json::parse(line_of([](Log& log) { log.info("a"); }))["level"] == 30);
  CHECK(ordered_json::parse(line_of([](Log& log) { log.error("a"); }))["level"] == 50);
}

TEST_CASE("no value can put a control byte or a line end into the log") {
  const auto line = line_of([](Log& log) {
    log.info("x", {{"userId", std::string("a\n\r\x1b[31m\x7f\xc2\x9b\x80\xff\0z", 15)}});
  });
  CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
  CHECK(ordered_json::accept(line));
}

TEST_CASE("records below the level are dropped") {
  std::vector<std::string> lines;
  Log log([&lines](std::string_view line) { lines.emplace_back(line); });
  log.set_level(executor::LogLevel::warn);
  log.info("a");
  log.warn("b");
  log.error("c");
  REQUIRE(lines.size() == 2);
  CHECK(ordered_json::parse(lines[0])["msg"] == "b");
}

TEST_CASE("the journal gets the line, syslog's priority, and a field for each id that the record has") {
  const ordered_json record{
      {"level", 50}, {"msg", "worker_run_failed"}, {"jobId", "j"}, {"traceId", ""}, {"userId", 7}};
  CHECK(executor::journal_fields(record, "{}") ==
        std::vector<std::string>{"MESSAGE={}", "PRIORITY=3", "SYSLOG_IDENTIFIER=executor",
                                 "EXECUTOR_EVENT=worker_run_failed", "JOB_ID=j"});
  CHECK(executor::journal_fields({{"level", 30}}, "")[1] == "PRIORITY=6");
  CHECK(executor::journal_fields({{"level", 40}}, "")[1] == "PRIORITY=4");
}

TEST_CASE("the journal's stream is known by its device and inode") {
  struct stat file {};
  REQUIRE(::fstat(0, &file) == 0);
  const std::string named = std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
  ::setenv("JOURNAL_STREAM", named.c_str(), 1);
  CHECK(executor::is_journal_stream(0));
  ::setenv("JOURNAL_STREAM", (named + "1").c_str(), 1);
  CHECK_FALSE(executor::is_journal_stream(0));
  ::unsetenv("JOURNAL_STREAM");
  CHECK_FALSE(executor::is_journal_stream(0));
}

TEST_CASE("the record of a finished job has the contract's fields in order") {
  JobCompleted job{.trace_id = "t", .user_id = "u", .job_id = "j", .worker_id = "w", .duration_ms = 1.5};
  job.tests.push_back({.index = 0,
                       .exit_code = 0,
                       .duration_ms = 1.25,
                       .passed = 1,
                       .cpu_seconds = 0.001,
                       .memory_bytes = 9437184,
                       .container_id = "9c8bd6d1d7c1"});
  job.tests.push_back({.index = 1, .has_exit_code = false, .timed_out = true});
  const auto line = line_of([&job](Log& log) { log.info("worker_job_completed", executor::to_fields(job)); });
  const auto record = ordered_json::parse(line);
  CHECK(keys(record) == std::vector<std::string>{"level", "time", "msg", "traceId", "userId", "jobId",
                                                 "workerId", "durationMs", "tests"});
  CHECK(record["msg"] == "worker_job_completed");
  CHECK(record["tests"][0].dump() ==
        R"({"index":0,"exitCode":0,"timedOut":false,"durationMs":1.25,"passed":true,"cpuSeconds":0.001,)"
        R"("memoryBytes":9437184,"containerId":"9c8bd6d1d7c1"})");
  CHECK(record["tests"][1]["exitCode"].is_null());
  CHECK(record["tests"][1]["passed"].is_null());
  CHECK(record["tests"][1]["timedOut"] == true);
}

TEST_CASE("the file is rotated by size and its directory is made") {
  std::string folder = "/tmp/executor-log-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string file = folder + "/made/executor.log";
  {
    auto log = Log::open({.to_stdout = false, .file = file, .rotate_bytes = 400, .rotate_files = 2});
    REQUIRE(log.has_value());
    for (int i = 0; i < 20; ++i) log->info("rotation_test");
  }
  CHECK(std::filesystem::exists(folder + "/made/executor.1.log"));
  CHECK(std::filesystem::exists(folder + "/made/executor.2.log"));
  CHECK_FALSE(std::filesystem::exists(folder + "/made/executor.3.log"));
  CHECK(std::filesystem::file_size(file) <= 400);
  std::string line;
  std::ifstream kept(folder + "/made/executor.1.log");
  CHECK(std::getline(kept, line));
  CHECK(ordered_json::parse(line)["msg"] == "rotation_test");
  std::filesystem::remove_all(folder);
}

TEST_CASE("a log file that cannot be opened is an error with its path") {
  const auto log = Log::open({.to_stdout = false, .file = "/proc/nothing/executor.log"});
  REQUIRE(log.has_error());
  CHECK(log.error().message().find("/proc/nothing/executor.log") != std::string::npos);
}
