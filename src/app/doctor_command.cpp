#include "app/doctor_command.hpp"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/doctor/diagnosis.hpp"
#include "app/doctor/probe.hpp"
#include "app/doctor/report.hpp"

namespace executor {

namespace {

constexpr int kMissing = 1;
constexpr int kUsage = 2;

bool colour_wanted() {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

}  // namespace

int doctor_command(const std::vector<std::string>& args) {
  CLI::App app(
      "Looks at this host layer by layer: what is there, what is missing, and what provides it.\n"
      "Everything is really tried, and taken back at once.",
      "executor doctor");
  app.footer(
      "Each line is ok, degraded (works, with less) or missing, and says what to do.\n"
      "Exit status: 0 nothing is missing that the service needs as configured (with --backend auto: native\n"
      "sandboxes can run), 1 something is missing, 2 wrong arguments or settings.");
  bool json = false;
  doctor::ProbeOptions options;
  FlagValues flags;
  app.add_flag("--json", json, "Print the report as JSON");
  app.add_flag("--full", options.full, "Hash the contents of the rootfs too");
  add_config_flags(app, flags);
  if (const auto status = parse_command_line(app, args)) return *status;
  const auto config = read_config(flags, process_environment());
  if (!config) {
    std::fprintf(stderr, "executor doctor: %s\n", config.error().message().c_str());
    return kUsage;
  }
  const doctor::Diagnosis diagnosis = doctor::diagnose(doctor::probe_host(*config, options));
  const std::string report = json ? doctor::to_json(diagnosis) : doctor::to_table(diagnosis, colour_wanted());
  std::fwrite(report.data(), 1, report.size(), stdout);
  return diagnosis.whole() ? 0 : kMissing;
}

}  // namespace executor
