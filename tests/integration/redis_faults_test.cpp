// The queue against a real redis-server, and against things that are none: bad days, with exact counts.
#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "redis_fixture.hpp"

using namespace executor;
using namespace executor::testing;
using nlohmann::json;
using std::chrono::milliseconds;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

bool wait_ready(asio::io_context& io, const Queue& queue) {
  return run_until(io, [&] { return queue.status().ready; });
}

bool mentions(const std::vector<std::string>& log, std::string_view part) {
  for (const auto& line : log) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string tcp_url(int port, const std::string& rest = "") {
  return "redis://127.0.0.1:" + std::to_string(port) + rest;
}

/// Accepts connections and says the same thing to each, `piece` bytes every `pause`.
class WrongServer {
 public:
  WrongServer(asio::io_context& io, std::string words, std::size_t piece, milliseconds pause)
      : io_(io),
        acceptor_(io, {asio::ip::address_v4::loopback(), 0}),
        words_(std::move(words)),
        piece_(piece),
        pause_(pause) {
    accept();
  }
  [[nodiscard]] int port() const { return acceptor_.local_endpoint().port(); }
  std::size_t accepted = 0;
  std::size_t closed = 0;  ///< connections that the client gave up
  std::size_t sent = 0;    ///< bytes

 private:
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& code, tcp::socket socket) {
      if (code) return;
      ++accepted;
      speak(std::make_shared<tcp::socket>(std::move(socket)), 0);
      accept();
    });
  }
  void speak(const std::shared_ptr<tcp::socket>& socket, std::size_t at) {
    const std::size_t begin = at % words_.size();
    const std::size_t size = std::min(piece_, words_.size() - begin);
    asio::async_write(*socket, asio::buffer(words_.data() + begin, size),
                      [this, socket, at](const boost::system::error_code& code, std::size_t written) {
                        if (code) {
                          ++closed;
                          return;
                        }
                        sent += written;
                        auto timer = std::make_shared<asio::steady_timer>(io_, pause_);
                        timer->async_wait([this, socket, timer, next = at + written](
                                              const boost::system::error_code&) { speak(socket, next); });
                      });
  }

  asio::io_context& io_;
  tcp::acceptor acceptor_;
  std::string words_;
  std::size_t piece_;
  milliseconds pause_;
};

/// It is not ready, and in time says this about it.
bool complains(asio::io_context& io, const Queue& queue, std::string_view about) {
  return run_until(io, [&] {
    const auto status = queue.status();
    return !status.ready && status.detail.find(about) != std::string::npos;
  });
}

long resident_kib() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  long resident = 0;
  if (file != nullptr) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * 4;
}

/// What a claim leaves in Redis whose answer is never heard.
void plant_lease(const RedisServer& server, const std::string& worker, const std::string& id) {
  server.cli({"hset", "{executor:tasks}:job:" + id, "state", "running", "worker", worker, "attempts", "1",
              "body", job_body(id)});
  server.cli({"sadd", "{executor:tasks}:leases:" + worker, id});
}

}  // namespace

TEST_CASE("jobs of a worker that died are taken over by another, each is answered once") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  auto victim = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> taken;
  victim->consume(5, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, *victim));
  Answers answers;
  for (int number = 0; number < 12; ++number) answers.submit(*front, std::to_string(number));
  REQUIRE(run_until(io, [&] { return taken.size() == 5; }));
  EchoWorker heir(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return answers.count == 7; }));
  run_for(io, milliseconds(2500));
  CHECK(answers.count == 7);  // a worker that renews its lease keeps it
  victim.reset();
  REQUIRE(run_until(io, [&] { return answers.count == 12; }));
  run_for(io, milliseconds(200));
  CHECK(answers.good() == 12);
  CHECK(runs.size() == 12);
  CHECK(server.number({"scard", "{executor:tasks}:workers"}) == 1);
}

