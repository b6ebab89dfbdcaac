#include "app/front.hpp"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <regex>
#include <stdexcept>
#include <utility>

#include "app/job_log.hpp"
#include "app/job_report.hpp"
#include "base/sys.hpp"
#include "http/execute.hpp"
#include "http/openapi.hpp"
#include "http/server.hpp"
#include "http/solution_api.hpp"
#include "queue/embedded.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/sentry_client.hpp"
#include "worker/worker.hpp"

namespace executor {

namespace asio = boost::asio;
using http::HealthPart;
using http::PartState;
using std::chrono::milliseconds;

namespace {

// After the grace time: what killed runs and last responses may take.
constexpr milliseconds kLastWords{3000};
constexpr milliseconds kSettlePeriod{5};
// At the very end: what the report of a last error may take.
constexpr milliseconds kLastReports{2000};

std::string host_name() {
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host = "unknown";
  return host.substr(0, host.find('\0'));
}

std::string worker_id() { return host_name() + ":" + std::to_string(::getpid()); }

PartState state_of(bool up) { return up ? PartState::up : PartState::down; }

/// The words without the paths in them.
std::string without_paths(const std::string& words) {
  static const std::regex path("\"?/[^\\s\":;,)]*\"?");
  return std::regex_replace(words, path, "…");
}

std::size_t index_of(const std::string& backend) {
  return backend == "native" ? 1 : backend == "docker" ? 2 : 3;
}

// The backend in use has a state; the others stand by or are not there, which is not trouble.
std::vector<HealthPart> parts_of(const Backend* backend, const std::vector<BackendNote>& refused) {
  std::vector<HealthPart> parts{{"supervisor"}, {"nativeBackend"}, {"dockerBackend"}, {"localFallback"}};
  for (HealthPart& part : parts) part.detail = "not in use";
  for (const BackendNote& note : refused)
    parts[index_of(note.name)].detail = "not available at the start: " + without_paths(note.why);
  if (backend == nullptr) return parts;
  const Backend::Status status = backend->status();
  const std::string name = backend->name();
  const auto set = [&](std::size_t index) {
    parts[index].state = state_of(status.ready);
    parts[index].detail = status.detail;
  };
  if (name == "native") set(0);
  set(index_of(name));
  return parts;
}

class Front {
 public:
  Front(const Config& config, FrontParts parts, Log log)
      : config_(config),
        parts_(std::move(parts)),
        log_(std::move(log)),
        sentry_(make_sentry()),
        queue_(make_queue()),
        backend_(config.role == Role::api ? nullptr : parts_.backend(context_)),
        validator_(parts_.validator(context_)),
        server_(context_, endpoints(), server_limits(), server_events()) {
    log_.set_level(config_.log_level);
    if (parts_.watch) parts_.watch(context_, [this] { on_lost(); });
    if (config_.role == Role::api) return;
    worker_ = std::make_unique<Worker>(
        context_,
        Worker::Parts{*queue_, *backend_, validator_.get(), worker_limits(config_), config_.max_concurrency},
        worker_events());
  }

  int run() {
    const std::uint16_t port = listen();
    tell_backend();
    if (worker_) worker_->start();
    wait_for_signal();
    if (parts_.reload) {
      hangup_.add(SIGHUP);
      wait_for_reload();
    }
    start_watchdog();
    log_.info("server_listening", {{"host", config_.host},
                                   {"port", port},
                                   {"role", to_string(config_.role)},
                                   {"queue", to_string(config_.queue)},
                                   {"backend", backend_ ? backend_->name() : "none"},
                                   {"workerId", worker_id_}});
    ::sd_notify(0, "READY=1");
    if (parts_.listening) parts_.listening(port);
    context_.run();
    job_log_.flush();
    take_back();
    job_log_.flush();
    log_.info("server_stopped", {{"status", status_}});
    return status_;
  }

 private:
  // -- wiring

  void tell_backend() {
    if (parts_.backend_name.empty()) return;
    std::string reason =
        parts_.refused_backends.empty() ? "the first that was tried" : "the first that works";
    for (const BackendNote& note : parts_.refused_backends) reason += "; " + note.name + ": " + note.why;
    const Log::Fields fields = {{"backend", parts_.backend_name}, {"reason", reason}};
    parts_.refused_backends.empty() ? log_.info("backend_chosen", fields)
                                    : log_.warn("backend_chosen", fields);
    for (const BackendNote& note : parts_.refused_languages)
      log_.warn("language_refused", {{"language", note.name}, {"detail", note.why}});
  }

