#include "app/front.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "fakes/fake_backend.hpp"
#include "fakes/fake_validator.hpp"
#include "fakes/http_client.hpp"

using namespace executor;
using nlohmann::json;

namespace {

constexpr const char* kBody =
    R"~({"language":"python","source":"print(6*7)","tests":[{"stdin":"","expectedStdout":"42\n"},)~"
    R"~({"stdin":"","expectedStdout":"41\n"}],"userId":"u1","traceId":"t1"})~";

std::string post(const std::string& body) {
  return "POST /execute HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
json body_of(const std::string& response) {
  return json::parse(response.substr(response.find("\r\n\r\n") + 4));
}

// What the front left behind.
struct Served {
  int status = -1;
  std::vector<json> log{};

  json record(const std::string& message) const {
    for (const json& line : log)
      if (line["msg"] == message) return line;
    return {};
  }
};

Config test_config() {
  Config config;
  config.queue = QueueKind::embedded;
  config.port = 0;
  return config;
}

using Talk = std::function<void(boost::asio::io_context&, std::uint16_t)>;

constexpr const char* kEndless = R"({"language":"python","source":"1","tests":[{}]})";

// Asks /metrics on `client` until one sandbox is live.
void wait_until_running(HttpClient& client) {
  do {
    client.clear();
    client.send(get("/metrics"));
    REQUIRE(client.receive("process_start_time_seconds "));
  } while (client.received().find("executor_sandboxes_live 1\n") == std::string::npos);
}

void stop() { ::kill(::getpid(), SIGTERM); }

// Runs the front with fakes while `talk` plays the clients in a thread of its own and, at its end, sends
// SIGTERM.
Served serve(
    const Config& config, const Talk& talk,
    const std::function<void(FakeBackend&)>& prepare = [](FakeBackend&) {},
    const std::function<void(FrontParts&)>& change = [](FrontParts&) {}) {
  Served served;
  std::thread client;
  FrontParts parts;
  parts.backend = [&](boost::asio::io_context& context) {
    auto backend = std::make_unique<FakeBackend>(context);
    backend->answer_at_once = [](const Program&) -> Result<Outcome> {
      return Outcome{.stdout_bytes = "42\n", .sandbox_id = "9c8bd6d1d7c1"};
    };
    prepare(*backend);
    return backend;
  };
  parts.validator = [](boost::asio::io_context& context) { return std::make_unique<FakeValidator>(context); };
  parts.log = [&served](std::string_view line) { served.log.push_back(json::parse(line)); };
  parts.listening = [&client, &talk](std::uint16_t port) {
    client = std::thread([&talk, port] {
      boost::asio::io_context context{1};
      try {
        talk(context, port);
      } catch (...) {  // a failed REQUIRE, which is counted already
        stop();
      }
    });
  };
  change(parts);
  served.status = run_front(config, std::move(parts));
  if (client.joinable()) client.join();
  return served;
}

}  // namespace

TEST_CASE("a job goes from request to answer, and leaves its record in the log") {
  json answer;
  const Served served = serve(test_config(), [&](auto& context, std::uint16_t port) {
    HttpClient client(context, port);
    client.send(post(kBody));
    REQUIRE(client.receive("executeMs"));
    answer = body_of(client.received());
    stop();
  });
  CHECK(served.status == 0);
  CHECK(answer["ok"] == true);
  CHECK(answer["passed"] == 1);
  CHECK(answer["total"] == 2);
  CHECK(answer["results"][0]["verdict"] == "accepted");
  CHECK(answer["results"][1]["verdict"] == "wrong_answer");
  const json record = served.record("worker_job_completed");
  CHECK(record["level"] == 30);
  CHECK(record["jobId"] == answer["jobId"]);
  CHECK(record["userId"] == "u1");
  CHECK(record["traceId"] == "t1");
  CHECK(record["tests"].size() == 2);
  CHECK(record["tests"][0]["passed"] == true);
  CHECK(record["tests"][0]["containerId"] == "9c8bd6d1d7c1");
  CHECK(record.dump().find("print") == std::string::npos);
}

TEST_CASE("the log says where the server listens and that it stopped") {
  std::uint16_t seen = 0;
  const Served served = serve(test_config(), [&](auto&, std::uint16_t port) {
    seen = port;
    stop();
  });
  CHECK(seen != 0);
  CHECK(served.record("server_listening")["port"] == seen);
  CHECK(served.record("server_stopping")["signal"] == SIGTERM);
  CHECK(served.record("server_stopped")["status"] == 0);
}

TEST_CASE("health, readiness and metrics tell of the parts") {
  serve(test_config(), [&](auto& context, std::uint16_t port) {
    HttpClient client(context, port);
    client.send(get("/health"));
    REQUIRE(client.receive("localFallback"));
    CHECK(client.status() == 200);
    const json health = body_of(client.received());
    CHECK(health["queue"]["state"] == "up");
    CHECK(health["supervisor"]["state"] == "up");
    CHECK(health["nativeBackend"]["state"] == "up");
    CHECK(health["dockerBackend"]["state"] == "not configured");
    CHECK(health["localFallback"]["state"] == "not configured");
    client.send(get("/ready"));
    CHECK(client.receive(R"("ready":true)"));
    client.send(post(kBody));
    REQUIRE(client.receive("executeMs"));
    client.send(get("/metrics"));
    CHECK(client.receive(
        R"(executor_executions_total{backend="native",language="python",verdict="accepted"} 1)"));
    stop();
  });
}

TEST_CASE("a backend that cannot run jobs makes the service unhealthy") {
  serve(
      test_config(),
      [&](auto& context, std::uint16_t port) {
        HttpClient client(context, port);
        client.send(get("/ready"));
        CHECK(client.receive("503 Service Unavailable"));
        client.send(get("/health"));
        CHECK(client.receive("the supervisor is away"));
        stop();
      },
      [](FakeBackend& backend) { backend.current = {.ready = false, .detail = "the supervisor is away"}; });
}

TEST_CASE("a stop finishes what runs and turns new jobs away") {
  FakeBackend* backend = nullptr;
  const Served served = serve(
      test_config(),
      [&](auto& context, std::uint16_t port) {
        HttpClient idle(context, port);
        HttpClient busy(context, port);
        busy.send(post(kEndless));
        wait_until_running(idle);
        stop();
        idle.until_closed();  // the drain closes idle connections, so it has begun
        HttpClient late(context, port);
        late.send(post(kBody));
        CHECK(late.until_closed().find("503 Service Unavailable") != std::string::npos);
        CHECK(body_of(late.received())["error"]["code"] == "stopping");
        HttpClient probe(context, port);
        probe.send(get("/ready"));
        CHECK(probe.until_closed().find(R"("draining":true)") != std::string::npos);
        backend->end_first_from_outside(Outcome{});
        CHECK(busy.receive("executeMs"));
        CHECK(busy.status() == 200);
        busy.until_closed();
      },
      [&backend](FakeBackend& made) {
        backend = &made;
        made.answer_at_once = nullptr;
      });
  CHECK(served.status == 0);
  CHECK(served.record("worker_job_completed")["tests"].size() == 1);
}

TEST_CASE("what still runs when the drain time is over is killed and its client hears 503") {
  Config config = test_config();
  config.drain_time = std::chrono::milliseconds(1);
  const Served served = serve(
      config,
      [&](auto& context, std::uint16_t port) {
        HttpClient busy(context, port);
        HttpClient other(context, port);
        busy.send(post(kEndless));
        wait_until_running(other);
        stop();
        CHECK(busy.until_closed().find("503 Service Unavailable") != std::string::npos);
      },
      [](FakeBackend& made) { made.answer_at_once = nullptr; });
  CHECK(served.status == 0);
  CHECK(served.record("drain_grace_over")["level"] == 40);
}

TEST_CASE("a second signal ends the service at once") {
  const Served served = serve(
      test_config(),
      [&](auto& context, std::uint16_t port) {
        HttpClient idle(context, port);
        HttpClient busy(context, port);
        busy.send(post(kEndless));
        wait_until_running(idle);
        stop();
        idle.until_closed();
        stop();
        busy.until_closed();
        CHECK(busy.received().empty());
      },
      [](FakeBackend& made) { made.answer_at_once = nullptr; });
  CHECK(served.status == 1);
}

TEST_CASE("a client that leaves has its job killed") {
  FakeBackend* backend = nullptr;
  std::size_t cancelled = 0;
  serve(
      test_config(),
      [&](auto& context, std::uint16_t port) {
        {
          HttpClient leaving(context, port);
          leaving.send(post(kEndless));
          HttpClient other(context, port);
          wait_until_running(other);
        }
        while (cancelled == 0) {
          HttpClient other(context, port);
          other.send(get("/health"));
          other.receive("localFallback");
          backend->count_cancelled_from_outside(cancelled);
        }
        stop();
      },
      [&backend](FakeBackend& made) {
        backend = &made;
        made.answer_at_once = nullptr;
      });
  CHECK(cancelled == 1);
}

TEST_CASE("a start that fails says why and ends with status 1") {
  Config config = test_config();
  config.host = "203.0.113.1";  // reserved for documentation: no host has it
  const Served served = serve(config, [](auto&, std::uint16_t) {});
  CHECK(served.status == 1);
  CHECK(served.record("server_listening").is_null());
}

TEST_CASE("a worker serves no /execute") {
  Config config = test_config();
  config.role = Role::worker;
  serve(config, [](auto& context, std::uint16_t port) {
    HttpClient client(context, port);
    client.send(post(kBody));
    CHECK(client.receive("404 Not Found"));
    client.send(get("/ready"));
    CHECK(client.receive("200 OK"));
    stop();
  });
}

TEST_CASE("a front whose sandboxes are lost answers what it has and ends with status 1") {
  boost::asio::io_context* loop = nullptr;
  std::function<void()> lose;
  FakeBackend* backend = nullptr;
  const Served served = serve(
      test_config(),
      [&](auto& context, std::uint16_t port) {
        HttpClient busy(context, port);
        HttpClient other(context, port);
        busy.send(post(kEndless));
        wait_until_running(other);
        boost::asio::post(*loop, lose);
        other.until_closed();  // the drain closes idle connections
        backend->end_first_from_outside(Outcome{});
        CHECK(busy.receive("executeMs"));
        busy.until_closed();
      },
      [&backend](FakeBackend& made) {
        backend = &made;
        made.answer_at_once = nullptr;
      },
      [&](FrontParts& parts) {
        parts.watch = [&](boost::asio::io_context& context, std::function<void()> lost) {
          loop = &context;
          lose = std::move(lost);
        };
      });
  CHECK(served.status == 1);
  CHECK(served.record("sandboxes_lost")["level"] == 50);
  CHECK(served.record("server_stopped")["status"] == 1);
}

TEST_CASE("SIGHUP takes over the log level, and a wrong setting changes nothing") {
  std::vector<Result<Config>> settings;
  Config quiet = test_config();
  quiet.log_level = LogLevel::error;
  settings.emplace_back(quiet);
  settings.emplace_back(Error("EXECUTOR_LOG_LEVEL: \"loud\" is not allowed", {}));
  std::atomic<int> reloads = 0;
  const Served served = serve(
      test_config(),
      [&](auto& context, std::uint16_t port) {
        HttpClient client(context, port);
        for (int wanted = 1; wanted <= 2; ++wanted) {
          ::kill(::getpid(), SIGHUP);
          while (reloads < wanted) {
            client.clear();
            client.send(get("/ready"));
            REQUIRE(client.receive("ready"));
          }
        }
        stop();
      },
      [](FakeBackend&) {},
      [&](FrontParts& parts) {
        parts.reload = [&] { return settings.at(static_cast<std::size_t>(reloads++)); };
      });
  CHECK(served.status == 0);
  CHECK(served.record("settings_reloaded")["logLevel"] == "error");
  CHECK(served.record("settings_refused")["level"] == 50);
  CHECK(served.record("server_stopping").is_null());  // below the level
}