TEST_CASE(
    "a message that was taken but not claimed is taken over too, and buried when it fells every worker") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  server.cli({"sadd", "{executor:tasks}:workers", "dead-1"});
  server.cli({"lpush", "{executor:tasks}:processing:dead-1", job_body("a")});
  EchoWorker heir(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return runs["a"] == 1; }));
  for (int round = 0; round < 5; ++round) {
    const std::string name = "felled-" + std::to_string(round);
    // as if each worker died between taking it and claiming it
    server.cli({"eval",
                "redis.call('sadd', '{executor:tasks}:workers', ARGV[1]) redis.call('lpush', "
                "'{executor:tasks}:processing:' .. ARGV[1], ARGV[2]) redis.call('hincrby', "
                "'{executor:tasks}:strays', redis.sha1hex(ARGV[2]), 4)",
                "0", name, job_body("poison")});
    if (round == 0) break;
  }
  REQUIRE(run_until(io, [&] { return server.number({"llen", "executor:dead"}) == 1; }));
  CHECK(runs["poison"] == 0);
  const json letter = json::parse(server.cli({"lindex", "executor:dead", "0"}));
  CHECK(letter["job"]["jobId"] == "poison");
  CHECK(letter["reason"].get<std::string>().starts_with("taken 5 times"));
}

TEST_CASE("a job that takes three workers down with it ends as a dead letter with a terminal result") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "poison");
  std::vector<int> attempts;
  for (int round = 0; round < 3; ++round) {
    auto victim = make_redis_queue(io, options_for(server.url()));
    victim->consume(1, [&](const Delivery& delivery) { attempts.push_back(delivery.attempt); });
    REQUIRE(run_until(io, [&] { return attempts.size() == static_cast<std::size_t>(round) + 1; }));
  }
  EchoWorker heir(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  REQUIRE(run_until(io, [&] { return heir.queue().status().leased == 0; }));
  CHECK(attempts == std::vector<int>{1, 2, 3});
  CHECK(runs.empty());
  const json result = json::parse(*answers.by_id["poison"][0]);
  CHECK(result["ok"] == false);
  CHECK(result["error"]["code"] == "infrastructure_error");
  CHECK(server.number({"llen", "executor:dead"}) == 1);
  const json letter = json::parse(server.cli({"lindex", "executor:dead", "0"}));
  CHECK(letter["attempts"] == 3);
  CHECK(letter["job"]["jobId"] == "poison");
}

TEST_CASE(
    "a worker that stood still too long finds its lease gone: the first result stands, the late one is "
    "dropped") {
  const RedisServer server;
  asio::io_context sleeping;  // not driven while the worker stands still
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  std::vector<std::string> log;
  const auto sleeper = make_redis_queue(sleeping, options_for(server.url(), &log));
  std::vector<Delivery> taken;
  sleeper->consume(1, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(sleeping, *sleeper));
  Answers answers;
  answers.submit(*front, "a");
  run_for(io, milliseconds(50));
  REQUIRE(run_until(sleeping, [&] { return taken.size() == 1; }));
  std::map<std::string, int> runs;
  EchoWorker heir(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.good() == 1);
  sleeper->complete(taken[0], "late");
  REQUIRE(run_until(sleeping, [&] { return sleeper->status().leased == 0; }));
  run_for(io, milliseconds(100));
  CHECK(answers.count == 1);
  CHECK(server.cli({"get", "executor:results:a"}) == result_of("a"));
  CHECK(mentions(log, "this one is dropped"));
}

TEST_CASE(
    "a worker that was taken for dead claims its job again while nobody else has it: one run, one result") {
  const RedisServer server;
  asio::io_context sleeping;
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  std::vector<std::string> log;
  const auto sleeper = make_redis_queue(sleeping, options_for(server.url(), &log));
  std::vector<Delivery> taken;
  sleeper->consume(1, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(sleeping, *sleeper));
  Answers answers;
  answers.submit(*front, "a");
  run_for(io, milliseconds(50));
  REQUIRE(run_until(sleeping, [&] { return taken.size() == 1; }));
  const auto reaper = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> others;
  const auto on_other = [&](Delivery delivery) { others.push_back(std::move(delivery)); };
  reaper->consume(0, on_other);  // takes nothing, reaps all the same
  REQUIRE(run_until(io, [&] { return server.number({"llen", "executor:tasks"}) == 1; }));
  REQUIRE(run_until(sleeping, [&] { return mentions(log, "this worker was taken for dead"); }));
  run_for(sleeping, milliseconds(100));
  reaper->consume(4, on_other);
  REQUIRE(run_until(io, [&] { return server.number({"llen", "executor:tasks"}) == 0; }));
  sleeper->complete(taken[0], result_of("a"));
  REQUIRE(run_until(sleeping, [&] { return sleeper->status().leased == 0; }));
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.good() == 1);
  CHECK(others.empty());
  CHECK(taken.size() == 1);
}

