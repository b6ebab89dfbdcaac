// Records for systemd's journal with fields of their own, so that `journalctl JOB_ID=…` finds all of a job.
//
// Thread-safe; nothing is kept. Sources: sd_journal_sendv(3), systemd.exec(5) on $JOURNAL_STREAM.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace executor {

/// Whether this descriptor is the stream that systemd connected to the journal when it started us.
[[nodiscard]] bool is_journal_stream(int descriptor);

/// Pure: the fields of one record, each NAME=value. MESSAGE is the whole line, PRIORITY is syslog's,
/// EXECUTOR_EVENT the record's msg; ids that stand in the record get a field each.
[[nodiscard]] std::vector<std::string> journal_fields(const nlohmann::ordered_json& record,
                                                      std::string_view line);

/// False where the journal takes nothing; the caller has the line still.
[[nodiscard]] bool send_to_journal(const std::vector<std::string>& fields);

}  // namespace executor
