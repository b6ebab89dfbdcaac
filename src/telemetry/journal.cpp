#include "telemetry/journal.hpp"

#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace executor {

namespace {

constexpr std::array<std::pair<const char*, const char*>, 4> kIds{
    {{"jobId", "JOB_ID"}, {"traceId", "TRACE_ID"}, {"userId", "USER_ID"}, {"workerId", "WORKER_ID"}}};

/// Pino's 30, 40, 50 as syslog's info, warning, err.
const char* priority(int level) {
  if (level >= 50) return "3";
  return level >= 40 ? "4" : "6";
}

}  // namespace

bool is_journal_stream(int descriptor) {
  const char* named = std::getenv("JOURNAL_STREAM");
  struct stat stream {};
  if (named == nullptr || ::fstat(descriptor, &stream) != 0) return false;
  return named == std::to_string(stream.st_dev) + ":" + std::to_string(stream.st_ino);
}

std::vector<std::string> journal_fields(const nlohmann::ordered_json& record, std::string_view line) {
  std::vector<std::string> fields;
  const auto add = [&fields](std::string_view name, std::string_view value) {
    fields.emplace_back(name).append("=").append(value);
  };
  add("MESSAGE", line);
  add("PRIORITY", priority(record.value("level", 0)));
  add("SYSLOG_IDENTIFIER", "executor");
  add("EXECUTOR_EVENT", record.value("msg", ""));
  for (const auto& [key, name] : kIds) {
    const auto found = record.find(key);
    if (found != record.end() && found->is_string() && !found->get_ref<const std::string&>().empty())
      add(name, found->get_ref<const std::string&>());
  }
  return fields;
}

bool send_to_journal(const std::vector<std::string>& fields) {
  std::vector<iovec> pieces;
  pieces.reserve(fields.size());
  for (const std::string& field : fields)
    pieces.push_back({const_cast<char*>(field.data()), field.size()});  // iovec knows no const
  return ::sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size())) == 0;
}

}  // namespace executor