TEST_CASE("what a worker took and never claimed, or claimed and never heard of, is given back") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  const std::string name = server.cli({"smembers", "{executor:tasks}:workers"});
  server.cli({"lpush", "{executor:tasks}:processing:" + name, job_body("stray")});
  server.cli({"lpush", "executor:tasks", job_body("next")});
  REQUIRE(run_until(io, [&] { return runs["stray"] == 1 && runs["next"] == 1; }));

  plant_lease(server, name, "unheard");
  server.cli({"client", "kill", "type", "normal"});
  REQUIRE(run_until(io, [&] { return runs["unheard"] == 1; }));
  REQUIRE(run_until(io, [&] { return server.number({"exists", "executor:results:unheard"}) == 1; }));
}

TEST_CASE("what was leased with its submission is given back where only that connection was lost") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  const std::string name = server.cli({"smembers", "{executor:tasks}:workers"});
  plant_lease(server, name, "unheard");
  const std::string clients = server.cli({"client", "list"});
  const std::size_t at = clients.rfind("id=", clients.find("name=executor-commands"));
  REQUIRE(at != std::string::npos);
  server.cli({"client", "kill", "id", clients.substr(at + 3, clients.find(' ', at) - at - 3)});
  REQUIRE(run_until(io, [&] { return server.number({"exists", "executor:results:unheard"}) == 1; }));
  CHECK(runs["unheard"] == 1);
}

TEST_CASE("a lease of which nobody ever hears is found while all connections stand") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs, 4, milliseconds(1500));
  REQUIRE(wait_ready(io, worker.queue()));
  const std::string name = server.cli({"smembers", "{executor:tasks}:workers"});
  Answers answers;
  answers.submit(worker.queue(), "in-hand");
  REQUIRE(run_until(io, [&] { return runs["in-hand"] == 1; }));
  // as a server does that carries out late what a lost connection had asked for
  plant_lease(server, name, "unheard");
  REQUIRE(run_until(io, [&] { return server.number({"exists", "executor:results:unheard"}) == 1; }));
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(runs["unheard"] == 1);
  CHECK(runs["in-hand"] == 1);
  CHECK(answers.good() == 1);
}

TEST_CASE("a job that was leased with its submission outlives its process") {
  const RedisServer server;
  asio::io_context io;
  auto victim = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> taken;
  victim->consume(2, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *victim));
  Answers answers;
  answers.submit(*victim, "a");
  REQUIRE(run_until(io, [&] { return taken.size() == 1; }));
  victim.reset();
  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return server.number({"exists", "executor:results:a"}) == 1; }));
  CHECK(runs["a"] == 1);
}

TEST_CASE("a result that was stored by a worker which then died is used, and the job is not run again") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  auto victim = make_redis_queue(io, options_for(server.url()));
  bool taken = false;
  victim->consume(1, [&](const Delivery&) { taken = true; });
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "a");
  REQUIRE(run_until(io, [&] { return taken; }));
  server.cli({"set", "executor:results:a", result_of("a")});
  victim.reset();
  EchoWorker heir(io, options_for(server.url()), runs);
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.good() == 1);
  CHECK(runs.empty());
}

TEST_CASE("with Redis away at the start a submission is refused at once, and all is well once it comes") {
  RedisServer server;
  server.kill();
  asio::io_context io;
  std::map<std::string, int> runs;
  std::vector<std::string> log;
  EchoWorker worker(io, options_for(server.url(), &log), runs);
  CHECK(complains(io, worker.queue(), "Connection refused"));
  Answers answers;
  answers.submit(worker.queue(), "early");
  REQUIRE(run_until(
      io, [&] { return answers.count == 1; }, milliseconds(200)));
  CHECK(answers.by_id["early"][0].error().code == std::errc::not_connected);
  CHECK(mentions(log, "redis: away: connect to " + server.url()));
  server.start();
  REQUIRE(wait_ready(io, worker.queue()));
  CHECK(mentions(log, "redis: connected to " + server.url()));
  CHECK(log.size() < 12);  // an outage does not flood the log
  answers.submit(worker.queue(), "late");
  REQUIRE(run_until(io, [&] { return answers.count == 2; }));
  CHECK(answers.good() == 1);
}

