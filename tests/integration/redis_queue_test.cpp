// The queue against a real redis-server: what it promises on calm days.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "queue/redis_scripts.hpp"
#include "redis_fixture.hpp"

using namespace executor;
using namespace executor::testing;
using nlohmann::json;
using std::chrono::milliseconds;
namespace asio = boost::asio;

namespace {

bool wait_ready(asio::io_context& io, const Queue& queue) {
  return run_until(io, [&] { return queue.status().ready; });
}

std::error_code code_of(const Answers& answers, const std::string& id) {
  const auto found = answers.by_id.find(id);
  if (found == answers.by_id.end() || found->second.empty() || found->second.back()) return {};
  return found->second.back().error().code;
}

/// What the helpers hold after all is done: no lease, nothing in processing, nothing to bury.
long long left_behind(const RedisServer& server) {
  long long left = 0;
  for (const char* pattern :
       {"{executor:tasks}:processing:*", "{executor:tasks}:leases:*", "{executor:tasks}:burying:*"}) {
    const std::string keys = server.cli({"--scan", "--pattern", pattern});
    left += std::count(keys.begin(), keys.end(), '{');
  }
  return left;
}

}  // namespace

TEST_CASE("a job goes from a front to a worker and its result comes back") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, worker.queue()));
  CHECK(front->status().detail == server.url() + ": connected");

  Answers answers;
  for (int number = 0; number < 500; ++number) answers.submit(*front, "job-" + std::to_string(number));
  REQUIRE(run_until(io, [&] { return answers.count >= 500; }));
  run_for(io, milliseconds(50));
  CHECK(answers.count == 500);
  CHECK(answers.good() == 500);
  CHECK(runs.size() == 500);
  CHECK(worker.completed == 500);
  CHECK(server.cli({"get", "executor:results:job-7"}) == result_of("job-7"));
  const auto ttl = server.number({"pttl", "executor:results:job-7"});
  CHECK(ttl > 3'500'000);
  CHECK(ttl <= 3'600'000);
  CHECK(server.number({"llen", "executor:tasks"}) == 0);
  CHECK(left_behind(server) == 0);
}

TEST_CASE("one process can be front and worker, and the parsed job comes along") {
  const RedisServer server;
  asio::io_context io;
  const auto queue = make_redis_queue(io, options_for(server.url()));
  const auto parsed = std::make_shared<const Job>();
  std::vector<Delivery> deliveries;
  queue->consume(1, [&](Delivery delivery) {
    deliveries.push_back(delivery);
    queue->complete(delivery, "done");
  });
  REQUIRE(wait_ready(io, *queue));
  std::string answer;
  const std::string body = job_body("a");
  queue->submit({"a", "  " + body, parsed}, [&](const Result<std::string>& result) { answer = *result; });
  CHECK(answer.empty());  // never from inside submit()
  REQUIRE(run_until(io, [&] { return !answer.empty(); }));
  CHECK(answer == "done");
  REQUIRE(deliveries.size() == 1);
  CHECK(deliveries[0].job.parsed == parsed);
  CHECK(deliveries[0].job.body == body);
  CHECK(deliveries[0].attempt == 1);
}

TEST_CASE("a job that its own process has room for is leased with its submission, and stands in no list") {
  const RedisServer server;
  asio::io_context io;
  const auto queue = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> deliveries;
  queue->consume(2, [&](Delivery delivery) { deliveries.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *queue));
  const std::string name = server.cli({"smembers", "{executor:tasks}:workers"});
  Answers answers;
  answers.submit(*queue, "a");
  REQUIRE(run_until(io, [&] { return deliveries.size() == 1; }));
  CHECK(deliveries[0].job.body == job_body("a"));
  CHECK(deliveries[0].attempt == 1);
  CHECK(server.cli({"hmget", "{executor:tasks}:job:a", "state", "worker", "attempts"}) ==
        "running\n" + name + "\n1");
  CHECK(server.cli({"smembers", "{executor:tasks}:leases:" + name}) == "a");
  CHECK(server.cli({"info", "commandstats"}).find("cmdstat_lpush") == std::string::npos);
  queue->complete(deliveries[0], result_of("a"));
  REQUIRE(run_until(io, [&] { return answers.count == 1 && queue->status().leased == 0; }));
  CHECK(answers.good() == 1);
  CHECK(server.cli({"hget", "{executor:tasks}:job:a", "state"}) == "done");
  CHECK(left_behind(server) == 0);
}

