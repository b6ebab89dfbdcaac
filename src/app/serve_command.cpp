#include "app/serve_command.hpp"

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

#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/confinement.hpp"
#include "app/front.hpp"
#include "backend/native.hpp"
#include "backend/native_start.hpp"
#include "queue/redis_queue.hpp"
#include "queue/redis_url.hpp"
#include "validation/sandbox_channel.hpp"
#include "validation/sandbox_validator.hpp"

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
  const SpecLimits limits = spec_limits(config);
  options.defaults = limits.defaults;
  options.defaults.cpu_time = options.defaults.wall_time;
  return options;
}

/// The supervisor's client, made once and shared by backend and validator.
class Clients {
 public:
  explicit Clients(supervisor::Connection connection) : connection_(std::move(connection)) {}
  std::shared_ptr<supervisor::Client> get(asio::io_context& context) {
    if (!client_) client_ = std::make_shared<supervisor::Client>(context, std::move(connection_));
    return client_;
  }

 private:
  supervisor::Connection connection_;
  std::shared_ptr<supervisor::Client> client_;
};

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

/// The parts alone own the client, so that it ends with the front and never after its io_context.
FrontParts front_parts(const Config& config, supervisor::Connection connection) {
  const auto clients = std::make_shared<Clients>(std::move(connection));
  FrontParts parts;
  parts.backend = [clients](asio::io_context& context) -> std::unique_ptr<Backend> {
    return std::make_unique<NativeBackend>(clients->get(context));
  };
  parts.validator = [clients, config](asio::io_context& context) -> std::unique_ptr<Validator> {
    SandboxValidatorOptions options;
    options.policy = {config.validation, config.allowed_modules, config.allowed_builtins};
    auto validator = std::make_unique<SandboxValidator>(
        context.get_executor(), sandbox_channels(context, clients->get(context)), std::move(options));
    validator->start();
    return validator;
  };
  if (config.queue == QueueKind::redis)
    parts.queue = [config](asio::io_context& context, Log& log) { return redis_queue(context, config, log); };
  return parts;
}

int serve(const Config& config) {
  boost::system::error_code malformed;
  asio::ip::make_address(config.host, malformed);
  if (malformed)
    return complain(2, "EXECUTOR_HOST: \"" + config.host + "\"; an IPv4 or IPv6 address is allowed");
  if (config.queue == QueueKind::redis)
    if (const auto url = parse_redis_url(config.redis_url); !url)
      return complain(2, "EXECUTOR_REDIS_URL: " + url.error().what);
  if (config.queue == QueueKind::rabbitmq)
    return complain(2,
                    "EXECUTOR_QUEUE: \"rabbitmq\" is not available in this version; redis or embedded are");
  if (config.backend == BackendKind::docker || config.backend == BackendKind::local)
    return complain(
        2, "EXECUTOR_BACKEND: this version has the native backend alone; auto or native are allowed");
  const auto confinement = Confinement::prepare();
  if (!confinement) return complain(kStartFailed, confinement.error().message());
  auto handle = start_native(native_options(config));
  if (!handle)
    return complain(kNoSandbox, handle.error().message() +
                                    "\nNothing weaker is used instead. `executor doctor` says "
                                    "what this host lacks and what provides it.");
  if (handle->privileged) {
    const ServiceIds ids = service_ids();
    give_log_file(config, ids);
    if (auto dropped = supervisor::drop_privileges(ids.uid, ids.gid); !dropped)
      return complain(kStartFailed, dropped.error().message());
  }
  FrontParts parts = front_parts(config, std::move(handle->connection));
  parts.listening = [&confinement](std::uint16_t) {
    if (auto entered = confinement->enter(); !entered) throw std::runtime_error(entered.error().message());
  };
  const int status = run_front(config, std::move(parts));
  supervisor::wait_for_end(*handle);
  return status;
}

}  // namespace

int serve_command(const std::vector<std::string>& args) {
  CLI::App app("Serves POST /execute over HTTP and runs the jobs of its queue, each test in a fresh sandbox.",
               "executor serve");
  app.footer(
      "Exit status: 0 after an orderly stop, 1 the start failed or a second signal came, "
      "2 wrong arguments or settings, 3 no sandbox can be built on this host.");
  FlagValues flags;
  add_config_flags(app, flags);
  if (const auto status = parse_command_line(app, args)) return *status;
  auto config = read_config(flags, process_environment());
  if (!config) return complain(2, config.error().message());
  return serve(*config);
}

}  // namespace executor