namespace {

/// Two workers and a front; Redis is killed and comes back while the jobs are under way, at several points.
void restart_in_flight(bool persistent) {
  constexpr int kJobs = 200;
  RedisServer server({}, persistent);
  asio::io_context io;
  std::map<std::string, int> runs;
  auto options = options_for(server.url());
  options.lease_ttl = milliseconds(2000);
  const auto front = make_redis_queue(io, options);
  EchoWorker one(io, options, runs, 4, milliseconds(20));
  EchoWorker two(io, options, runs, 4, milliseconds(20));
  REQUIRE(wait_ready(io, *front));
  REQUIRE(wait_ready(io, one.queue()));
  REQUIRE(wait_ready(io, two.queue()));
  Answers answers;
  for (int number = 0; number < kJobs; ++number) answers.submit(*front, std::to_string(number));
  for (const std::size_t point : {std::size_t{1}, std::size_t{40}, std::size_t{90}, std::size_t{150}}) {
    REQUIRE(run_until(io, [&] { return answers.count >= point; }));
    server.kill();
    run_for(io, milliseconds(point % 7 * 10));  // runs end while Redis is away
    server.start();
  }
  REQUIRE(run_until(
      io, [&] { return answers.count >= kJobs; }, std::chrono::seconds(60)));
  run_for(io, milliseconds(500));
  int extra = 0;
  for (const auto& [id, count] : runs) extra += count - 1;
  MESSAGE("persistent ", persistent, ": ", answers.count, " answers for ", kJobs, " jobs, 4 restarts, ",
          extra, " runs beyond the first");
  CHECK(answers.count == kJobs);
  CHECK(answers.good() == kJobs);
  CHECK(runs.size() == kJobs);
  CHECK(front->status().ready);
  CHECK(server.number({"llen", "executor:tasks"}) == 0);
  CHECK(server.number({"exists", "executor:dead"}) == 0);
  CHECK(one.queue().status().leased + two.queue().status().leased == 0);
}

}  // namespace

TEST_CASE("a restart of a persistent Redis with jobs in flight loses and doubles no answer") {
  restart_in_flight(true);
}

TEST_CASE("a restart of a Redis that forgets everything loses and doubles no answer") {
  restart_in_flight(false);
}

TEST_CASE("a result that cannot be stored because Redis is away is kept and stored when it is back") {
  RedisServer server({}, true);
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  const auto worker = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> taken;
  worker->consume(1, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "a");
  REQUIRE(run_until(io, [&] { return taken.size() == 1; }));
  server.kill();
  worker->complete(taken[0], result_of("a"));
  worker->complete(taken[0], "second");  // of no effect
  run_for(io, milliseconds(300));
  CHECK(answers.count == 0);
  CHECK(worker->status().leased == 1);
  server.start();
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.good() == 1);
  REQUIRE(run_until(io, [&] { return worker->status().leased == 0; }));
  CHECK(taken.size() == 1);
}

TEST_CASE("connections cut again and again lose and double no answer") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  const auto front = make_redis_queue(io, options_for(server.url()));
  EchoWorker worker(io, options_for(server.url()), runs, 4, milliseconds(5));
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  for (int number = 0; number < 300; ++number) answers.submit(*front, std::to_string(number));
  for (int cut = 0; cut < 8; ++cut) {
    run_for(io, milliseconds(60));
    server.cli({"client", "kill", "type", "normal"});
    server.cli({"client", "kill", "type", "pubsub"});
  }
  REQUIRE(run_until(
      io, [&] { return answers.count >= 300; }, std::chrono::seconds(60)));
  run_for(io, milliseconds(500));
  CHECK(answers.count == 300);
  CHECK(answers.good() == 300);
  int extra = 0;
  for (const auto& [id, count] : runs) extra += count - 1;
  CHECK(extra == 0);
}