TEST_CASE("jobs of the own process count against the capacity too") {
  const RedisServer server;
  asio::io_context io;
  const auto queue = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> deliveries;
  queue->consume(3, [&](Delivery delivery) { deliveries.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *queue));
  Answers answers;
  for (int number = 0; number < 7; ++number) answers.submit(*queue, std::to_string(number));
  for (std::size_t done = 0; done < 7; ++done) {
    REQUIRE(run_until(io, [&] { return deliveries.size() == std::min<std::size_t>(done + 3, 7); }));
    run_for(io, milliseconds(30));
    CHECK(deliveries.size() - done <= 3);
    queue->complete(deliveries[done], result_of(deliveries[done].job.id));
  }
  REQUIRE(run_until(io, [&] { return answers.count == 7 && queue->status().leased == 0; }));
  CHECK(answers.good() == 7);
  CHECK(left_behind(server) == 0);
}

TEST_CASE("a submission overtakes nothing that waits") {
  const RedisServer server;
  const auto submit = [&](const std::string& id) {
    return server.cli({"eval", redis_scripts::submit().text, "3", "{executor:tasks}:job:" + id,
                       "executor:tasks", "{executor:tasks}:leases:me", "digest", job_body(id), "me", "60000",
                       "new", "", id});
  };
  server.cli({"lpush", "executor:tasks", job_body("first")});
  CHECK(submit("second") == "queued");
  server.cli({"del", "executor:tasks"});
  CHECK(submit("third") == "run");
  CHECK(submit("third") == "joined");
  CHECK(server.cli({"smembers", "{executor:tasks}:leases:me"}) == "third");
}

TEST_CASE("a result that stands without a record answers a job of the own process, which is not run") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  server.cli({"set", "executor:results:a", result_of("a")});
  Answers answers;
  answers.submit(worker.queue(), "a");
  REQUIRE(run_until(io, [&] { return answers.count == 1 && worker.queue().status().leased == 0; }));
  CHECK(answers.good() == 1);
  CHECK(runs["a"] == 0);
  CHECK(left_behind(server) == 0);
}

TEST_CASE("any program may push a job, and finds its result under the job's key and in its reply list") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  server.cli({"lpush", "executor:tasks", "\n " + job_body("plain")});
  server.cli({"-x", "lpush", "executor:tasks"},
             job_body("reply", "x", R"(,"replyTo":"executor:results:list-1")"));
  REQUIRE(run_until(io, [&] { return worker.completed == 2 && worker.queue().status().leased == 0; }));
  CHECK(server.cli({"get", "executor:results:plain"}) == result_of("plain"));
  CHECK(server.cli({"get", "executor:results:reply"}) == result_of("reply"));
  CHECK(server.cli({"lrange", "executor:results:list-1", "0", "-1"}) == result_of("reply"));
  CHECK(server.number({"pttl", "executor:results:list-1"}) > 3'500'000);
}

TEST_CASE("jobs are taken in the order in which they were pushed") {
  const RedisServer server;
  asio::io_context io;
  for (int number = 0; number < 20; ++number) {
    server.cli({"lpush", "executor:tasks", job_body(std::to_string(number))});
  }
  const auto queue = make_redis_queue(io, options_for(server.url()));
  std::vector<std::string> order;
  queue->consume(1, [&](const Delivery& delivery) {
    order.push_back(delivery.job.id);
    queue->complete(delivery, "{}");
  });
  REQUIRE(run_until(io, [&] { return order.size() == 20; }));
  std::vector<std::string> expected;
  for (int number = 0; number < 20; ++number) expected.push_back(std::to_string(number));
  CHECK(order == expected);
}

