#include "telemetry/metrics.hpp"

#include <doctest/doctest.h>

using executor::Metrics;
using namespace std::chrono_literals;

namespace {
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("executions are counted by language, backend and verdict") {
  Metrics metrics;
  metrics.executed("python", "native", "accepted");
  metrics.executed("python", "native", "accepted");
  metrics.executed("python", "local", "memory_limit");
  const std::string text = metrics.render({});
  CHECK(has_line(text,
                 R"(executor_executions_total{backend="native",language="python",verdict="accepted"} 2)"));
  CHECK(has_line(text,
                 R"(executor_executions_total{backend="local",language="python",verdict="memory_limit"} 1)"));
}

TEST_CASE("times land in the histogram's buckets in seconds") {
  Metrics metrics;
  metrics.ran(400us, 300us);
  metrics.ran(30s, 1s);
  metrics.waited_in_queue(2ms);
  metrics.handed_over(60us);
  const std::string text = metrics.render({});
  CHECK(has_line(text, R"(executor_execution_seconds_bucket{le="0.0003"} 0)"));
  CHECK(has_line(text, R"(executor_execution_seconds_bucket{le="0.0005"} 1)"));
  CHECK(has_line(text, R"(executor_execution_seconds_bucket{le="+Inf"} 2)"));
  CHECK(has_line(text, R"(executor_test_cpu_seconds_bucket{le="0.0003"} 1)"));
  CHECK(has_line(text, "executor_test_cpu_seconds_count 2"));
  CHECK(has_line(text, "executor_queue_wait_seconds_count 1"));
  CHECK(has_line(text, "executor_handover_seconds_sum 6e-05") !=
        has_line(text, "executor_handover_seconds_sum 6.0000000000000002e-05"));
}

TEST_CASE("a part's totals become counters that never fall") {
  Metrics metrics;
  CHECK(has_line(metrics.render({.warm_pool_hits = 5}), "executor_warm_pool_hits_total 5"));
  CHECK(has_line(metrics.render({.warm_pool_hits = 9}), "executor_warm_pool_hits_total 9"));
  CHECK(has_line(metrics.render({.warm_pool_hits = 2}), "executor_warm_pool_hits_total 9"));
}

TEST_CASE("what sandboxes cost is told by stage and in sums") {
  Metrics metrics;
  executor::SandboxFigures figures;
  figures.built = 4;
  figures.setup = {1500ms, 250ms, 500ms, 750ms, 0ms};
  figures.ended = 3;
  figures.cpu_time = 2500ms;
  figures.minor_faults = 1200;
  figures.warm_bytes = 3 << 20;
  const std::string text = metrics.render({.figures = figures});
  CHECK(has_line(text, "executor_sandboxes_built_total 4"));
  CHECK(has_line(text, R"(executor_setup_seconds_total{stage="namespaces"} 1.5)"));
  CHECK(has_line(text, R"(executor_setup_seconds_total{stage="payload"} 0.75)"));
  CHECK(has_line(text, R"(executor_setup_seconds_total{stage="interpreter"} 0)"));
  CHECK(has_line(text, "executor_sandboxes_ended_total 3"));
  CHECK(has_line(text, "executor_sandbox_cpu_seconds_total 2.5"));
  CHECK(has_line(text, "executor_sandbox_minor_faults_total 1200"));
  CHECK(has_line(text, R"(executor_private_memory_bytes{process="warm_sandbox"} 3145728)"));
  CHECK(text.find(R"(executor_private_memory_bytes{process="front"} )") != std::string::npos);
  CHECK_FALSE(has_line(text, R"(executor_private_memory_bytes{process="front"} 0)"));
}

TEST_CASE("gauges show the last snapshot and the process itself") {
  Metrics metrics;
  metrics.rejected("queue_full");
  const std::string text = metrics.render({.warm_pool_size = 4,
                                           .warm_pool_wanted = 3,
                                           .sandboxes_live = 2,
                                           .queue_depth = 7,
                                           .queue_oldest = 1500ms});
  CHECK(has_line(text, "executor_warm_pool_size 4"));
  CHECK(has_line(text, "executor_warm_pool_wanted 3"));
  CHECK(has_line(text, "executor_sandboxes_live 2"));
  CHECK(has_line(text, "executor_queue_depth 7"));
  CHECK(has_line(text, "executor_queue_oldest_seconds 1.5"));
  CHECK(has_line(text, R"(executor_rejected_total{reason="queue_full"} 1)"));
  CHECK(text.find("process_resident_memory_bytes ") != std::string::npos);
  CHECK_FALSE(has_line(text, "process_resident_memory_bytes 0"));
  CHECK(text.find("process_start_time_seconds ") != std::string::npos);
}
