#include "telemetry/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdio>
#include <utility>

#include "telemetry/journal.hpp"

namespace executor {

namespace {

Log::Sink spdlog_sink(const LogOptions& options) {
  std::vector<spdlog::sink_ptr> sinks;
  if (options.to_stdout) sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_st>());
  if (options.to_file)
    sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_st>(options.file, options.rotate_bytes,
                                                                           options.rotate_files));
  const auto logger = std::make_shared<spdlog::logger>("executor", sinks.begin(), sinks.end());
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);  // a line is a fact even if the process dies next
  return [logger](std::string_view line) {
    logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  };
}

long long now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Result<Log> Log::open(const LogOptions& options) {
  try {
    const bool to_journal = options.to_stdout && is_journal_stream(::fileno(stdout));
    LogOptions others = options;
    others.to_stdout = options.to_stdout && !to_journal;
    Log log(spdlog_sink(others));
    log.to_journal_ = to_journal;
    return log;
  } catch (const std::exception& failure) {
    return Error("open log file \"" + options.file + "\": " + failure.what(), {});
  }
}

void Log::write(LogLevel level, std::string_view message, const Fields& fields) {
  if (level < least_) return;
  Fields record{{"level", static_cast<int>(level)}, {"time", now_ms()}, {"msg", message}};
  if (fields.is_object()) record.update(fields);
  const std::string line = record.dump(-1, ' ', true, Fields::error_handler_t::replace);
  if (to_journal_ && !send_to_journal(journal_fields(record, line))) std::puts(line.c_str());
  sink_(line);
  if (level == LogLevel::error && on_error_) on_error_(message, fields);
}

Log::Fields to_fields(const JobCompleted& job) {
  Log::Fields tests = Log::Fields::array();
  for (const JobCompleted::Test& test : job.tests)
    tests.push_back({{"index", test.index},
                     {"exitCode", test.has_exit_code ? Log::Fields(test.exit_code) : Log::Fields()},
                     {"timedOut", test.timed_out},
                     {"durationMs", test.duration_ms},
                     {"passed", test.passed < 0 ? Log::Fields() : Log::Fields(test.passed > 0)},
                     {"cpuSeconds", test.cpu_seconds},
                     {"memoryBytes", test.memory_bytes},
                     {"containerId", test.container_id}});
  return {{"traceId", job.trace_id},   {"userId", job.user_id},         {"jobId", job.job_id},
          {"workerId", job.worker_id}, {"durationMs", job.duration_ms}, {"tests", std::move(tests)}};
}

}  // namespace executor
