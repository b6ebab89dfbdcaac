#include "app/serve_command.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "app/backend_choice.hpp"
#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/confinement.hpp"
#include "app/front.hpp"
#include "app/settings_file.hpp"
#include "backend/native_start.hpp"
#include "base/huge_pages.hpp"
#include "base/unique_fd.hpp"
#include "queue/rabbitmq_queue.hpp"
#include "queue/rabbitmq_url.hpp"
#include "queue/redis_queue.hpp"
#include "queue/redis_url.hpp"

namespace executor {

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr int kStartFailed = 1;
constexpr int kNoSandbox = 3;

int complain(int status, const std::string& message) {
  std::fprintf(stderr, "executor serve: %s\n", message.c_str());
  return status;
}

/// The log file must stay writable for the user that the front becomes.
void give_log_file(const Config& config, const ServiceIds& ids) {
  if (!config.log_to_file) return;
  const fs::path file(config.log_file);
  std::error_code error;
  const bool ours = file.has_parent_path() && fs::create_directories(file.parent_path(), error);
  const auto give = [&](const fs::path& path) {
    if (::lchown(path.c_str(), ids.uid, ids.gid) != 0)
      std::fprintf(stderr, "executor serve: cannot give \"%s\" to the service's user\n", path.c_str());
  };
  if (ours) give(file.parent_path());
  // in a directory of root's the service itself could not make it
  UniqueFd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644)).reset();
  // a directory of the service's own name and contents; never one that others use, such as /var/log
  if (file.has_parent_path() && file.parent_path().filename() == "logs") give(file.parent_path());
  if (fs::exists(file, error)) give(file);
}

NativeOptions native_options(const Config& config) {
  NativeOptions options;
  const bool runs = config.role != Role::api;
  options.concurrency = runs ? static_cast<std::uint32_t>(config.max_concurrency) : 0;
  const std::size_t pool = config.warm_pool.value_or(config.max_concurrency);
  options.warm_pool = runs ? static_cast<std::uint32_t>(pool) : 0;
  options.pool_idle = config.warm_pool_idle;
  const SpecLimits limits = spec_limits(config);
  options.defaults = limits.defaults;
  options.defaults.cpu_time = options.defaults.wall_time;
  return options;
}

std::unique_ptr<Queue> redis_queue(asio::io_context& context, const Config& config, Log& log) {
  RedisQueueOptions options;
  options.log = [&log](RedisLogLevel level, std::string_view line) {
    const Log::Fields fields = {{"detail", line}};
    if (level == RedisLogLevel::info) return log.info("queue", fields);
    return level == RedisLogLevel::warning ? log.warn("queue", fields) : log.error("queue", fields);
  };
  options.url = config.redis_url;
  options.queue_key = config.queue_key;
  options.max_waiting = config.queue_limit;
  return make_redis_queue(context, options);
}

std::unique_ptr<Queue> rabbit_queue(asio::io_context& context, const Config& config, Log& log) {
  RabbitQueueOptions options;
  options.log = [&log](RabbitLogLevel level, std::string_view line) {
    const Log::Fields fields = {{"detail", line}};
    if (level == RabbitLogLevel::info) return log.info("queue", fields);
    return level == RabbitLogLevel::warning ? log.warn("queue", fields) : log.error("queue", fields);
  };
  options.url = config.rabbitmq_url;
  options.max_waiting = config.queue_limit;
  options.forms = {.limits = worker_limits(config), .solution = solution_limits(config)};
  return make_rabbit_queue(context, options);
}

/// The settings as they would be at a start now: flags, then the file, then the environment of the start.
Result<Config> settings_now(const FlagValues& flags, const std::string& file) {
  const auto values = read_settings_file(file);
  if (!values) return values.error();
  return read_config(flags, [&values](const char* name) {
    const auto found = values->find(name);
    return found == values->end() ? process_environment()(name) : std::optional(found->second);
  });
}

int serve(Config config, const FlagValues& flags) {
  boost::system::error_code malformed;
  asio::ip::make_address(config.host, malformed);
  if (malformed)
    return complain(2, "EXECUTOR_HOST: \"" + config.host + "\"; an IPv4 or IPv6 address is allowed");
  if (config.queue == QueueKind::redis)
    if (const auto url = parse_redis_url(config.redis_url); !url)
      return complain(2, "EXECUTOR_REDIS_URL: " + url.error().what);
  if (config.queue == QueueKind::rabbitmq)
    if (const auto url = parse_rabbit_url(config.rabbitmq_url); !url)
      return complain(2, "EXECUTOR_RABBITMQ_URL: " + url.error().what);
  std::optional<SentryDsn> sentry;
  if (!config.sentry_dsn.empty()) {
    const auto dsn = parse_sentry_dsn(config.sentry_dsn);
    if (!dsn) return complain(2, "SENTRY_DSN: " + dsn.error().what);
    sentry = *dsn;
  }
  move_text_to_huge_pages();  // after a pause no program waits for many small pages of code to be found
  const auto confinement = Confinement::prepare();
  if (!confinement) return complain(kStartFailed, confinement.error().message());
  auto choice = choose_backend(config, native_options(config));
  if (!choice)
    return complain(kNoSandbox, choice.error().message() +
                                    "\nNothing weaker is used instead. `executor doctor` says "
                                    "what this host lacks and what provides it.");
  set_languages(*choice, config);
  // after the fork, so that no token stands in another process, and while the file can still be read
  auto tokens =
      config.api_tokens_file.empty() ? http::ApiTokens() : http::ApiTokens::read(config.api_tokens_file);
  if (!tokens) return complain(2, "EXECUTOR_API_TOKENS_FILE: " + tokens.error().message());
  if (choice->drops) {
    give_log_file(config, {choice->uid, choice->gid});
    if (auto dropped = supervisor::drop_privileges(choice->uid, choice->gid); !dropped)
      return complain(kStartFailed, dropped.error().message());
  }
  FrontParts parts = front_parts(config, *choice);
  parts.api_tokens = std::move(*tokens);
  parts.sentry = std::move(sentry);
  parts.version = EXECUTOR_VERSION;
  if (config.queue == QueueKind::redis)
    parts.queue = [config](asio::io_context& context, Log& log) { return redis_queue(context, config, log); };
  if (config.queue == QueueKind::rabbitmq)
    parts.queue = [config](asio::io_context& context, Log& log) {
      return rabbit_queue(context, config, log);
    };
  if (!config.environment_file.empty())
    parts.reload = [flags, file = config.environment_file] { return settings_now(flags, file); };
  parts.listening = [&confinement](std::uint16_t) {
    if (auto entered = confinement->enter(); !entered) throw std::runtime_error(entered.error().message());
  };
  const int status = run_front(config, std::move(parts));
  if (choice->steward) supervisor::wait_for_end(*choice->steward);
  return status;
}

}  // namespace

int serve_command(const std::vector<std::string>& args) {
  CLI::App app("Serves POST /execute over HTTP and runs the jobs of its queue, each test in a fresh sandbox.",
               "executor serve");
  app.footer(
      "Exit status: 0 after an orderly stop, 1 the start failed, a second signal came or the sandboxes' "
      "steward was lost, 2 wrong arguments or settings, 3 no backend works on this host.");
  FlagValues flags;
  add_config_flags(app, flags);
  if (const auto status = parse_command_line(app, args)) return *status;
  auto config = read_config(flags, process_environment());
  if (!config) return complain(2, config.error().message());
  return serve(std::move(*config), flags);
}

}  // namespace executor
