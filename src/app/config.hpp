// The service's settings: environment variables, and flags of the same meaning that win over them.
//
// One table (config.cpp) names each setting once: variable, flag, what is allowed, what it means. A value
// that is not allowed stops the start with the setting's name and what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "http/admission.hpp"
#include "spec/solution_form.hpp"
#include "spec/spec_limits.hpp"
#include "telemetry/log_level.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace executor {

enum class Role { all, api, worker };
enum class QueueKind { redis, embedded, rabbitmq };
enum class BackendKind { automatic, native, docker, local };

struct Config {
  Role role = Role::all;
  QueueKind queue = QueueKind::redis;
  BackendKind backend = BackendKind::automatic;
  std::string host = "127.0.0.1";
  std::uint16_t port = 4060;  ///< 0 takes a free one
  std::string redis_url = "redis://localhost:6379";
  std::string queue_key = "executor:tasks";
  std::string rabbitmq_url = "amqp://localhost:5672";
  std::size_t queue_limit = 1000;  ///< jobs that may wait in the embedded queue
  std::size_t max_concurrency = 5;
  std::optional<std::size_t> warm_pool{};             ///< nothing: sized to the concurrency
  std::chrono::milliseconds warm_pool_idle{300'000};  ///< without a job so long, the pool shrinks
  std::uint64_t mem_limit = 256 * kMiB;               ///< bytes
  std::uint64_t nano_cpus = 1'000'000'000;
  std::chrono::milliseconds timeout{3000};
  std::chrono::milliseconds max_timeout{60'000};  ///< the most that a test may ask for
  std::vector<std::string> allowed_modules{"math", "random", "statistics"};
  std::optional<std::vector<std::string>> allowed_builtins{};  ///< nothing: the validator's own list
  bool validation = true;
  bool compile_once = true;  ///< a source for all its tests, where it is checked
  bool local_fallback = true;
  std::string docker_image = "python:3.12-alpine";
  std::string docker_image_javascript = "node:18-bookworm-slim";  ///< "none": no JavaScript in Docker
  std::uint32_t docker_warm = 0;
  std::string docker_socket = "/var/run/docker.sock";
  std::string sentry_dsn{};
  std::string api_tokens_file{};
  http::Share user_share{};                              ///< unfinished jobs of one userId
  http::Share token_share{};                             ///< and of one token
  std::chrono::milliseconds max_execution_time{10'000};  ///< of POST /api/execute
  std::uint64_t max_memory = 256 * kMiB;                 ///< bytes, of POST /api/execute
  std::string log_file = "logs/executor.log";
  bool log_to_file = true;
  LogLevel log_level = LogLevel::info;
  std::string environment_file{};  ///< what SIGHUP reads again
  std::size_t max_connections = 1024;
  std::uint64_t max_body = 4 * kMiB;             ///< bytes
  std::chrono::milliseconds drain_time{10'000};  ///< what a stop gives running jobs

  /// Not set by anybody: what the chosen backend can run, and the names of their sources' files.
  std::vector<std::string> languages{"python"};
  std::vector<std::string> source_files{"main.py"};
};

/// Values of flags, by the name of their variable.
using FlagValues = std::map<std::string, std::string>;
/// Looks a variable up; nothing where it is unset.
using Environment = std::function<std::optional<std::string>(const char*)>;

/// Adds a flag for each setting to a subcommand; what is given ends in `values`, which outlives the parse.
void add_config_flags(CLI::App& command, FlagValues& values);

/// Flags over environment over defaults. An empty variable counts as unset. The Error names the setting, its
/// value (unless it may hold a secret) and what is allowed.
Result<Config> read_config(const FlagValues& flags, const Environment& environment);

/// std::getenv as an Environment.
Environment process_environment();

/// What a request may ask for under this configuration.
SpecLimits spec_limits(const Config& config);

/// What each test of POST /api/execute may use.
SolutionLimits solution_limits(const Config& config);

/// What a job from the queue may ask for: the larger of both.
SpecLimits worker_limits(const Config& config);

std::string_view to_string(Role role);
std::string_view to_string(QueueKind queue);
std::string_view to_string(LogLevel level);

}  // namespace executor
