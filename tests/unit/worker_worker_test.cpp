#include "worker/worker.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "fakes/fake_backend.hpp"
#include "fakes/fake_queue.hpp"
#include "fakes/fake_validator.hpp"

using namespace executor;
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

constexpr const char* kId = "0b1f4a6e-0000-4000-8000-000000000001";

Job job_of(const std::string& id, std::size_t tests) {
  Job job;
  job.id = id;
  job.source = "print('right')";
  for (std::size_t i = 0; i < tests; ++i)
    job.tests.push_back({.stdin_bytes = id + std::to_string(i), .expected_stdout = "right"});
  return job;
}

Delivery parsed(const Job& job) {
  return {.job = {.id = job.id, .body = {}, .parsed = std::make_shared<const Job>(job)},
          .waited = milliseconds(7)};
}

Delivery raw(std::string body) { return {.job = {.id = kId, .body = std::move(body), .parsed = {}}}; }

constexpr const char* kBody =
    R"~({"jobId":"0b1f4a6e-0000-4000-8000-000000000001","language":"python","source":"print(1)",)~"
    R"~("tests":[{"stdin":"x"}]})~";

Outcome right() { return {.stdout_bytes = "right", .sandbox_id = "9c8bd6d1d7c1"}; }
Result<Outcome> broken() { return Error("clone init", std::make_error_code(std::errc::io_error)); }

struct Bench {
  explicit Bench(std::size_t slots = 2) : worker(context, {queue, backend, &validator, {}, slots}, events()) {
    worker.start();
  }
  WorkerEvents events() {
    return {.completed = [this](const JobReport& report) { reports.push_back(report); },
            .failed = [this](const std::string& id, const std::string&) { failed.push_back(id); },
            .refused = [this](const std::string&, const std::string& code) { refused.push_back(code); }};
  }
  void run() {
    context.restart();
    context.poll();
  }
  std::string live() const {
    std::string text;
    for (const auto& each : backend.live) text += each.program.stdin_bytes + " ";
    return text;
  }

  boost::asio::io_context context{1};
  FakeQueue queue{};
  FakeBackend backend{context};
  FakeValidator validator{context};
  std::vector<JobReport> reports{};
  std::vector<std::string> failed{};
  std::vector<std::string> refused{};
  Worker worker;
};

}  // namespace

TEST_CASE("a job's tests run in parallel up to the slots and its result keeps their order") {
  Bench bench(2);
  bench.queue.deliver(parsed(job_of("a", 3)));
  CHECK(bench.live() == "a0 a1 ");
  bench.backend.end(1, right());
  CHECK(bench.live() == "a0 a2 ");
  bench.backend.end(1, {Outcome{.stdout_bytes = "wrong"}});
  bench.backend.end(0, right());
  REQUIRE(bench.queue.completed.size() == 1);
  const json answer = json::parse(bench.queue.completed[0].second);
  CHECK(answer["jobId"] == "a");
  CHECK(answer["ok"] == true);
  CHECK(answer["passed"] == 2);
  CHECK(answer["total"] == 3);
  CHECK(answer["queueMs"] == 7);
  CHECK(answer["results"][0]["containerId"] == "9c8bd6d1d7c1");
  CHECK(answer["results"][1]["verdict"] == "accepted");
  CHECK(answer["results"][2]["verdict"] == "wrong_answer");
  CHECK(bench.worker.jobs() == 0);
  CHECK(bench.worker.running() == 0);
}

TEST_CASE("slots go round between jobs") {
  Bench bench(2);
  bench.queue.deliver(parsed(job_of("a", 4)));
  bench.queue.deliver(parsed(job_of("b", 2)));
  CHECK(bench.live() == "a0 a1 ");
  for (const std::string expected : {"a1 a2 ", "a2 b0 ", "b0 a3 ", "a3 b1 "}) {
    bench.backend.end(0, right());
    CHECK(bench.live() == expected);
  }
}

TEST_CASE("users share the slots, however many jobs each has") {
  Bench bench(4);
  const auto of = [](const char* user, const std::string& id) {
    Job job = job_of(id, 9);
    job.user_id = user;
    return parsed(job);
  };
  for (const char* id : {"a", "b", "c"}) bench.queue.deliver(of("greedy", id));
  bench.queue.deliver(of("modest", "m"));
  for (int ended = 0; ended < 4; ++ended) bench.backend.end(0, right());
  std::size_t modest = 0;
  for (const auto& run : bench.backend.live) modest += run.program.stdin_bytes.starts_with("m") ? 1 : 0;
  CHECK(modest == 2);
}

TEST_CASE("a job that is listened to tells its start and each verdict") {
  Bench bench(1);
  Job job = job_of("a", 2);
  job.progress = true;
  bench.queue.deliver(parsed(job));
  bench.backend.end(0, right());
  bench.backend.end(0, {Outcome{.stdout_bytes = "wrong"}});
  REQUIRE(bench.queue.told.size() == 3);
  CHECK(json::parse(bench.queue.told[0].second)["event"] == "started");
  CHECK(json::parse(bench.queue.told[1].second)["verdict"] == "accepted");
  const json last = json::parse(bench.queue.told[2].second);
  CHECK(last["event"] == "test");
  CHECK(last["index"] == 1);
  CHECK(last["passed"] == false);
}

TEST_CASE("the report comes after the result and says how long each run took") {
  Bench bench;
  bench.queue.deliver(parsed(job_of("a", 1)));
  bench.backend.end(0, right());
  CHECK(bench.queue.completed.size() == 1);
  CHECK(bench.reports.empty());
  bench.run();
  REQUIRE(bench.reports.size() == 1);
  CHECK(bench.reports[0].job->id == "a");
  CHECK(bench.reports[0].elapsed.size() == 1);
  CHECK(bench.reports[0].elapsed[0].count() > 0);
}

