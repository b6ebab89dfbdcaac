// Sends errors to a Sentry server as they are logged: over HTTP or HTTPS, one at a time, none waited for.
//
// What cannot be sent is dropped and counted, never kept from the service: a server that is away costs a
// connection attempt now and then. A server's certificate is verified by OpenSSL's trusted ones.
//
// Ownership: owns its connection; must not outlive the io_context. Thread safety: the io_context's thread
// only (a host's name is resolved by Asio on a thread of its own).
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "telemetry/sentry_dsn.hpp"
#include "telemetry/sentry_report.hpp"

namespace executor {

class SentryClient {
 public:
  struct Parts {
    SentryDsn dsn;
    SentrySender sender;
    /// Why one report did not arrive; for the log, below the level that is reported.
    std::function<void(const std::string& why)> trouble{};
  };

  SentryClient(boost::asio::io_context& context, Parts parts, SentryOutbox::Limits limits = {});
  ~SentryClient();
  SentryClient(const SentryClient&) = delete;
  SentryClient& operator=(const SentryClient&) = delete;

  /// One record of the log at level error. Returns at once.
  void report(std::string_view name, const nlohmann::ordered_json& fields);
  /// Calls `done` once nothing waits to be sent, or after `most`. Once.
  void flush(std::chrono::milliseconds most, std::function<void()> done);

  [[nodiscard]] std::uint64_t sent() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace executor
