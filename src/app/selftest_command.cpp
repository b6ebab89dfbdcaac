#include "app/selftest_command.hpp"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "app/command_line.hpp"
#include "app/config.hpp"
#include "app/selftest/claims.hpp"
#include "backend/native_start.hpp"
#include "base/sys.hpp"
#include "supervisor/client.hpp"

namespace executor {

namespace {

constexpr int kHeld = 0;
constexpr int kBroken = 1;
constexpr int kUsage = 2;
constexpr int kNoSandbox = 3;
constexpr std::uint32_t kAtOnce = 8;

int complain(int status, const std::string& message) {
  std::fprintf(stderr, "executor selftest: %s\n", message.c_str());
  return status;
}

/// Runs programs through a supervisor of its own.
class NativeRunner final : public selftest::Runner {
 public:
  explicit NativeRunner(supervisor::Connection connection)
      : client_(std::make_shared<supervisor::Client>(context_, std::move(connection))) {}

  std::vector<Result<Outcome>> run(std::vector<Program> programs) override {
    std::vector<std::optional<Result<Outcome>>> outcomes(programs.size());
    std::size_t waiting = programs.size();
    for (std::size_t i = 0; i < programs.size(); ++i)
      client_->run(std::move(programs[i]), [&outcomes, &waiting, i](Result<Outcome> outcome) {
        outcomes[i].emplace(std::move(outcome));
        --waiting;
      });
    context_.restart();
    while (waiting > 0 && context_.run_one() > 0) {
    }
    std::vector<Result<Outcome>> results;
    results.reserve(outcomes.size());
    for (auto& outcome : outcomes)
      results.push_back(outcome
                            ? std::move(*outcome)
                            : Result<Outcome>(errno_error("wait for the sandbox supervisor", ECONNRESET)));
    return results;
  }

 private:
  boost::asio::io_context context_;
  std::shared_ptr<supervisor::Client> client_;
};

selftest::Surroundings surroundings() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  groups.resize(
      static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
  const gid_t own = ::getegid();
  return {.filtered = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER,
          .further_groups = std::ranges::any_of(groups, [own](gid_t group) { return group != own; })};
}

int try_this_host(const Config& config, bool json) {
  const auto begin = std::chrono::steady_clock::now();
  // in this process from its first line on, as a credential of the service would be
  const std::string secret = sys::random_hex(16);
  ::setenv("EXECUTOR_SELFTEST_SECRET", secret.c_str(), 1);
  const selftest::Surroundings around = surroundings();  // before filters of its own
  NativeOptions options;
  options.concurrency = kAtOnce;
  options.warm_pool = kAtOnce;
  options.defaults = spec_limits(config).defaults;
  auto handle = start_native(options);
  if (!handle) return complain(kNoSandbox, handle.error().message() + " (executor doctor says more)");
  if (handle->privileged) {
    const ServiceIds ids = service_ids();
    if (auto dropped = supervisor::drop_privileges(ids.uid, ids.gid); !dropped)
      return complain(kNoSandbox, dropped.error().message());
  }
  std::vector<selftest::Finding> findings;
  {
    NativeRunner runner(std::move(handle->connection));
    findings = selftest::try_claims(runner, secret, around);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const std::string report =
      json ? selftest::to_json(findings, seconds.count()) : selftest::to_table(findings);
  std::fwrite(report.data(), 1, report.size(), stdout);
  std::fflush(stdout);
  supervisor::wait_for_end(*handle);
  return selftest::all_held(findings) ? kHeld : kBroken;
}

}  // namespace

int selftest_command(const std::vector<std::string>& args) {
  CLI::App app(
      "Tries the isolation claims of docs/security.md on this very host, in sandboxes like the service's:\n"
      "each is held, broken or not applicable. Takes a few seconds and leaves nothing behind.",
      "executor selftest");
  app.footer(
      "Exit status: 0 every claim held or does not apply, 1 one is broken, 2 wrong arguments or settings,\n"
      "3 no sandbox can be built on this host.");
  bool json = false;
  app.add_flag("--json", json, "Print the findings as JSON");
  if (const auto status = parse_command_line(app, args)) return *status;
  auto config = read_config({}, process_environment());
  if (!config) return complain(kUsage, config.error().message());
  return try_this_host(*config, json);
}

}  // namespace executor