TEST_CASE("a job from this process is not validated again, one from outside is") {
  Bench bench;
  bench.queue.deliver(parsed(job_of("a", 1)));
  CHECK(bench.validator.asked == 0);
  bench.queue.deliver(raw(kBody));
  CHECK(bench.validator.asked == 1);
  CHECK(bench.live() == "a0 ");
  bench.run();
  CHECK(bench.live() == "a0 x ");
}

TEST_CASE(
    "every test of a job gets the code that the validator knows, but where each has a source of its own") {
  auto code = std::make_shared<const std::string>("code");
  Bench bench(4);
  Job job = job_of("a", 2);
  job.code.bytes = code;
  bench.queue.deliver(parsed(job));
  bench.validator.judge = [&code](const std::string&) -> Result<ValidationReport> {
    return ValidationReport{.violations = {}, .code = code};
  };
  bench.queue.deliver(raw(kBody));
  bench.run();
  REQUIRE(bench.backend.live.size() == 3);
  for (const auto& each : bench.backend.live) CHECK(each.program.compiled == "code");
  job.id = "b";
  job.entry = Entry::solution;
  bench.queue.deliver(parsed(job));
  CHECK(bench.backend.live[3].program.compiled.empty());
  bench.validator.judge = nullptr;
  code.reset();  // forgotten meanwhile: the test compiles for itself
  bench.backend.end(0, right());
  CHECK(bench.backend.live.back().program.compiled.empty());
}

TEST_CASE("a body that is no job becomes a dead letter with the reason and the id") {
  Bench bench;
  bench.queue.deliver(raw("[]"));
  bench.queue.deliver(raw(R"({"language":"python","source":"","tests":[]})"));
  REQUIRE(bench.queue.rejected.size() == 2);
  CHECK(bench.queue.rejected[1].second.find("tests") == 0);
  const json answer = json::parse(bench.queue.completed[1].second);
  CHECK(answer["jobId"] == kId);
  CHECK(answer["ok"] == false);
  CHECK(answer["error"]["field"] == "tests");
  CHECK(bench.backend.started == 0);
}

TEST_CASE("a source against the policy is answered and never runs") {
  Bench bench;
  bench.validator.judge = [](const std::string&) -> Result<ValidationReport> {
    return ValidationReport{.violations = {{1, 1, "import", "os is not allowed"}}};
  };
  bench.queue.deliver(raw(kBody));
  bench.run();
  CHECK(bench.backend.started == 0);
  REQUIRE(bench.queue.completed.size() == 1);
  const json answer = json::parse(bench.queue.completed[0].second);
  CHECK(answer["jobId"] == kId);
  CHECK(answer["error"]["code"] == "validation_failed");
  CHECK(bench.refused == std::vector<std::string>{"validation_failed"});
  CHECK(bench.worker.jobs() == 0);
}

TEST_CASE("a validator that fails gives the job back, and nothing runs") {
  Bench bench;
  bench.validator.judge = [](const std::string&) -> Result<ValidationReport> {
    return Error("parse source", std::make_error_code(std::errc::broken_pipe));
  };
  bench.queue.deliver(raw(kBody));
  bench.run();
  CHECK(bench.backend.started == 0);
  CHECK(bench.queue.retried.size() == 1);
}

TEST_CASE("a failed sandbox is tried again at once, and a second failure gives the job back") {
  Bench bench(1);
  bench.queue.deliver(parsed(job_of("a", 2)));
  bench.backend.end(0, broken());
  CHECK(bench.live() == "a0 ");
  CHECK(bench.queue.retried.empty());
  bench.backend.end(0, broken());
  REQUIRE(bench.queue.retried.size() == 1);
  CHECK(bench.queue.retried[0].second.find("clone init") == 0);
  CHECK(bench.queue.completed.empty());
  CHECK(bench.failed == std::vector<std::string>{"a", "a"});
  CHECK(bench.worker.running() == 0);
}

TEST_CASE("cancelling a job kills what runs and frees its slots for others") {
  Bench bench(2);
  bench.queue.deliver(parsed(job_of("a", 3)));
  bench.queue.deliver(parsed(job_of("b", 1)));
  bench.worker.cancel("a");
  CHECK(bench.backend.cancelled.size() == 2);
  bench.run();
  CHECK(bench.live() == "b0 ");
  REQUIRE(bench.queue.completed.size() == 1);
  CHECK(json::parse(bench.queue.completed[0].second)["ok"] == false);
}

TEST_CASE("draining waits for what the worker has") {
  Bench bench;
  bool drained = false;
  bench.queue.deliver(parsed(job_of("a", 1)));
  bench.worker.drain(std::chrono::hours(1), [&] { drained = true; });
  CHECK(bench.queue.leases == 0);
  bench.run();
  CHECK_FALSE(drained);
  bench.backend.end(0, right());
  bench.run();
  CHECK(drained);
  CHECK(bench.queue.completed.size() == 1);
}

TEST_CASE("draining with nothing to wait for ends at once") {
  Bench bench;
  bool drained = false;
  bench.worker.drain(std::chrono::hours(1), [&] { drained = true; });
  CHECK_FALSE(drained);
  bench.run();
  CHECK(drained);
}

TEST_CASE("what still runs when the grace time is over is killed and given back") {
  Bench bench;
  bool drained = false;
  bench.queue.deliver(parsed(job_of("a", 1)));
  bench.worker.drain(milliseconds(0), [&] { drained = true; });
  bench.context.restart();
  bench.context.run();
  CHECK(drained);
  CHECK(bench.backend.cancelled.size() == 1);
  CHECK(bench.queue.completed.empty());
  CHECK(bench.queue.retried.size() == 1);
}
