#include "app/config.hpp"

#include <doctest/doctest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/settings_file.hpp"

using namespace executor;
using std::chrono::milliseconds;

namespace {

Environment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

Result<Config> with(const std::string& name, const std::string& value) {
  return read_config({}, environment({{name, value}}));
}

}  // namespace

TEST_CASE("with nothing set the contract's defaults hold") {
  const Config config = read_config({}, environment({})).value();
  CHECK(config.port == 4060);
  CHECK(config.host == "127.0.0.1");
  CHECK(config.redis_url == "redis://localhost:6379");
  CHECK(config.queue_key == "executor:tasks");
  CHECK(config.max_concurrency == 5);
  CHECK(config.docker_image == "python:3.12-alpine");
  CHECK(config.mem_limit == 268435456);
  CHECK(config.nano_cpus == 1000000000);
  CHECK(config.timeout == milliseconds(3000));
  CHECK(config.allowed_modules == std::vector<std::string>{"math", "random", "statistics"});
  CHECK_FALSE(config.allowed_builtins.has_value());
  CHECK(config.validation);
  CHECK(config.local_fallback);
  CHECK(config.docker_socket == "/var/run/docker.sock");
  CHECK(config.sentry_dsn.empty());
  CHECK(config.log_file == "logs/executor.log");
  CHECK(config.log_to_file);
  CHECK(config.queue == QueueKind::redis);
  CHECK(config.rabbitmq_url == "amqp://localhost:5672");
  CHECK(config.max_execution_time == milliseconds(10'000));
  CHECK(config.max_memory == 256 * kMiB);
  CHECK(config.backend == BackendKind::automatic);
  CHECK(config.api_tokens_file.empty());
  CHECK_FALSE(config.warm_pool.has_value());
}

TEST_CASE("each variable reaches its setting") {
  CHECK(with("EXECUTOR_PORT", "0").value().port == 0);
  CHECK(with("EXECUTOR_HOST", "::1").value().host == "::1");
  CHECK(with("EXECUTOR_REDIS_URL", "unix:///run/redis.sock").value().redis_url == "unix:///run/redis.sock");
  CHECK(with("EXECUTOR_QUEUE_KEY", "k").value().queue_key == "k");
  CHECK(with("EXECUTOR_MAX_CONCURRENCY", "64").value().max_concurrency == 64);
  CHECK(with("EXECUTOR_DOCKER_IMAGE", "i").value().docker_image == "i");
  CHECK(with("EXECUTOR_DOCKER_WARM", "3").value().docker_warm == 3);
  CHECK(with("EXECUTOR_DOCKER_IMAGE_JAVASCRIPT", "none").value().docker_image_javascript == "none");
  CHECK(with("EXECUTOR_MEM_LIMIT", "16777216").value().mem_limit == 16 * kMiB);
  CHECK(with("EXECUTOR_NANO_CPUS", "500000000").value().nano_cpus == 500'000'000);
  CHECK(with("EXECUTOR_TIMEOUT", "1.5").value().timeout == milliseconds(1500));
  CHECK(with("EXECUTOR_MAX_TIMEOUT", "10").value().max_timeout == milliseconds(10'000));
  CHECK(with("EXECUTOR_ALLOWED_MODULES", R"(["*"])").value().allowed_modules ==
        std::vector<std::string>{"*"});
  CHECK(with("EXECUTOR_ALLOWED_MODULES", "[]").value().allowed_modules.empty());
  CHECK(with("EXECUTOR_ALLOWED_BUILTINS", R"(["print"])").value().allowed_builtins ==
        std::vector<std::string>{"print"});
  CHECK_FALSE(with("EXECUTOR_VALIDATION", "off").value().validation);
  CHECK_FALSE(with("EXECUTOR_COMPILE_ONCE", "no").value().compile_once);
  CHECK_FALSE(with("EXECUTOR_LOCAL_FALLBACK", "false").value().local_fallback);
  CHECK(with("DOCKER_SOCKET_PATH", "/s").value().docker_socket == "/s");
  CHECK(with("SENTRY_DSN", "https://key@host/1").value().sentry_dsn == "https://key@host/1");
  CHECK(with("LOG_FILE", "/l").value().log_file == "/l");
  CHECK_FALSE(with("LOG_TO_FILE", "false").value().log_to_file);
  CHECK(with("EXECUTOR_QUEUE", "embedded").value().queue == QueueKind::embedded);
  CHECK(with("EXECUTOR_QUEUE_LIMIT", "7").value().queue_limit == 7);
  CHECK(with("EXECUTOR_RABBITMQ_URL", "amqps://h").value().rabbitmq_url == "amqps://h");
  CHECK(with("MAX_EXECUTION_TIME", "2").value().max_execution_time == milliseconds(2000));
  CHECK(with("MAX_MEMORY", "128").value().max_memory == 128 * kMiB);
  CHECK(with("EXECUTOR_BACKEND", "docker").value().backend == BackendKind::docker);
  CHECK(with("EXECUTOR_API_TOKENS_FILE", "/t").value().api_tokens_file == "/t");
  CHECK(with("EXECUTOR_WARM_POOL", "0").value().warm_pool == 0U);
  CHECK(with("EXECUTOR_WARM_POOL_IDLE", "90").value().warm_pool_idle == std::chrono::seconds(90));
  CHECK(with("EXECUTOR_MAX_CONNECTIONS", "10").value().max_connections == 10);
  CHECK(with("EXECUTOR_MAX_BODY", "2048").value().max_body == 2048);
  CHECK(with("EXECUTOR_ROLE", "worker").value().role == Role::worker);
  CHECK(with("EXECUTOR_DRAIN_TIME", "0").value().drain_time == milliseconds(0));
}

TEST_CASE("a wrong value names the variable, itself and what is allowed") {
  const std::map<std::string, std::vector<std::string>> wrong{
      {"EXECUTOR_PORT", {"65536", "-1", "80x", " 80", "0x50", "4060.0"}},
      {"EXECUTOR_MAX_CONCURRENCY", {"0", "1025", "five", "99999999999999999999"}},
      {"EXECUTOR_MEM_LIMIT", {"0", "256MB"}},
      {"EXECUTOR_NANO_CPUS", {"0", "1.5"}},
      {"EXECUTOR_TIMEOUT", {"0", "-3", "nan", "inf", "3s", "601"}},
      {"EXECUTOR_ALLOWED_MODULES", {"math", "{}", "[1]", R"([""])", "[\"a\""}},
      {"EXECUTOR_ALLOWED_BUILTINS", {"print"}},
      {"EXECUTOR_VALIDATION", {"maybe", "TRUE"}},
      {"EXECUTOR_QUEUE", {"kafka", "Redis"}},
      {"EXECUTOR_BACKEND", {"firecracker"}},
      {"EXECUTOR_ROLE", {"both"}},
      {"MAX_MEMORY", {"1"}},
  };
  for (const auto& entry : wrong) {
    const std::string& name = entry.first;  // a structured binding cannot be captured
    for (const std::string& value : entry.second) {
      CAPTURE(name);
      CAPTURE(value);
      const auto config = with(name, value);
      REQUIRE(config.has_error());
      CHECK(config.error().what.find(name + ": \"" + value + "\" is not allowed; allowed: ") == 0);
    }
  }
}

TEST_CASE("a wrong value that may hold a secret is not repeated") {
  for (const char* name : {"EXECUTOR_REDIS_URL", "EXECUTOR_RABBITMQ_URL", "SENTRY_DSN"}) {
    const auto config = with(name, "http//user:hunter2@host");
    REQUIRE(config.has_error());
    CHECK(config.error().what.find(name) == 0);
    CHECK(config.error().what.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("an empty variable counts as unset") {
  CHECK(with("SENTRY_DSN", "").value().sentry_dsn.empty());
  CHECK(with("EXECUTOR_PORT", "").value().port == 4060);
}

TEST_CASE("flags win over variables, and a wrong flag is named as a flag") {
  const auto parse = [](std::vector<std::string> arguments) {
    CLI::App app;
    FlagValues flags;
    add_config_flags(app, flags);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    return read_config(flags, environment({{"EXECUTOR_PORT", "1"}, {"EXECUTOR_HOST", "::1"}}));
  };
  const auto config = parse({"--port", "2", "--queue", "embedded", "--log-to-file=false"});
  CHECK(config.value().port == 2);
  CHECK(config.value().host == "::1");
  CHECK(config.value().queue == QueueKind::embedded);
  CHECK_FALSE(config.value().log_to_file);
  CHECK(parse({"--port", "x"}).error().what.find("--port: \"x\" is not allowed") == 0);
  CHECK(parse({"--role", ""}).error().what.find("--role: \"\" is not allowed") == 0);
}

TEST_CASE("settings that contradict each other are refused") {
  const auto alone = read_config({}, environment({{"EXECUTOR_QUEUE", "embedded"}, {"EXECUTOR_ROLE", "api"}}));
  REQUIRE(alone.has_error());
  CHECK(alone.error().what.find("EXECUTOR_QUEUE") == 0);
  CHECK(with("EXECUTOR_TIMEOUT", "100").has_error());
  CHECK(read_config({}, environment({{"EXECUTOR_TIMEOUT", "100"}, {"EXECUTOR_MAX_TIMEOUT", "100"}}))
            .has_value());
}

TEST_CASE("a file of settings is read as systemd reads it") {
  const auto values = executor::parse_settings(
      "# comment\n; another\n\nEXECUTOR_PORT=4061\n  LOG_FILE = \"a b\"  "
      "\nA='[\"x\"]'\nB=[\"y\"]\nC=\nD=\"\n");
  REQUIRE(values.has_value());
  CHECK(*values == executor::SettingValues{{"EXECUTOR_PORT", "4061"},
                                           {"LOG_FILE", "a b"},
                                           {"A", "[\"x\"]"},
                                           {"B", "[\"y\"]"},
                                           {"C", ""},
                                           {"D", "\""}});
  const auto wrong = executor::parse_settings("A=1\nnonsense\n");
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().message().find("line 2") != std::string::npos);
}

TEST_CASE("the limits of requests follow the configuration") {
  const Config config =
      read_config({}, environment({{"EXECUTOR_MEM_LIMIT", "33554432"}, {"EXECUTOR_TIMEOUT", "2"}})).value();
  const SpecLimits limits = spec_limits(config);
  CHECK(limits.defaults.wall_time == milliseconds(2000));
  CHECK(limits.defaults.memory_max == 32 * kMiB);
  CHECK(limits.memory_max == 32 * kMiB);
  CHECK(limits.wall_time_max == milliseconds(60'000));
}
