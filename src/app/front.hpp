// The front process of `executor serve`: one thread, one io_context, and on it the HTTP server, the queue,
// the worker and the clients of validator and backend. This file wires them and stops them in order.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "backend/backend.hpp"
#include "http/api_tokens.hpp"
#include "http/health.hpp"
#include "queue/queue.hpp"
#include "telemetry/log.hpp"
#include "telemetry/sentry_dsn.hpp"
#include "validation/validator.hpp"

namespace executor {

/// A backend that was tried at the start, and why it is not used.
struct BackendNote {
  std::string name;
  std::string why;
};

/// What main.cpp hands in. Factories are called once, on the thread of run_front(); they may throw, which
/// stops the start with the message.
struct FrontParts {
  std::function<std::unique_ptr<Backend>(boost::asio::io_context&)> backend{};  ///< not called for role api
  std::function<std::unique_ptr<Validator>(boost::asio::io_context&)> validator{};  ///< always needed
  /// State of the supervisor that parses sources, where that is one; for role api, which runs nothing else.
  std::function<Backend::Status(boost::asio::io_context&)> parser{};
  /// Empty: the embedded queue. The log outlives the queue.
  std::function<std::unique_ptr<Queue>(boost::asio::io_context&, Log&)> queue{};
  /// The parts of /health beside the queue; empty: derived from the backend in use.
  std::function<std::vector<http::HealthPart>(const Backend*)> health{};
  /// Whether nothing is being made or taken apart that the end of this process would leave behind; it is
  /// waited for, a few seconds. Empty: there never is.
  std::function<bool()> settled{};
  /// Called at the end, before that: gives back what was made ahead.
  std::function<void()> give_back{};
  std::string backend_name{};  ///< of the backend that the start has chosen, also where none runs (role api)
  std::vector<BackendNote> refused_backends{};
  std::vector<BackendNote> refused_languages{};  ///< that the chosen one would run, and what is missing
  http::ApiTokens api_tokens{};                  ///< of POST /api/execute
  std::optional<SentryDsn> sentry{};             ///< where each error of the log is reported as well
  std::string version{};                         ///< the program's, for those reports
  /// Called once with what to call when nothing here can run a program any more: the front then answers or
  /// gives back what it has, and ends with status 1 for the service manager to start all anew.
  std::function<void(boost::asio::io_context&, std::function<void()> lost)> watch{};
  /// The settings as they stand now, for SIGHUP, which takes over the log level. Empty: SIGHUP ends the
  /// process.
  std::function<Result<Config>()> reload{};
  /// Called with the port once the server listens; for tests.
  std::function<void(std::uint16_t)> listening{};
  /// Where log lines go instead of standard output and LOG_FILE; for tests.
  Log::Sink log{};
};

/// Serves until SIGTERM or SIGINT, then drains: nothing new is accepted, what runs is finished within
/// Config::drain_time, the rest is given back or answered 503. A second signal ends it at once.
/// Returns the exit status: 0 after a drain, 1 when the start failed, a second signal came, or what runs the
/// programs was lost. Accepts on the socket that systemd hands over, where it does.
int run_front(const Config& config, FrontParts parts);

}  // namespace executor