TEST_CASE("a worker holds no more leases than its capacity") {
  const RedisServer server;
  asio::io_context io;
  for (int number = 0; number < 10; ++number) {
    server.cli({"lpush", "executor:tasks", job_body(std::to_string(number))});
  }
  const auto queue = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> deliveries;
  queue->consume(3, [&](Delivery delivery) { deliveries.push_back(std::move(delivery)); });
  REQUIRE(run_until(io, [&] { return deliveries.size() == 3; }));
  run_for(io, milliseconds(300));
  CHECK(deliveries.size() == 3);
  CHECK(server.number({"llen", "executor:tasks"}) == 7);
  CHECK(queue->status().leased == 3);
  queue->complete(deliveries[0], "{}");
  REQUIRE(run_until(io, [&] { return deliveries.size() == 4; }));
}

TEST_CASE("two workers share the jobs, each job runs once") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker one(io, options_for(server.url()), runs, 2, milliseconds(5));
  EchoWorker two(io, options_for(server.url()), runs, 2, milliseconds(5));
  const auto front = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, one.queue()));
  REQUIRE(wait_ready(io, two.queue()));
  Answers answers;
  for (int number = 0; number < 200; ++number) answers.submit(*front, std::to_string(number));
  REQUIRE(run_until(io, [&] { return answers.count >= 200; }));
  CHECK(answers.good() == 200);
  CHECK(one.completed + two.completed == 200);
  CHECK(one.completed > 20);
  CHECK(two.completed > 20);
  CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& entry) { return entry.second == 1; }));
}

TEST_CASE("the same job sent again is one run and one result, another body under its id is refused") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  const auto other = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, *other));
  Answers answers;
  Answers elsewhere;
  answers.submit(*front, "a");
  answers.submit(*front, "a");                      // joined in the front
  elsewhere.submit(*other, "a");                    // joined in Redis
  answers.submit(*front, "a", job_body("a", "y"));  // refused in the front
  server.cli({"lpush", "executor:tasks", job_body("a")});
  Answers refused;
  run_for(io, milliseconds(50));
  refused.submit(*other, "a", job_body("a", "y"));
  REQUIRE(run_until(io, [&] { return refused.count == 1 && answers.count == 1; }));
  CHECK(code_of(refused, "a") == std::errc::file_exists);
  CHECK(code_of(answers, "a") == std::errc::file_exists);

  EchoWorker worker(io, options_for(server.url()), runs, 4, milliseconds(30));
  REQUIRE(run_until(io, [&] { return answers.count == 3 && elsewhere.count == 1; }));
  server.cli({"lpush", "executor:tasks", job_body("a")});  // known: dropped
  answers.submit(*front, "a");                             // known: answered from the stored result
  REQUIRE(run_until(io, [&] { return answers.count == 4; }));
  run_for(io, milliseconds(100));
  CHECK(runs["a"] == 1);
  CHECK(answers.count == 4);
  CHECK(elsewhere.good() == 1);
  std::size_t right = 0;
  for (const auto& answer : answers.by_id["a"]) right += answer && *answer == result_of("a") ? 1 : 0;
  CHECK(right == 3);
  CHECK(server.number({"llen", "executor:dead"}) == 0);
  CHECK(server.number({"llen", "executor:tasks"}) == 0);
}

TEST_CASE("another body under a known id goes to the dead letters and leaves the first job's result alone") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  server.cli({"lpush", "executor:tasks", job_body("a")});
  REQUIRE(run_until(io, [&] { return worker.completed == 1; }));
  server.cli({"lpush", "executor:tasks", job_body("a", "other")});
  REQUIRE(run_until(io, [&] { return server.number({"llen", "executor:dead"}) == 1; }));
  CHECK(runs["a"] == 1);
  CHECK(server.cli({"get", "executor:results:a"}) == result_of("a"));
  const json letter = json::parse(server.cli({"lindex", "executor:dead", "0"}));
  CHECK(letter["reason"] == "another body is known under this jobId");
  CHECK(letter["job"]["source"] == "other");
}

