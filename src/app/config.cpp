#include "app/config.hpp"

#include <CLI/App.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

namespace executor {

namespace {

using std::chrono::milliseconds;

/// Writes the value into the configuration; false where it is not allowed.
using Apply = std::function<bool(Config&, const std::string&)>;

struct Setting {
  const char* variable;
  const char* flag;
  const char* allowed;
  const char* meaning;
  Apply apply;
  bool secret = false;
};

template <class Number>
bool parse_number(const std::string& text, Number min, Number max, Number& out) {
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, out);
  return code == std::errc() && stop == end && out >= min && out <= max;
}

template <class Member>
Apply number(Member Config::*member, std::uint64_t min, std::uint64_t max, std::uint64_t scale = 1) {
  return [=](Config& config, const std::string& text) {
    std::uint64_t value = 0;
    if (!parse_number(text, min, max, value)) return false;
    config.*member = static_cast<Member>(value * scale);
    return true;
  };
}

Apply share(http::Share Config::*member, std::size_t http::Share::*part) {
  return [=](Config& config, const std::string& text) {
    return parse_number(text, std::size_t{0}, std::size_t{100'000}, (config.*member).*part);
  };
}

Apply seconds(milliseconds Config::*member, double min, double max) {
  return [=](Config& config, const std::string& text) {
    double value = 0;
    if (!parse_number(text, min, max, value)) return false;
    config.*member = milliseconds(std::llround(value * 1000));
    return true;
  };
}

Apply text(std::string Config::*member) {
  return [=](Config& config, const std::string& value) {
    config.*member = value;
    return !value.empty();
  };
}

Apply url(std::string Config::*member, const std::vector<std::string>& schemes) {
  return [=](Config& config, const std::string& value) {
    config.*member = value;
    return std::any_of(schemes.begin(), schemes.end(), [&value](const std::string& scheme) {
      return value.starts_with(scheme) && value.size() > scheme.size();
    });
  };
}

Apply flag(bool Config::*member) {
  return [=](Config& config, const std::string& value) {
    const bool yes = value == "true" || value == "on" || value == "1" || value == "yes";
    const bool no = value == "false" || value == "off" || value == "0" || value == "no";
    config.*member = yes;
    return yes || no;
  };
}

template <class Enum>
Apply choice(Enum Config::*member, std::map<std::string, Enum> choices) {
  return [=](Config& config, const std::string& value) {
    const auto found = choices.find(value);
    if (found != choices.end()) config.*member = found->second;
    return found != choices.end();
  };
}

template <class List>
Apply names(List Config::*member) {
  return [=](Config& config, const std::string& value) {
    const auto json = nlohmann::json::parse(value, nullptr, false);
    const bool strings = json.is_array() && std::all_of(json.begin(), json.end(), [](const auto& item) {
                           return item.is_string() && !item.template get_ref<const std::string&>().empty();
                         });
    if (strings) config.*member = json.get<std::vector<std::string>>();
    return strings;
  };
}

constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kTiBInMiB = 1024ULL * 1024;
constexpr const char* kBoolean = "true or false (also on/off, yes/no, 1/0)";
constexpr const char* kNames = R"(a JSON array of names, such as ["math","random"], or ["*"])";

const std::vector<Setting>& settings() {
  using C = Config;
  static const std::vector<Setting> table{
      {"EXECUTOR_ROLE", "--role", "all, api or worker", "what this process does",
       choice(&C::role, {{"all", Role::all}, {"api", Role::api}, {"worker", Role::worker}})},
      {"EXECUTOR_QUEUE", "--queue", "redis, embedded or rabbitmq", "where jobs wait",
       choice(&C::queue, {{"redis", QueueKind::redis},
                          {"embedded", QueueKind::embedded},
                          {"rabbitmq", QueueKind::rabbitmq}})},
      {"EXECUTOR_BACKEND", "--backend", "auto, native, docker or local", "what runs programs",
       choice(&C::backend, {{"auto", BackendKind::automatic},
                            {"native", BackendKind::native},
                            {"docker", BackendKind::docker},
                            {"local", BackendKind::local}})},
      {"EXECUTOR_HOST", "--host", "an address to listen on", "HTTP address", text(&C::host)},
      {"EXECUTOR_PORT", "--port", "0 to 65535; 0 takes a free one", "HTTP port", number(&C::port, 0, 65535)},
      {"EXECUTOR_MAX_CONNECTIONS", "--max-connections", "1 to 100000", "HTTP connections at once",
       number(&C::max_connections, 1, 100'000)},
      {"EXECUTOR_MAX_BODY", "--max-body", "1024 to 67108864 bytes", "largest request body",
       number(&C::max_body, 1024, 64 * kMiB)},
      {"EXECUTOR_REDIS_URL", "--redis-url", "redis://, rediss:// or unix:// and an address",
       "the Redis server", url(&C::redis_url, {"redis://", "rediss://", "unix://"}), true},
      {"EXECUTOR_QUEUE_KEY", "--queue-key", "a key's name", "Redis list of queued jobs", text(&C::queue_key)},
      {"EXECUTOR_RABBITMQ_URL", "--rabbitmq-url", "amqp:// or amqps:// and an address", "the RabbitMQ server",
       url(&C::rabbitmq_url, {"amqp://", "amqps://"}), true},
      {"EXECUTOR_QUEUE_LIMIT", "--queue-limit", "1 to 1000000", "jobs that may wait in the embedded queue",
       number(&C::queue_limit, 1, 1'000'000)},
      {"EXECUTOR_MAX_CONCURRENCY", "--max-concurrency", "1 to 1024", "sandboxes running at once",
       number(&C::max_concurrency, 1, 1024)},
      {"EXECUTOR_WARM_POOL", "--warm-pool", "0 to 1024", "warm sandboxes kept per runtime in use",
       number(&C::warm_pool, 0, 1024)},
      {"EXECUTOR_WARM_POOL_IDLE", "--warm-pool-idle", "1 to 86400 seconds",
       "without a job so long, half of them are kept", seconds(&C::warm_pool_idle, 1, 86'400)},
      {"EXECUTOR_MEM_LIMIT", "--mem-limit", "8388608 to 1099511627776 bytes", "memory of one test",
       number(&C::mem_limit, 8 * kMiB, 1024 * kGiB)},
      {"EXECUTOR_NANO_CPUS", "--nano-cpus", "10000000 to 1024000000000, where 1e9 is one CPU",
       "CPU quota of one test", number(&C::nano_cpus, 10'000'000, 1'024'000'000'000)},
      {"EXECUTOR_TIMEOUT", "--timeout", "0.01 to 600 seconds", "wall time of one test",
       seconds(&C::timeout, 0.01, 600)},
      {"EXECUTOR_MAX_TIMEOUT", "--max-timeout", "0.01 to 600 seconds", "the most that a test may ask for",
       seconds(&C::max_timeout, 0.01, 600)},
      {"EXECUTOR_ALLOWED_MODULES", "--allowed-modules", kNames, "modules that a program may import",
       names(&C::allowed_modules)},
      {"EXECUTOR_ALLOWED_BUILTINS", "--allowed-builtins", kNames, "builtins that a program may name",
       names(&C::allowed_builtins)},
      {"EXECUTOR_VALIDATION", "--validation", kBoolean, "hold sources against the policy",
       flag(&C::validation)},
      {"EXECUTOR_COMPILE_ONCE", "--compile-once", kBoolean, "compile a source once for all its tests",
       flag(&C::compile_once)},
      {"EXECUTOR_LOCAL_FALLBACK", "--local-fallback", kBoolean,
       "use the local runner with neither namespaces nor Docker", flag(&C::local_fallback)},
      {"EXECUTOR_DOCKER_IMAGE", "--docker-image", "an image's name", "image of the Docker backend",
       text(&C::docker_image)},
      {"EXECUTOR_DOCKER_IMAGE_JAVASCRIPT", "--docker-image-javascript", "an image's name, or none",
       "the same for JavaScript", text(&C::docker_image_javascript)},
      {"EXECUTOR_DOCKER_WARM", "--docker-warm", "0 to 64",
       "containers made ahead for each language, not started", number(&C::docker_warm, 0, 64)},
      {"DOCKER_SOCKET_PATH", "--docker-socket", "a path", "the Docker Engine's socket",
       text(&C::docker_socket)},
      {"SENTRY_DSN", "--sentry-dsn", "http:// or https:// and an address",
       "where internal errors are reported", url(&C::sentry_dsn, {"http://", "https://"}), true},
      {"EXECUTOR_API_TOKENS_FILE", "--api-tokens-file", "a path", "tokens of POST /api/execute",
       text(&C::api_tokens_file)},
      {"EXECUTOR_USER_JOBS", "--user-jobs", "0 to 100000; 0 is no limit",
       "unfinished jobs of one user at once", share(&C::user_share, &http::Share::concurrent)},
      {"EXECUTOR_USER_WAITING", "--user-waiting", "0 to 100000", "jobs of one user held back beyond those",
       share(&C::user_share, &http::Share::waiting)},
      {"EXECUTOR_TOKEN_JOBS", "--token-jobs", "0 to 100000; 0 is no limit",
       "unfinished jobs of one token at once", share(&C::token_share, &http::Share::concurrent)},
      {"EXECUTOR_TOKEN_WAITING", "--token-waiting", "0 to 100000", "jobs of one token held back beyond those",
       share(&C::token_share, &http::Share::waiting)},
      {"MAX_EXECUTION_TIME", "--max-execution-time", "0.01 to 600 seconds", "wall time in POST /api/execute",
       seconds(&C::max_execution_time, 0.01, 600)},
      {"MAX_MEMORY", "--max-memory", "8 to 1048576 MiB", "memory in POST /api/execute",
       number(&C::max_memory, 8, kTiBInMiB, kMiB)},
      {"LOG_FILE", "--log-file", "a path", "the log file", text(&C::log_file)},
      {"LOG_TO_FILE", "--log-to-file", kBoolean, "write the log file beside standard output",
       flag(&C::log_to_file)},
      {"EXECUTOR_LOG_LEVEL", "--log-level", "info, warn or error", "the least that is logged",
       choice(&C::log_level,
              {{"info", LogLevel::info}, {"warn", LogLevel::warn}, {"error", LogLevel::error}})},
      {"EXECUTOR_ENVIRONMENT_FILE", "--environment-file", "a path", "settings that SIGHUP reads again",
       text(&C::environment_file)},
      {"EXECUTOR_DRAIN_TIME", "--drain-time", "0 to 600 seconds", "what a stop gives running jobs",
       seconds(&C::drain_time, 0, 600)},
  };
  return table;
}

Error not_allowed(const Setting& setting, bool from_flag, const std::string& value) {
  const std::string name = from_flag ? setting.flag : setting.variable;
  const std::string shown = setting.secret ? "the value given" : "\"" + value + "\"";
  return {name + ": " + shown + " is not allowed; allowed: " + setting.allowed, std::error_code()};
}

Result<Config> check_together(Config config) {
  const auto invalid = std::make_error_code(std::errc::invalid_argument);
  if (config.queue == QueueKind::embedded && config.role != Role::all)
    return Error("EXECUTOR_QUEUE: \"embedded\" is not allowed with EXECUTOR_ROLE " +
                     std::string(to_string(config.role)) + "; allowed: redis or rabbitmq",
                 invalid);
  if (config.timeout > config.max_timeout)
    return Error("EXECUTOR_TIMEOUT: more than EXECUTOR_MAX_TIMEOUT is not allowed", invalid);
  return config;
}

}  // namespace

void add_config_flags(CLI::App& command, FlagValues& values) {
  for (const Setting& setting : settings()) {
    const std::string variable = setting.variable;
    command
        .add_option_function<std::string>(
            setting.flag, [&values, variable](const std::string& value) { values[variable] = value; },
            std::string(setting.meaning) + "; " + setting.allowed)
        ->type_name("")
        ->description(std::string(setting.meaning) + " [" + variable + "]: " + setting.allowed);
  }
}

Result<Config> read_config(const FlagValues& flags, const Environment& environment) {
  Config config;
  for (const Setting& setting : settings()) {
    const auto given = flags.find(setting.variable);
    const bool from_flag = given != flags.end();
    const std::string value = from_flag ? given->second : environment(setting.variable).value_or("");
    if (value.empty() && !from_flag) continue;
    if (!setting.apply(config, value)) return not_allowed(setting, from_flag, value);
  }
  return check_together(std::move(config));
}

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

SpecLimits spec_limits(const Config& config) {
  SpecLimits limits;
  limits.languages = config.languages;
  limits.source_files = config.source_files;
  limits.defaults.wall_time = config.timeout;
  limits.defaults.memory_max = config.mem_limit;
  limits.defaults.nano_cpus = config.nano_cpus;
  limits.wall_time_max = config.max_timeout;
  limits.cpu_time_max = config.max_timeout;
  limits.memory_max = config.mem_limit;
  return limits;
}

SolutionLimits solution_limits(const Config& config) {
  return {.wall_time = config.max_execution_time, .memory_max = config.max_memory};
}

SpecLimits worker_limits(const Config& config) {
  SpecLimits limits = spec_limits(config);
  limits.wall_time_max = std::max(limits.wall_time_max, config.max_execution_time);
  limits.memory_max = std::max(limits.memory_max, config.max_memory);
  return limits;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::all:
      return "all";
    case Role::api:
      return "api";
    case Role::worker:
      break;
  }
  return "worker";
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      break;
  }
  return "error";
}

std::string_view to_string(QueueKind queue) {
  switch (queue) {
    case QueueKind::redis:
      return "redis";
    case QueueKind::embedded:
      return "embedded";
    case QueueKind::rabbitmq:
      break;
  }
  return "rabbitmq";
}

}  // namespace executor
