#include "telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace executor {

namespace {

// 50 µs to 10 s: a warm run takes a few hundred microseconds, the longest allowed one seconds.
const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries bounds{0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.001,
                                                              0.002,   0.005,  0.01,   0.02,   0.05,   0.1,
                                                              0.25,    0.5,    1,      2.5,    5,      10};
  return bounds;
}

double seconds(Metrics::Duration time) { return std::chrono::duration<double>(time).count(); }

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// smaps_rollup (Linux 4.14); 0 where the kernel does not say.
double private_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  double kib = 0;
  for (std::string key; rollup >> key;) {
    double value = 0;
    if ((key == "Private_Clean:" || key == "Private_Dirty:") && rollup >> value) kib += value;
  }
  return kib * 1024;
}

double epoch_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry{};

  prometheus::Family<prometheus::Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Counter& counter(const char* name, const char* help) { return counters(name, help).Add({}); }
  prometheus::Family<prometheus::Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  prometheus::Gauge& gauge(const char* name, const char* help) { return gauges(name, help).Add({}); }
  prometheus::Histogram& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets());
  }

  prometheus::Family<prometheus::Counter>& executions =
      counters("executor_executions_total", "Tests run, by language, backend and verdict.");
  prometheus::Family<prometheus::Counter>& rejections =
      counters("executor_rejected_total", "Requests and jobs refused, by reason.");
  prometheus::Histogram& queue_wait =
      histogram("executor_queue_wait_seconds", "Time that a job waited for a worker.");
  prometheus::Histogram& handover =
      histogram("executor_handover_seconds",
                "Time of one run beyond the program's own: sandbox, hand-over, collecting.");
  prometheus::Histogram& execution =
      histogram("executor_execution_seconds", "Wall time of one program from hand-over to its end.");
  prometheus::Histogram& cpu =
      histogram("executor_test_cpu_seconds", "CPU time of one program, as its limit counts it.");
  prometheus::Counter& built =
      counter("executor_sandboxes_built_total", "Sandboxes that came to stand, ready for a program.");
  prometheus::Family<prometheus::Counter>& setup =
      counters("executor_setup_seconds_total", "Time that those took to stand, by stage.");
  prometheus::Counter& ended = counter("executor_sandboxes_ended_total", "Sandboxes that are gone.");
  prometheus::Counter& sandbox_cpu =
      counter("executor_sandbox_cpu_seconds_total",
              "CPU time of all processes in those, from set-up to end, their programs included.");
  prometheus::Counter& faults =
      counter("executor_sandbox_minor_faults_total", "Minor page faults of the same processes.");
  prometheus::Family<prometheus::Gauge>& memory =
      gauges("executor_private_memory_bytes",
             "Memory that is a process's alone, looked at once a minute at most; 0: not known.");
  prometheus::Gauge& pool_size = gauge("executor_warm_pool_size", "Sandboxes built and waiting.");
  prometheus::Gauge& pool_wanted = gauge(
      "executor_warm_pool_wanted", "Sandboxes that are to be kept waiting, fewer after a while of rest.");
  prometheus::Counter& pool_hits =
      counter("executor_warm_pool_hits_total", "Runs that found a warm sandbox.");
  prometheus::Counter& pool_misses =
      counter("executor_warm_pool_misses_total", "Runs that waited for a cold sandbox.");
  prometheus::Gauge& live = gauge("executor_sandboxes_live", "Sandboxes running a program.");
  prometheus::Counter& leaks = counter("executor_leaked_resources_removed_total",
                                       "Left-over cgroups and processes that were found and removed.");
  prometheus::Gauge& depth = gauge("executor_queue_depth", "Jobs waiting in the queue.");
  prometheus::Gauge& oldest = gauge("executor_queue_oldest_seconds", "Age of the oldest waiting job.");
  prometheus::Gauge& connections = gauge("executor_http_connections", "Open HTTP connections.");
  prometheus::Counter& reports_sent =
      counter("executor_error_reports_sent_total", "Errors that the Sentry server took.");
  prometheus::Counter& reports_dropped = counter("executor_error_reports_dropped_total",
                                                 "Errors that could not be reported: too many at once, "
                                                 "refused, or the Sentry server was away.");
  prometheus::Family<prometheus::Gauge>& backends = prometheus::BuildGauge()
                                                        .Name("executor_backend_in_use")
                                                        .Help("1 for the backend that the start has chosen.")
                                                        .Register(registry);
  prometheus::Gauge& resident =
      gauge("process_resident_memory_bytes", "Resident memory of the front process.");
  prometheus::Gauge& started =
      gauge("process_start_time_seconds", "Start of the process, seconds since the epoch.");
};

