// What a finished job leaves behind: its log record and its share of the metrics.
#pragma once

#include <string>

#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "worker/worker.hpp"

namespace executor {

/// The record "worker_job_completed".
JobCompleted log_record(const JobReport& report, const std::string& worker_id);

void count(const JobReport& report, Metrics& metrics);

}  // namespace executor
