#include "http/execute.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "fakes/fake_queue.hpp"
#include "fakes/fake_validator.hpp"
#include "http/health.hpp"
#include "http/uuid.hpp"

using namespace executor;
using namespace executor::http;
using nlohmann::json;

namespace {

constexpr const char* kBody =
    R"~({"language":"python","source":"print(1)","tests":[{"stdin":"x","expectedStdout":"1"}]})~";

struct Bench {
  Bench()
      : handler(
            execute_handler({.queue = queue,
                             .validator = validator,
                             .draining = [this] { return draining; },
                             .rejected = [this](std::string_view reason) { rejected.emplace_back(reason); },
                             .failed = [this](std::string_view what) { failed.emplace_back(what); },
                             .abandoned = [this](const std::string& id) { abandoned.push_back(id); }})) {}

  ExchangePtr post(std::string body,
                   std::vector<HeaderLine> headers = {{"Content-Type", "application/json"}}) {
    auto exchange = std::make_shared<Exchange>();
    exchange->request().body = std::move(body);
    exchange->request().headers = std::move(headers);
    exchange->set_send([this](Response sent) { response = std::move(sent); });
    handler(exchange);
    turn();
    return exchange;
  }
  void turn() {
    context.restart();
    context.poll();
  }
  json error() const { return json::parse(response.body)["error"]; }

  boost::asio::io_context context{1};
  FakeQueue queue{};
  FakeValidator validator{context};
  bool draining = false;
  Response response{.status = 0};
  std::vector<std::string> rejected{};
  std::vector<std::string> failed{};
  std::vector<std::string> abandoned{};
  std::function<void(const ExchangePtr&)> handler;
};

Result<std::string> queue_error(std::errc code) { return Error("enqueue", std::make_error_code(code)); }

}  // namespace

TEST_CASE("a good request is enqueued under a new id and answered with the queue's result") {
  Bench bench;
  bench.post(kBody);
  REQUIRE(bench.queue.submitted.size() == 1);
  const QueuedJob& job = bench.queue.submitted[0].first;
  CHECK(job.id.size() == 36);
  CHECK(job.parsed->id == job.id);
  CHECK(json::parse(job.body)["jobId"] == job.id);
  CHECK(bench.response.status == 0);
  bench.queue.submitted[0].second(R"({"jobId":"x","ok":true,"results":[]})");
  CHECK(bench.response.status == 200);
  CHECK(bench.response.body == R"({"jobId":"x","ok":true,"results":[]})");
}

TEST_CASE("a client names neither the job's id nor where its result goes") {
  Bench bench;
  bench.post(
      R"~({"jobId":"mine","replyTo":"executor:results:other","language":"python","source":"1","tests":[{}]})~");
  REQUIRE(bench.queue.submitted.size() == 1);
  CHECK(bench.queue.submitted[0].first.id != "mine");
  CHECK(bench.queue.submitted[0].first.parsed->reply_to.empty());
}

TEST_CASE("what is no job is refused naming the field, and the queue is not asked") {
  Bench bench;
  bench.post("{");
  CHECK(bench.response.status == 400);
  bench.post(R"({"language":"cobol","source":"","tests":[{}]})");
  CHECK(bench.response.status == 400);
  CHECK(bench.error()["field"] == "language");
  bench.post(R"({"language":"python","source":"","tests":[]})");
  CHECK(bench.error()["field"] == "tests");
  CHECK(bench.queue.submitted.empty());
  CHECK(bench.validator.asked == 0);
  CHECK(bench.rejected == std::vector<std::string>(3, "bad_request"));
}

TEST_CASE("only plain application/json is taken") {
  Bench bench;
  const auto status = [&bench](std::vector<HeaderLine> headers) {
    bench.response.status = 0;
    bench.post(kBody, std::move(headers));
    return bench.response.status;
  };
  CHECK(status({}) == 415);
  CHECK(status({{"content-type", "text/plain"}}) == 415);
  CHECK(status({{"content-type", "application/jsonp"}}) == 415);
  CHECK(status({{"content-type", "application/json"}, {"content-encoding", "gzip"}}) == 415);
  CHECK(status({{"content-type", "Application/JSON ; charset=utf-8"}, {"Content-Encoding", "identity"}}) ==
        0);
  CHECK(bench.queue.submitted.size() == 1);
}