  // Its own socket, or the one that systemd listens on for it (sd_listen_fds(3)).
  std::uint16_t listen() {
    const int handed = ::sd_listen_fds(1);
    if (handed > 0 &&
        (handed != 1 || ::sd_is_socket_inet(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1, 0) <= 0))
      throw std::runtime_error("LISTEN_FDS: one listening TCP socket is wanted of the service manager");
    const auto port =
        handed > 0 ? server_.adopt(SD_LISTEN_FDS_START) : server_.listen(config_.host, config_.port);
    if (!port) throw std::runtime_error("EXECUTOR_HOST, EXECUTOR_PORT: " + port.error().message());
    return *port;
  }

  // Every error of the log, whoever wrote it.
  std::unique_ptr<SentryClient> make_sentry() {
    if (!parts_.sentry) return nullptr;
    log_.set_error_listener([this](std::string_view name, const Log::Fields& fields) {
      if (sentry_) sentry_->report(name, fields);
    });
    const SentrySender sender{"executor@" + parts_.version, host_name(),
                              std::string(to_string(config_.role))};
    return std::make_unique<SentryClient>(
        context_, SentryClient::Parts{*parts_.sentry, sender, [this](const std::string& why) {
                                        log_.warn("error_report_dropped", {{"detail", why}});
                                      }});
  }

  bool embedded() const { return config_.queue == QueueKind::embedded; }

  std::unique_ptr<Queue> make_queue() {
    if (parts_.queue) return parts_.queue(context_, log_);
    if (!embedded()) throw std::runtime_error("EXECUTOR_QUEUE: this build has no such queue");
    return std::make_unique<EmbeddedQueue>(context_, EmbeddedQueueOptions{.capacity = config_.queue_limit});
  }

  http::ServerLimits server_limits() const {
    http::ServerLimits limits;
    limits.connections = config_.max_connections;
    limits.parser.body_bytes = config_.max_body;
    return limits;
  }

  http::EndpointTable endpoints() {
    const auto health = [this] { return probe(); };
    http::EndpointTable table(
        {{"GET", "/health", http::health_handler(health)},
         {"GET", "/ready", http::ready_handler(health)},
         {"GET", "/openapi.json", http::openapi_handler()},
         {"GET", "/metrics", http::metrics_handler([this] { return render_metrics(); })}});
    if (config_.role == Role::worker) return table;
    http::ExecuteParts plain = execute_parts();
    plain.jobs = &jobs_;
    table.add({"POST", "/execute", http::execute_handler(std::move(plain))});
    table.add({"GET", "/jobs/{id}", [this](const http::ExchangePtr& exchange) { jobs_.get(exchange); }});
    table.add(
        {"DELETE", "/jobs/{id}", [this](const http::ExchangePtr& exchange) { jobs_.remove(exchange); }});
    table.add(
        {"GET", "/jobs/{id}/events", [this](const http::ExchangePtr& exchange) { jobs_.events(exchange); }});
    table.add({"POST", "/api/execute",
               http::solution_api_handler(execute_parts(), api_tokens_, solution_limits(config_))});
    return table;
  }

  http::ExecuteParts execute_parts() {
    return {.queue = *queue_,
            .validator = *validator_,
            .limits = spec_limits(config_),
            .job_text = !embedded(),
            .admission = admission_,
            .draining = [this] { return draining_ && !server_.adopted(); },  // who is new there is not read
            .rejected = [this](std::string_view reason) { metrics_.rejected(reason); },
            .failed =
                [this](std::string_view what) {
                  log_.error("internal_error", {{"detail", what}});
                },
            .abandoned = [this](const std::string& job_id) { cancel_run(job_id); }};
  }

  void cancel_run(const std::string& job_id) {
    if (worker_) worker_->cancel(job_id);
  }

  http::Server::Events server_events() {
    return {.rejected = [this](std::string_view reason) { metrics_.rejected(reason); },
            .failed =
                [this](std::string_view what) {
                  log_.error("internal_error", {{"detail", what}});
                },
            .quiet = [this] { on_quiet(); }};
  }

  WorkerEvents worker_events() {
    return {
        .completed =
            [this](const JobReport& report) {
              count(report, metrics_);
              job_log_.add(log_record(report, worker_id_));
            },
        .failed =
            [this](const std::string& job_id, const std::string& reason) {
              log_.error("worker_run_failed",
                         {{"jobId", job_id}, {"workerId", worker_id_}, {"reason", reason}});
            },
        .refused =
            [this](const std::string& job_id, const std::string& code) {
              metrics_.rejected(code);
              log_.warn("worker_job_refused", {{"jobId", job_id}, {"workerId", worker_id_}, {"code", code}});
            }};
  }