namespace {
// The part's own running total becomes the counter's; a part that started anew begins at 0 and adds nothing
// back.
void raise(prometheus::Counter& counter, double total) {
  counter.Increment(total - counter.Value());  // a negative amount is ignored by Increment
}
void raise(prometheus::Counter& counter, std::uint64_t total) { raise(counter, static_cast<double>(total)); }
}  // namespace

Metrics::Metrics() : families_(std::make_unique<Families>()) { families_->started.Set(epoch_seconds()); }
Metrics::~Metrics() = default;

void Metrics::executed(std::string_view language, std::string_view backend, std::string_view verdict) {
  families_->executions
      .Add({{"language", std::string(language)},
            {"backend", std::string(backend)},
            {"verdict", std::string(verdict)}})
      .Increment();
}

void Metrics::rejected(std::string_view reason) {
  families_->rejections.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::waited_in_queue(Duration time) { families_->queue_wait.Observe(seconds(time)); }
void Metrics::handed_over(Duration time) { families_->handover.Observe(seconds(time)); }
void Metrics::ran(Duration wall_time, Duration cpu_time) {
  families_->execution.Observe(seconds(wall_time));
  families_->cpu.Observe(seconds(cpu_time));
}

std::string Metrics::render(const Snapshot& snapshot) {
  Families& all = *families_;
  all.pool_size.Set(static_cast<double>(snapshot.warm_pool_size));
  all.pool_wanted.Set(static_cast<double>(snapshot.warm_pool_wanted));
  raise(all.pool_hits, snapshot.warm_pool_hits);
  raise(all.pool_misses, snapshot.warm_pool_misses);
  all.live.Set(static_cast<double>(snapshot.sandboxes_live));
  const SandboxFigures& figures = snapshot.figures;
  raise(all.built, static_cast<double>(figures.built));
  for (std::size_t stage = 0; stage < kSetupStages.size(); ++stage)
    raise(all.setup.Add({{"stage", kSetupStages[stage]}}), seconds(figures.setup[stage]));
  raise(all.ended, static_cast<double>(figures.ended));
  raise(all.sandbox_cpu, seconds(figures.cpu_time));
  raise(all.faults, static_cast<double>(figures.minor_faults));
  const auto memory = [&all](const char* process, double bytes) {
    all.memory.Add({{"process", process}}).Set(bytes);
  };
  memory("warm_sandbox", static_cast<double>(figures.warm_bytes));
  memory("supervisor", static_cast<double>(figures.supervisor_bytes));
  memory("zygote", static_cast<double>(figures.zygote_bytes));
  memory("front", private_bytes());
  raise(all.leaks, snapshot.leaks_removed);
  all.depth.Set(static_cast<double>(snapshot.queue_depth));
  all.oldest.Set(seconds(snapshot.queue_oldest));
  all.connections.Set(static_cast<double>(snapshot.http_connections));
  raise(all.reports_sent, snapshot.reports_sent);
  raise(all.reports_dropped, snapshot.reports_dropped);
  for (const char* backend : {"native", "docker", "local"})
    all.backends.Add({{"backend", backend}}).Set(snapshot.backend == backend ? 1 : 0);
  all.resident.Set(resident_bytes());
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, all.registry.Collect());
  return text.str();
}

}  // namespace executor
