// The service's log: one JSON object a line, in the shape that Pino writes: level, time, msg, then the
// record's fields.
//
// Callers pass ids, names and figures. Source code, inputs, outputs and tokens have no business here.
// Every byte that is not printable ASCII leaves as an escape, so no value can break a line or steer a
// terminal.
//
// Ownership: owns its sinks. Thread safety: one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"
#include "executor/limits.hpp"
#include "telemetry/log_level.hpp"

namespace executor {

struct LogOptions {
  bool to_stdout = true;
  bool to_file = true;
  std::string file = "logs/executor.log";  ///< its directory is made when it is missing
  std::size_t rotate_bytes = 32 * kMiB;
  std::size_t rotate_files = 5;  ///< kept beside the one being written
};

class Log {
 public:
  using Fields = nlohmann::ordered_json;
  using Sink = std::function<void(std::string_view line)>;  ///< gets each line without its newline
  using Listener = std::function<void(std::string_view message, const Fields& fields)>;

  explicit Log(Sink sink) : sink_(std::move(sink)) {}

  /// Writes to standard output, to a file that is rotated by size, or to both. Where standard output is the
  /// journal's stream, lines go there by the journal's own protocol, with fields (journal.hpp).
  static Result<Log> open(const LogOptions& options);

  /// Records below this level are dropped.
  void set_level(LogLevel least) { least_ = least; }
  /// Hears of each record at level error once it is written; must log nothing at that level itself.
  void set_error_listener(Listener listener) { on_error_ = std::move(listener); }

  void write(LogLevel level, std::string_view message, const Fields& fields = {});
  void info(std::string_view message, const Fields& fields = {}) { write(LogLevel::info, message, fields); }
  void warn(std::string_view message, const Fields& fields = {}) { write(LogLevel::warn, message, fields); }
  void error(std::string_view message, const Fields& fields = {}) { write(LogLevel::error, message, fields); }

 private:
  Sink sink_;
  Listener on_error_{};
  bool to_journal_ = false;
  LogLevel least_ = LogLevel::info;
};

/// What is logged of a finished job as "worker_job_completed".
struct JobCompleted {
  struct Test {
    int index = 0;
    int exit_code = 0;
    bool has_exit_code = true;  ///< false is null: ended by a signal or a limit
    bool timed_out = false;
    double duration_ms = 0;
    int passed = -1;  ///< 1, 0, or -1 for null (nothing was expected)
    double cpu_seconds = 0;
    std::uint64_t memory_bytes = 0;
    std::string container_id{};
  };
  std::string trace_id{};
  std::string user_id{};
  std::string job_id{};
  std::string worker_id{};
  double duration_ms = 0;
  std::vector<Test> tests{};
};

Log::Fields to_fields(const JobCompleted& job);

}  // namespace executor