  // -- what is seen from outside

  http::Health probe() {
    const Queue::Status queue = queue_->status();
    const std::optional<Backend::Status> parser =
        backend_ || !parts_.parser ? std::nullopt : std::optional(parts_.parser(context_));
    const bool backend_ready = (!worker_ || backend_->status().ready) && (!parser || parser->ready);
    http::Health health{.healthy = queue.ready && backend_ready, .draining = draining_};
    health.ready = health.healthy && !draining_;
    health.parts =
        parts_.health ? parts_.health(backend_.get()) : parts_of(backend_.get(), parts_.refused_backends);
    if (parser && !parts_.health && parts_.backend_name == "native")
      health.parts.front() = {"supervisor", state_of(parser->ready), parser->detail};
    health.parts.insert(health.parts.begin(), {"queue", state_of(queue.ready), queue.detail});
    return health;
  }

  std::string render_metrics() {
    Metrics::Snapshot snapshot{.http_connections = server_.connections()};
    snapshot.backend = parts_.backend_name;
    if (sentry_) {
      snapshot.reports_sent = sentry_->sent();
      snapshot.reports_dropped = sentry_->dropped();
    }
    const Queue::Status queue = queue_->status();
    snapshot.queue_depth = queue.depth;
    snapshot.queue_oldest = queue.oldest;
    if (backend_) {
      const Backend::Status status = backend_->status();
      snapshot.warm_pool_size = status.warm;
      snapshot.warm_pool_wanted = status.warm_wanted;
      snapshot.warm_pool_hits = status.warm_hits;
      snapshot.warm_pool_misses = status.warm_misses;
      snapshot.sandboxes_live = status.live;
      snapshot.figures = status.figures;
      snapshot.leaks_removed = status.leaks_removed;
    }
    return metrics_.render(snapshot);
  }

  // systemd restarts a service whose loop no longer turns (WatchdogSec=).
  void start_watchdog() {
    std::uint64_t period = 0;
    if (::sd_watchdog_enabled(0, &period) <= 0) return;
    watchdog_.expires_after(std::chrono::microseconds(period / 2));
    watchdog_.async_wait([this](const boost::system::error_code& code) {
      if (code) return;
      ::sd_notify(0, "WATCHDOG=1");
      start_watchdog();
    });
  }

  // systemd's protocol of a reload: sd_notify(3).
  void wait_for_reload() {
    hangup_.async_wait([this](const boost::system::error_code& code, int) {
      if (code) return;
      const auto now = std::chrono::steady_clock::now().time_since_epoch();
      const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
      ::sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
      reload();
      ::sd_notify(0, "READY=1");
      wait_for_reload();
    });
  }

  void reload() {
    const Result<Config> config = parts_.reload();
    if (!config) return log_.error("settings_refused", {{"detail", config.error().message()}});
    if (!config->api_tokens_file.empty()) {
      auto tokens = http::ApiTokens::read(config->api_tokens_file);
      if (!tokens)
        return log_.error("settings_refused",
                          {{"detail", "EXECUTOR_API_TOKENS_FILE: " + tokens.error().message()}});
      *api_tokens_ = std::move(*tokens);
    }
    job_log_.flush();
    config_.log_level = config->log_level;
    log_.set_level(LogLevel::info);  // this line is wanted at every level
    log_.info("settings_reloaded", {{"logLevel", to_string(config_.log_level)}});
    log_.set_level(config_.log_level);
  }

  // -- the way out: refuse new work, finish what runs, leave