TEST_CASE("a job whose result has expired runs again when it is sent again") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  Answers answers;
  answers.submit(worker.queue(), "a");
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  server.cli({"del", "executor:results:a"});
  answers.submit(worker.queue(), "a");
  REQUIRE(run_until(io, [&] { return answers.count == 2; }));
  CHECK(runs["a"] == 2);
  server.cli({"del", "executor:results:a"});
  server.cli({"lpush", "executor:tasks", job_body("a")});
  REQUIRE(run_until(io, [&] { return runs["a"] == 3; }));
}

TEST_CASE("messages that can be no job are buried with their reason, each once, and hurt nobody") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  auto options = options_for(server.url());
  options.message_limit = 10'000;
  const std::vector<std::pair<std::string, std::string>> messages{
      {"not json", "not JSON"},
      {"", "not JSON"},
      {std::string("\xff\xfe\0x", 4), "not JSON"},
      {"[1,2]", "not a JSON object"},
      {"{}", "jobId is missing"},
      {R"({"jobId":7})", "jobId must be a string"},
      {R"({"jobId":"a","jobId":"b"})", "jobId stands there twice"},
      {R"({"jobId":"bad id"})", "jobId must be 1 to 128"},
      {R"({"jobId":"evil","replyTo":"executor:tasks"})", "replyTo must be a key"},
      {job_body("large", std::string(15'000, 'x')), "larger than 10000 bytes"},
      {job_body("huge", std::string(100'000, 'x')), "larger than 10000 bytes"},  // more than the reader takes
      {"{\"jobId\":\"deep\",\"x\":" + std::string(9000, '['), "nested deeper"},
  };
  server.cli({"lpush", "executor:tasks", job_body("first")});
  for (const auto& message : messages) server.cli({"-x", "lpush", "executor:tasks"}, message.first);
  server.cli({"lpush", "executor:tasks", job_body("last")});
  EchoWorker worker(io, options, runs);
  REQUIRE(run_until(io, [&] { return worker.completed == 2; }));
  REQUIRE(run_until(io, [&] {
    return server.number({"llen", "executor:dead"}) >= static_cast<long long>(messages.size());
  }));
  run_for(io, milliseconds(200));
  REQUIRE(server.number({"llen", "executor:dead"}) == static_cast<long long>(messages.size()));
  for (const auto& message : messages) {
    bool found = false;
    for (std::size_t index = 0; index < messages.size(); ++index) {
      const json letter = json::parse(server.cli({"lindex", "executor:dead", std::to_string(index)}));
      found = found || (letter["bytes"] == message.first.size() &&
                        letter["reason"].get<std::string>().starts_with(message.second));
    }
    CHECK_MESSAGE(found, message.second);
  }
  for (const char* id : {"evil", "large", "deep"}) {
    const json result = json::parse(server.cli({"get", std::string("executor:results:") + id}));
    CHECK(result["jobId"] == id);
    CHECK(result["ok"] == false);
    CHECK(result["error"]["code"] == "invalid_job");
  }
  CHECK(server.cli({"--scan", "--pattern", "executor:results:*"}).find("bad id") == std::string::npos);
  CHECK(runs.size() == 2);
  CHECK(left_behind(server) == 0);
}

TEST_CASE("a job that the worker rejects is buried and answered") {
  const RedisServer server;
  asio::io_context io;
  const auto queue = make_redis_queue(io, options_for(server.url()));
  queue->consume(
      1, [&](const Delivery& delivery) { queue->reject(delivery, "tests: missing", R"({"ok":false})"); });
  REQUIRE(wait_ready(io, *queue));
  Answers answers;
  answers.submit(*queue, "a");
  REQUIRE(run_until(io, [&] { return answers.count == 1 && queue->status().leased == 0; }));
  CHECK(*answers.by_id["a"][0] == R"({"ok":false})");
  const json letter = json::parse(server.cli({"lindex", "executor:dead", "0"}));
  CHECK(letter["reason"] == "tests: missing");
  CHECK(letter["job"]["jobId"] == "a");
  CHECK(letter["attempts"] == 1);
  CHECK_FALSE(letter["job"].contains("enqueuedAt"));
}

TEST_CASE("an infrastructure that fails three times ends the job with a dead letter and a terminal result") {
  const RedisServer server;
  asio::io_context io;
  const auto queue = make_redis_queue(io, options_for(server.url()));
  std::vector<int> attempts;
  queue->consume(2, [&](const Delivery& delivery) {
    attempts.push_back(delivery.attempt);
    queue->retry(delivery, "supervisor is away");
  });
  REQUIRE(wait_ready(io, *queue));
  Answers answers;
  answers.submit(*queue, "a");
  REQUIRE(run_until(io, [&] { return answers.count == 1 && queue->status().leased == 0; }));
  CHECK(attempts == std::vector<int>{1, 2, 3});
  const json result = json::parse(*answers.by_id["a"][0]);
  CHECK(result["error"]["code"] == "infrastructure_error");
  CHECK(result["jobId"] == "a");
  CHECK(server.number({"llen", "executor:dead"}) == 1);
  const json letter = json::parse(server.cli({"lindex", "executor:dead", "0"}));
  CHECK(letter["attempts"] == 3);
  CHECK(letter["reason"] == "supervisor is away");
  CHECK(letter["time"].get<long long>() > 1'600'000'000'000);
  CHECK(left_behind(server) == 0);
}

TEST_CASE("an abandoned job that nobody took is not run, one that another front waits for is") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  const auto other = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, *other));
  Answers answers;
  Answers elsewhere;
  answers.submit(*front, "gone");
  answers.submit(*front, "shared");
  run_for(io, milliseconds(50));
  elsewhere.submit(*other, "shared");
  run_for(io, milliseconds(50));
  front->abandon("gone");
  front->abandon("shared");
  front->abandon("never-known");
  run_for(io, milliseconds(50));
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return elsewhere.count == 1; }));
  run_for(io, milliseconds(100));
  CHECK(runs == std::map<std::string, int>{{"shared", 1}});
  CHECK(answers.count == 0);
  CHECK(server.number({"llen", "executor:tasks"}) == 0);
}