TEST_CASE("user and trace ids come from the headers where the body has none") {
  Bench bench;
  const HeaderLine type{"content-type", "application/json"};
  const HeaderLine user{"X-User-Id", "u1"};
  const HeaderLine parent{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  bench.post(kBody, {type, user, parent});
  CHECK(bench.queue.submitted[0].first.parsed->user_id == "u1");
  CHECK(bench.queue.submitted[0].first.parsed->trace_id == "4bf92f3577b34da6a3ce929d0e0e4736");
  bench.post(kBody, {type, {"x-trace-id", "t1"}, parent});
  CHECK(bench.queue.submitted[1].first.parsed->trace_id == "t1");
  bench.post(R"({"language":"python","source":"1","tests":[{}],"userId":"u2","traceId":"t2"})",
             {type, user, {"x-trace-id", "t1"}});
  CHECK(bench.queue.submitted[2].first.parsed->user_id == "u2");
  CHECK(bench.queue.submitted[2].first.parsed->trace_id == "t2");
  bench.post(kBody, {type, {"traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"}});
  CHECK(bench.queue.submitted[3].first.parsed->trace_id.empty());
}

TEST_CASE("a header that cannot be an id is refused by name") {
  Bench bench;
  const std::string huge(1000, 'u');
  bench.post(kBody, {{"content-type", "application/json"}, {"x-user-id", huge}});
  CHECK(bench.response.status == 400);
  CHECK(bench.error()["field"] == "x-user-id");
  bench.post(kBody, {{"content-type", "application/json"}, {"x-trace-id", "a\xff"}});
  CHECK(bench.error()["field"] == "x-trace-id");
  CHECK(bench.queue.submitted.empty());
}

TEST_CASE("the code that the validator knows goes with the job, and never with its text") {
  Bench bench;
  const auto code = std::make_shared<const std::string>("C0DE");
  bench.validator.judge = [&code](const std::string&) -> Result<ValidationReport> {
    return ValidationReport{.violations = {}, .code = code};
  };
  bench.post(kBody);
  REQUIRE(bench.queue.submitted.size() == 1);
  CHECK(bench.queue.submitted[0].first.parsed->code.bytes.lock() == code);
  CHECK(bench.queue.submitted[0].first.body.find("C0DE") == std::string::npos);
}

TEST_CASE("a source against the policy never reaches the queue") {
  Bench bench;
  bench.validator.judge = [](const std::string&) -> Result<ValidationReport> {
    return ValidationReport{.violations = {{1, 8, "import", "os is not allowed"}}};
  };
  bench.post(kBody);
  CHECK(bench.response.status == 400);
  CHECK(bench.error()["code"] == "validation_failed");
  CHECK(bench.error()["violations"][0]["line"] == 1);
  CHECK(bench.queue.submitted.empty());
  CHECK(bench.rejected == std::vector<std::string>{"validation_failed"});
}

TEST_CASE("a validator that fails is a refusal, not acceptance") {
  Bench bench;
  bench.validator.judge = [](const std::string&) -> Result<ValidationReport> {
    return Error("parse source in /srv/secret", std::make_error_code(std::errc::broken_pipe));
  };
  bench.post(kBody);
  CHECK(bench.response.status == 503);
  CHECK(bench.error()["code"] == "validator_unavailable");
  CHECK(bench.response.headers.find("Retry-After: ") == 0);
  CHECK(bench.response.body.find("secret") == std::string::npos);
  CHECK(bench.failed.size() == 1);
  CHECK(bench.queue.submitted.empty());
}

TEST_CASE("each failure of the queue has its status") {
  Bench bench;
  const auto answered = [&bench](Result<std::string> answer) {
    bench.post(kBody);
    bench.queue.submitted.back().second(std::move(answer));
    return bench.response.status;
  };
  CHECK(answered(queue_error(std::errc::no_buffer_space)) == 503);
  CHECK(bench.error()["code"] == "queue_full");
  CHECK(bench.response.headers.find("Retry-After: ") == 0);
  CHECK_FALSE(bench.response.close);
  CHECK(answered(queue_error(std::errc::not_connected)) == 503);
  CHECK(bench.error()["code"] == "queue_unavailable");
  CHECK(answered(queue_error(std::errc::operation_canceled)) == 503);
  CHECK(bench.response.close);
  CHECK(answered(queue_error(std::errc::io_error)) == 500);
  CHECK(bench.failed.size() == 1);
}

TEST_CASE("a stored error is a 400 for the sender's faults and a 500 for ours") {
  Bench bench;
  bench.post(kBody);
  bench.queue.submitted[0].second(
      R"({"jobId":"0b1f4a6e-0000-4000-8000-000000000001","ok":false,"error":{"code":"compile_error","message":"m"}})");
  CHECK(bench.response.status == 400);
  bench.post(kBody);
  bench.queue.submitted[1].second(
      R"({"jobId":"0b1f4a6e-0000-4000-8000-000000000001","ok":false,"error":{"code":"attempts","message":"secret"}})");
  CHECK(bench.response.status == 500);
  CHECK(bench.response.body.find("secret") == std::string::npos);
}

TEST_CASE("while the service drains nothing is taken and the connection ends") {
  Bench bench;
  bench.draining = true;
  bench.post(kBody);
  CHECK(bench.response.status == 503);
  CHECK(bench.response.close);
  CHECK(bench.queue.submitted.empty());
}

TEST_CASE("a request that is in hand when the drain begins is finished") {
  Bench bench;
  bench.validator.judge = [&](const std::string&) -> Result<ValidationReport> {
    bench.draining = true;
    return ValidationReport{};
  };
  bench.post(kBody);
  CHECK(bench.response.status == 0);
  CHECK(bench.queue.submitted.size() == 1);
}

TEST_CASE("a client that leaves abandons its job, and its answer goes nowhere") {
  Bench bench;
  const ExchangePtr exchange = bench.post(kBody);
  exchange->client_left();
  const std::string id = bench.queue.submitted[0].first.id;
  CHECK(bench.queue.abandoned == std::vector<std::string>{id});
  CHECK(bench.abandoned == std::vector<std::string>{id});
  bench.queue.submitted[0].second(std::string("{}"));
  CHECK(bench.response.status == 0);
}

TEST_CASE("a client that leaves during validation has nothing enqueued") {
  Bench bench;
  auto exchange = std::make_shared<Exchange>();
  exchange->request().body = kBody;
  exchange->request().headers = {{"content-type", "application/json"}};
  bench.handler(exchange);
  exchange->client_left();
  bench.turn();
  CHECK(bench.validator.asked == 1);
  CHECK(bench.queue.submitted.empty());
}

TEST_CASE("ids are UUIDs of version 4 and differ") {
  const std::string id = uuid_v4();
  CHECK(id.size() == 36);
  CHECK(id[14] == '4');
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(id[8] == '-');
  CHECK(id != uuid_v4());
}

TEST_CASE("health names each part, and its status follows the service's") {
  Health health{
      .healthy = true, .ready = false, .parts = {{"queue", PartState::up, "embedded"}, {"dockerBackend"}}};
  const auto ask = [&health](const auto& make) {
    Response got;
    auto exchange = std::make_shared<Exchange>();
    exchange->set_send([&got](Response sent) { got = std::move(sent); });
    make([&health] { return health; })(exchange);
    return got;
  };
  const Response up = ask(health_handler);
  CHECK(up.status == 200);
  CHECK(json::parse(up.body)["queue"]["state"] == "up");
  CHECK(json::parse(up.body)["dockerBackend"]["state"] == "not configured");
  CHECK(ask(ready_handler).status == 503);
  health.healthy = false;
  CHECK(ask(health_handler).status == 503);
}