  void on_lost() {
    job_log_.flush();
    log_.error(
        "sandboxes_lost",
        {{"detail", "the steward ended, so no program can run here; the service ends to be started again"}});
    status_ = 1;
    if (draining_) return;
    ::sd_notify(0, "STOPPING=1\nSTATUS=the steward ended");
    drain();
    if (!embedded()) drain_worker(config_.drain_time);
  }

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& code, int signal) {
      if (code) return;
      if (draining_) {
        status_ = 1;
        return end();
      }
      job_log_.flush();
      log_.info("server_stopping", {{"signal", signal}, {"jobs", worker_ ? worker_->jobs() : 0}});
      ::sd_notify(0, "STOPPING=1");
      wait_for_signal();
      drain();
    });
  }

  // Jobs are taken until each client here has its answer, as nobody else may be there to take them. What then
  // waits in a queue that outlives this process is left to other workers.
  void drain() {
    draining_ = true;
    drain_end_ = std::chrono::steady_clock::now() + config_.drain_time;
    server_.drain();
    drain_timer_.expires_after(config_.drain_time);
    drain_timer_.async_wait([this](const boost::system::error_code& code) {
      if (!code) on_grace_over();
    });
  }

  void on_quiet() {
    quiet_ = true;
    const auto left = drain_end_ - std::chrono::steady_clock::now();
    drain_worker(embedded() ? milliseconds(0) : std::chrono::ceil<milliseconds>(left));
    leave_when_settled();
  }

  void on_grace_over() {
    job_log_.flush();
    log_.warn("drain_grace_over", {{"jobs", worker_ ? worker_->jobs() : 0}});
    drain_worker(milliseconds(0));
    drain_timer_.expires_after(kLastWords);
    drain_timer_.async_wait([this](const boost::system::error_code& code) {
      if (!code) leave();
    });
  }

  void drain_worker(milliseconds grace) {
    if (!worker_) worker_done_ = true;
    if (!worker_ || std::exchange(worker_draining_, true)) return;
    worker_->drain(grace, [this] {
      worker_done_ = true;
      leave_when_settled();
    });
  }

  // Settled: every response written, no job in hand, and the queue's server knows how each of them ended.
  void leave_when_settled() {
    if (!quiet_ || !worker_done_) return;
    if (queue_->status().leased == 0) return leave();
    settle_timer_.expires_after(kSettlePeriod);
    settle_timer_.async_wait([this](const boost::system::error_code& code) {
      if (!code) leave_when_settled();
    });
  }

  void leave() {
    if (!sentry_) return end();
    sentry_->flush(kLastReports, [this] { end(); });
  }

  /// What a backend has made ahead, or has begun to make and has not been told of yet.
  void take_back() {
    validator_.reset();
    if (parts_.give_back) parts_.give_back();
    context_.restart();
    const auto until = std::chrono::steady_clock::now() + kLastWords;
    while (parts_.settled && !parts_.settled() && !context_.stopped() &&
           std::chrono::steady_clock::now() < until)
      context_.run_for(kSettlePeriod);
  }

  void end() {
    server_.stop();
    context_.stop();
  }

  asio::io_context context_{1};  // outlives all that is made on it, also by the factories of parts_
  Config config_;
  FrontParts parts_;
  std::shared_ptr<http::ApiTokens> api_tokens_ = std::make_shared<http::ApiTokens>(parts_.api_tokens);
  Log log_;
  JobLog job_log_{context_, log_};
  Metrics metrics_{};
  std::string worker_id_ = worker_id();
  asio::signal_set signals_{context_, SIGTERM, SIGINT};
  asio::signal_set hangup_{context_};
  asio::steady_timer watchdog_{context_};
  asio::steady_timer drain_timer_{context_};
  asio::steady_timer settle_timer_{context_};
  std::chrono::steady_clock::time_point drain_end_{};
  bool draining_ = false;
  bool quiet_ = false;
  bool worker_draining_ = false;
  bool worker_done_ = false;
  int status_ = 0;
  http::Jobs jobs_{
      context_,
      {},
      {.look_up = [this](const std::string& id, const Queue::Known& known) { queue_->look_up(id, known); },
       .follow = [this](const std::string& id, const Queue::Known& known,
                        const Queue::Listener& listener) { queue_->follow(id, known, listener); },
       .cancel = [this](const std::string& id, const Queue::Known& known) { queue_->cancel(id, known); },
       .abandon =
           [this](const std::string& id) {
             queue_->abandon(id);
             cancel_run(id);
           }}};
  std::shared_ptr<http::Admission> admission_ =
      std::make_shared<http::Admission>(config_.user_share, config_.token_share);
  std::unique_ptr<SentryClient> sentry_;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Validator> validator_;
  std::unique_ptr<Worker> worker_{};
  http::Server server_;
};

Log open_log(const Config& config, Log::Sink sink) {
  if (sink) return Log(std::move(sink));
  auto log = Log::open({.to_file = config.log_to_file, .file = config.log_file});
  if (!log)
    throw std::runtime_error("LOG_FILE: " + log.error().message() + "; LOG_TO_FILE=false does without");
  return std::move(*log);
}

}  // namespace

int run_front(const Config& config, FrontParts parts) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that closes early is an error code of one write
  sys::prefer_latency();
  try {
    Log log = open_log(config, std::exchange(parts.log, nullptr));
    return Front(config, std::move(parts), std::move(log)).run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "executor serve: %s\n", failure.what());
    return 1;
  }
}

}  // namespace executor