TEST_CASE("a front that owes as many answers as it may says full") {
  const RedisServer server;
  asio::io_context io;
  auto options = options_for(server.url());
  options.max_waiting = 3;
  const auto front = make_redis_queue(io, options);
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  for (const char* id : {"a", "b", "c", "d"}) answers.submit(*front, id);
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(code_of(answers, "d") == std::errc::no_buffer_space);
  CHECK(server.number({"llen", "executor:tasks"}) == 3);
}

TEST_CASE("a body that is no job, or names another id, is refused before it is sent") {
  const RedisServer server;
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "a", "nonsense");
  answers.submit(*front, "b", job_body("other"));
  REQUIRE(run_until(io, [&] { return answers.count == 2; }));
  CHECK(code_of(answers, "a") == std::errc::invalid_argument);
  CHECK(code_of(answers, "b") == std::errc::invalid_argument);
  CHECK(server.cli({"--scan"}).empty());
}

TEST_CASE("depth and age of the oldest job are known") {
  const RedisServer server;
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  CHECK(front->status().depth == 0);
  Answers answers;
  for (const char* id : {"a", "b", "c"}) answers.submit(*front, id);
  REQUIRE(run_until(
      io, [&] { return front->status().depth == 3 && front->status().oldest > milliseconds(500); }));
  CHECK(front->status().oldest < milliseconds(15'000));
}

TEST_CASE("a job's waiting time is measured by Redis' clock") {
  const RedisServer server;
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "a");
  run_for(io, milliseconds(300));
  milliseconds waited{};
  front->consume(1, [&](const Delivery& delivery) {
    waited = delivery.waited;
    front->complete(delivery, "{}");
  });
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(waited >= milliseconds(250));
  CHECK(waited < milliseconds(10'000));
}

TEST_CASE("a worker that stops takes nothing more, and a job on its way goes back without a lost attempt") {
  const RedisServer server;
  asio::io_context io;
  const auto queue = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> deliveries;
  const auto on_job = [&](Delivery delivery) { deliveries.push_back(std::move(delivery)); };
  queue->consume(5, on_job);
  REQUIRE(wait_ready(io, *queue));
  run_for(io, milliseconds(50));
  queue->stop_consuming();
  server.cli({"lpush", "executor:tasks", job_body("a")});  // BLMOVE still stands: Redis hands it out
  run_for(io, milliseconds(300));
  CHECK(deliveries.empty());
  CHECK(server.number({"llen", "executor:tasks"}) == 1);
  CHECK(left_behind(server) == 0);
  queue->consume(5, on_job);
  REQUIRE(run_until(io, [&] { return deliveries.size() == 1; }));
  CHECK(deliveries[0].attempt == 1);
}

TEST_CASE("a large result is fetched, one over the limit becomes an error result") {
  const RedisServer server;
  asio::io_context io;
  auto options = options_for(server.url());
  options.result_limit = 3'000'000;
  const auto front = make_redis_queue(io, options);
  const auto worker = make_redis_queue(io, options);
  const std::string large(2'000'000, 'x');
  worker->consume(1, [&](const Delivery& delivery) {
    worker->complete(delivery, delivery.job.id == "fits" ? large : large + large);
  });
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "fits");
  answers.submit(*front, "not");
  REQUIRE(run_until(io, [&] { return answers.count == 2; }));
  CHECK(*answers.by_id["fits"][0] == large);
  CHECK(json::parse(*answers.by_id["not"][0])["error"]["code"] == "result_too_large");
}

TEST_CASE("something else under a result's key does not keep the job from its result") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  server.cli({"rpush", "executor:results:a", "squatter"});
  Answers answers;
  answers.submit(worker.queue(), "a");
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.good() == 1);
  CHECK(server.cli({"get", "executor:results:a"}) == result_of("a"));
}