TEST_CASE(
    "connections of a process that is front and worker are cut again and again: no answer is lost or "
    "doubled") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  EchoWorker both(io, options_for(server.url()), runs, 4, milliseconds(2));
  REQUIRE(wait_ready(io, both.queue()));
  Answers answers;
  std::size_t refused = 0;
  for (int number = 0; number < 400; ++number) {
    if (number % 50 == 25) {  // one kind of connection alone, or both
      if (number % 100 != 25) server.cli({"client", "kill", "type", "pubsub"});
      if (number % 150 != 25) server.cli({"client", "kill", "type", "normal"});
    }
    both.queue().submit({std::to_string(number), job_body(std::to_string(number)), nullptr},
                        [&, id = std::to_string(number)](Result<std::string> answer) {
                          if (!answer && answer.error().code == std::errc::not_connected) {
                            ++refused;  // the connection was away: said so, and not accepted
                            return;
                          }
                          ++answers.count;
                          answers.by_id[id].push_back(std::move(answer));
                        });
    run_for(io, milliseconds(number % 7));
  }
  REQUIRE(run_until(
      io, [&] { return answers.count + refused >= 400; }, std::chrono::seconds(60)));
  run_for(io, milliseconds(500));
  CHECK(answers.count + refused == 400);
  CHECK(answers.good() == answers.count);
  CHECK(answers.count >= 100);
  int extra = 0;
  for (const auto& [id, count] : runs) extra += count - 1;
  CHECK(extra == 0);
}

TEST_CASE("out of memory refuses submissions, keeps results, and never says OK falsely") {
  const RedisServer server;
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  const auto worker = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> taken;
  worker->consume(2, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "a");
  REQUIRE(run_until(io, [&] { return taken.size() == 1; }));
  server.cli({"config", "set", "maxmemory", "1"});
  answers.submit(*front, "b");
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.by_id["b"][0].error().code == std::errc::no_buffer_space);
  worker->complete(taken[0], result_of("a"));
  run_for(io, milliseconds(2500));  // longer than a lease: it is renewed all the same
  CHECK(answers.count == 1);
  CHECK_FALSE(worker->status().ready);
  CHECK(worker->status().detail.find("OOM") != std::string::npos);
  CHECK(server.number({"exists", "executor:results:a"}) == 0);
  server.cli({"config", "set", "maxmemory", "0"});
  REQUIRE(run_until(io, [&] { return answers.count == 2; }));
  CHECK(*answers.by_id["a"][0] == result_of("a"));
  REQUIRE(wait_ready(io, *worker));
  REQUIRE(wait_ready(io, *front));
  answers.submit(*front, "c");
  REQUIRE(run_until(io, [&] { return taken.size() == 2; }));
}

TEST_CASE("a read-only Redis refuses submissions, and a result waits until it is writable") {
  const RedisServer server;
  asio::io_context io;
  const auto front = make_redis_queue(io, options_for(server.url()));
  const auto worker = make_redis_queue(io, options_for(server.url()));
  std::vector<Delivery> taken;
  worker->consume(2, [&](Delivery delivery) { taken.push_back(std::move(delivery)); });
  REQUIRE(wait_ready(io, *front));
  Answers answers;
  answers.submit(*front, "a");
  REQUIRE(run_until(io, [&] { return taken.size() == 1; }));
  server.cli({"replicaof", "127.0.0.1", "1"});  // a replica of nobody that answers
  run_for(io, milliseconds(200));
  REQUIRE(run_until(io, [&] {
    answers.submit(*front, "b" + std::to_string(answers.count));
    run_for(io, milliseconds(20));
    return !front->status().ready;
  }));
  std::size_t refused = 0;
  for (const auto& [id, all] : answers.by_id)
    refused += !all[0] && all[0].error().code == std::errc::not_connected ? 1 : 0;
  CHECK(refused == answers.count);
  const std::size_t before = answers.count;
  worker->complete(taken[0], result_of("a"));
  run_for(io, milliseconds(300));
  CHECK(answers.count == before);
  server.cli({"replicaof", "no", "one"});
  REQUIRE(run_until(io, [&] { return answers.by_id.contains("a"); }));
  CHECK(*answers.by_id["a"][0] == result_of("a"));
  REQUIRE(wait_ready(io, *front));
}

TEST_CASE("a peer that talks nonsense is dropped, refused in words, and asked again later") {
  struct Nonsense {
    const char* what;
    std::string words;
  };
  const std::vector<Nonsense> all{
      {"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"},
      {"zeros", std::string(64, '\0')},
      {"a length out of range", "$99999999999999999999\r\n"},
      {"arrays without end", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"},
      {"replies to nothing",
       "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"
       "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"},
  };
  for (const auto& nonsense : all) {
    CAPTURE(nonsense.what);
    asio::io_context io;
    WrongServer wrong(io, nonsense.words, nonsense.words.size(), milliseconds(1));
    const auto queue = make_redis_queue(io, options_for(tcp_url(wrong.port())));
    queue->consume(1, [](const Delivery&) { FAIL("nonsense became a job"); });
    REQUIRE(run_until(io, [&] { return wrong.closed >= 6; }));
    CHECK_FALSE(queue->status().ready);
    Answers answers;
    answers.submit(*queue, "a");
    REQUIRE(run_until(io, [&] { return answers.count == 1; }));
    CHECK(answers.by_id["a"][0].error().code == std::errc::not_connected);
  }
}

TEST_CASE("a claimed length costs no memory, and a reply without end is cut off") {
  asio::io_context io;
  WrongServer array(io, "*2147483647\r\n", 13, milliseconds(60'000));
  WrongServer string(io, "$2000000000\r\n", 13, milliseconds(60'000));
  const long before = resident_kib();
  auto options = options_for(tcp_url(array.port()));
  const auto one = make_redis_queue(io, options);
  options.url = tcp_url(string.port());
  const auto two = make_redis_queue(io, options);
  REQUIRE(run_until(io, [&] { return array.accepted >= 2 && string.accepted >= 2; }));
  run_for(io, milliseconds(200));
  CHECK(resident_kib() - before < 8 * 1024);

  // sixty-four thousand bytes a time of one line that never ends
  WrongServer flood(io, std::string(64 * 1024, '+'), 64 * 1024, milliseconds(0));
  options.url = tcp_url(flood.port());
  options.result_limit = 1024 * 1024;
  options.message_limit = 1024 * 1024;
  const auto three = make_redis_queue(io, options);
  REQUIRE(run_until(io, [&] { return flood.closed >= 2; }));
  CHECK(resident_kib() - before < 64 * 1024);
}

TEST_CASE("a peer that drips its answer is dropped at the deadline") {
  asio::io_context io;
  WrongServer drip(io, "$100\r\n" + std::string(100, 'x'), 1, milliseconds(100));
  auto options = options_for(tcp_url(drip.port()));
  options.command_timeout = milliseconds(500);
  const auto queue = make_redis_queue(io, options);
  REQUIRE(run_until(
      io, [&] { return drip.closed >= 2; }, milliseconds(5000)));
  CHECK_FALSE(queue->status().ready);
  CHECK(queue->status().detail.find("timed out") != std::string::npos);
}

TEST_CASE("a Redis that hangs is dropped at the deadline, and its jobs are answered when it goes on") {
  const RedisServer server;
  asio::io_context io;
  std::map<std::string, int> runs;
  auto options = options_for(server.url());
  options.command_timeout = milliseconds(400);
  options.lease_ttl = milliseconds(5000);
  EchoWorker worker(io, options, runs);
  REQUIRE(wait_ready(io, worker.queue()));
  server.cli({"client", "pause", "1500", "all"});
  Answers answers;
  answers.submit(worker.queue(), "a");
  REQUIRE(run_until(io, [&] { return !worker.queue().status().ready; }));
  REQUIRE(run_until(io, [&] { return answers.count == 1; }));
  CHECK(answers.good() == 1);
  CHECK(runs["a"] == 1);
}

TEST_CASE("a password opens the door, a wrong one does not, and neither is ever shown") {
  const int port = free_port();
  const RedisServer server({"--port", std::to_string(port), "--requirepass", "hunter2", "--user", "joe", "on",
                            ">s3cret", "~*", "&*", "+@all"});
  asio::io_context io;
  std::vector<std::string> log;
  const std::string at = "@127.0.0.1:" + std::to_string(port);
  const auto right = make_redis_queue(io, options_for("redis://:hunter2" + at, &log));
  const auto named = make_redis_queue(io, options_for("redis://joe:s3cret" + at + "/3", &log));
  const auto by_socket = make_redis_queue(io, options_for(server.url() + "?password=hunter2", &log));
  const auto wrong = make_redis_queue(io, options_for("redis://joe:hunter3" + at, &log));
  const auto none = make_redis_queue(io, options_for(tcp_url(port), &log));
  REQUIRE(wait_ready(io, *right));
  REQUIRE(wait_ready(io, *named));
  REQUIRE(wait_ready(io, *by_socket));
  CHECK(complains(io, *wrong, "WRONGPASS"));
  CHECK(complains(io, *none, "NOAUTH"));
  for (const char* secret : {"hunter", "s3cret"}) {
    CHECK_FALSE(mentions(log, secret));
    for (const auto* queue : {right.get(), named.get(), by_socket.get(), wrong.get(), none.get()}) {
      CHECK(queue->status().detail.find(secret) == std::string::npos);
    }
  }
}

namespace {

/// A certificate authority and a server certificate of "localhost" and 127.0.0.1, made anew.
void make_certificates(const TemporaryDirectory& directory) {
  const auto path = [&](const char* name) { return directory.path(name); };
  run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "2", "-subj", "/CN=test authority", "-keyout", path("ca.key"), "-out",
               path("ca.pem")});
  run_program({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
               "/CN=redis", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
               path("server.key"), "-out", path("server.csr")});
  run_program({"openssl", "x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey",
               path("ca.key"), "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out",
               path("server.pem")});
}

}  // namespace

TEST_CASE("TLS verifies the server against the given authority, and refuses what it cannot verify") {
  const TemporaryDirectory certificates;
  make_certificates(certificates);
  const int port = free_port();
  const RedisServer server({"--tls-port", std::to_string(port), "--tls-cert-file",
                            certificates.path("server.pem"), "--tls-key-file",
                            certificates.path("server.key"), "--tls-ca-cert-file",
                            certificates.path("ca.pem"), "--tls-auth-clients", "no"});
  asio::io_context io;
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const std::string ca = "?ca=" + certificates.path("ca.pem");
  const auto good = make_redis_queue(io, options_for("rediss://" + address + ca));
  const auto by_name = make_redis_queue(io, options_for("rediss://localhost:" + std::to_string(port) + ca));
  const auto unverified = make_redis_queue(io, options_for("rediss://" + address + "?verify=none"));
  const auto unknown_ca = make_redis_queue(io, options_for("rediss://" + address));
  const auto other_name =
      make_redis_queue(io, options_for("rediss://127.0.0.2:" + std::to_string(port) + ca));
  const auto no_file = make_redis_queue(io, options_for("rediss://" + address + "?ca=/nowhere"));
  const auto plain = make_redis_queue(io, options_for("redis://" + address));
  REQUIRE(wait_ready(io, *good));
  REQUIRE(wait_ready(io, *by_name));
  REQUIRE(wait_ready(io, *unverified));
  CHECK(complains(io, *unknown_ca, "certificate verify failed"));
  CHECK(complains(io, *other_name, "TLS handshake with rediss://127.0.0.2"));
  CHECK(complains(io, *no_file, "/nowhere"));
  CHECK_FALSE(plain->status().ready);

  std::map<std::string, int> runs;
  EchoWorker worker(io, options_for("rediss://" + address + ca), runs);
  REQUIRE(wait_ready(io, worker.queue()));
  Answers answers;
  for (int number = 0; number < 100; ++number) answers.submit(*good, std::to_string(number));
  REQUIRE(run_until(io, [&] { return answers.count == 100; }));
  CHECK(answers.good() == 100);
}

TEST_CASE("a malformed URL or queue key stops the start") {
  asio::io_context io;
  RedisQueueOptions options;
  options.url = "http://x";
  CHECK_THROWS_WITH_AS((void)make_redis_queue(io, options), doctest::Contains("scheme must be"), Exception);
  options.url = "redis://x";
  options.queue_key = "a}b";
  CHECK_THROWS_WITH_AS((void)make_redis_queue(io, options), doctest::Contains("queue key"), Exception);
}

TEST_CASE("a queue that is destroyed calls nobody back") {
  const RedisServer server;
  asio::io_context io;
  auto queue = make_redis_queue(io, options_for(server.url()));
  REQUIRE(wait_ready(io, *queue));
  Answers answers;
  answers.submit(*queue, "a");
  queue->consume(1, [](const Delivery&) { FAIL("delivered after the end"); });
  queue.reset();
  run_for(io, milliseconds(200));
  CHECK(answers.count == 0);
  auto never_connected = make_redis_queue(io, options_for("unix:///nowhere/redis.sock"));
  never_connected.reset();
  run_for(io, milliseconds(100));
}