TEST_CASE("forgotten scripts are sent again") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  Answers answers;
  for (int round = 0; round < 3; ++round) {
    server.cli({"script", "flush"});
    answers.submit(worker.queue(), std::to_string(round));
    REQUIRE(run_until(io, [&] { return answers.count == static_cast<std::size_t>(round) + 1; }));
  }
  CHECK(answers.good() == 3);
  CHECK(runs.size() == 3);
}

TEST_CASE("the keys of every script share one slot of a Redis cluster") {
  const RedisServer server({"--cluster-enabled", "yes", "--port", std::to_string(free_port())});
  server.cli({"cluster", "addslotsrange", "0", "16383"});
  CHECK(server.number({"cluster", "keyslot", "executor:tasks"}) ==
        server.number({"cluster", "keyslot", "{executor:tasks}:job:x"}));
  REQUIRE(run_program({"true"}).empty());
  asio::io_context io;
  std::map<std::string, int> runs;
  auto options = options_for(server.url());
  EchoWorker worker(io, options, runs, 2);
  const auto front = make_redis_queue(io, options);
  REQUIRE(run_until(io, [&] {
    return server.cli({"cluster", "info"}).find("cluster_state:ok") != std::string::npos;
  }));
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, worker.queue()));
  auto victim = make_redis_queue(io, options);
  bool taken = false;
  victim->consume(1, [&](const Delivery&) { taken = true; });
  Answers answers;
  for (int number = 0; number < 50; ++number) answers.submit(*front, std::to_string(number));
  server.cli({"lpush", "executor:tasks", "nonsense"});
  REQUIRE(run_until(io, [&] { return taken; }));
  victim.reset();  // taken over across the same scripts
  REQUIRE(run_until(io, [&] { return answers.count >= 50; }));
  CHECK(answers.good() == 50);
  REQUIRE(run_until(io, [&] { return server.number({"llen", "executor:dead"}) == 1; }));
}
