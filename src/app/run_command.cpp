#include "app/run_command.hpp"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "app/command_line.hpp"
#include "app/config.hpp"
#include "backend/native_start.hpp"
#include "base/sys.hpp"
#include "http/uuid.hpp"
#include "judge/judge.hpp"
#include "spec/parse.hpp"
#include "spec/result.hpp"
#include "supervisor/client.hpp"
#include "validation/sandbox_channel.hpp"
#include "validation/sandbox_validator.hpp"

namespace executor {

namespace {

namespace asio = boost::asio;

constexpr int kAccepted = 0;
constexpr int kNotAccepted = 1;
constexpr int kBadRequest = 2;
constexpr int kNoSandbox = 3;

struct Arguments {
  std::string file;
  std::string stdin_file;
  std::string expect_file;
  bool json = false;
  bool processes = false;
  bool audit = false;
  bool audit_all = false;
  std::string compare = "trimmed";
  std::vector<std::string> arguments;
  std::optional<std::uint64_t> timeout_ms, cpu_time_ms, memory_bytes;
};

int complain(int status, const std::string& message) {
  std::fprintf(stderr, "executor run: %s\n", message.c_str());
  return status;
}

std::optional<std::string> read_whole(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) return std::nullopt;
  text << file.rdbuf();
  return text.str();
}

/// By the name's extension, of what this host can run; Python for any other name.
std::string language_of(const std::filesystem::path& file) {
  const auto runtimes = native_runtimes();
  for (const rootfs::RuntimeManifest& runtime : runtimes ? *runtimes : std::vector<rootfs::RuntimeManifest>())
    if (file.extension() == "." + runtime.extension) return runtime.name;
  return "python";
}

/// The job that a request would have made: the same parser decides what is allowed.
RequestResult<Job> make_job(const Arguments& arguments, const std::string& source, const SpecLimits& limits) {
  Job job;
  job.id = http::uuid_v4();
  job.language = language_of(arguments.file);
  job.source = source;
  job.processes = arguments.processes;
  job.compare = arguments.compare == "exact"    ? CompareMode::exact
                : arguments.compare == "tokens" ? CompareMode::tokens
                                                : CompareMode::trimmed;
  Test test;
  test.args = arguments.arguments;
  if (arguments.timeout_ms) test.wall_time = std::chrono::milliseconds(*arguments.timeout_ms);
  if (arguments.cpu_time_ms) test.cpu_time = std::chrono::milliseconds(*arguments.cpu_time_ms);
  if (arguments.memory_bytes) test.memory_max = *arguments.memory_bytes;
  job.tests.push_back(std::move(test));
  return parse_job(job_to_json(job), limits);
}

/// Everything between the start and the verdict, on one io_context.
class Run {
 public:
  Run(const Config& config, supervisor::StewardHandle& handle)
      : client_(std::make_shared<supervisor::Client>(context_, std::move(handle.connection))),
        validator_(context_.get_executor(), sandbox_channels(context_, client_), validator_options(config)) {}

  Result<ValidationReport> validate(const std::string& language, const std::string& source) {
    std::optional<Result<ValidationReport>> report;
    validator_.validate(language, source,
                        [&report](Result<ValidationReport> result) { report.emplace(std::move(result)); });
    wait_for(report);
    return report ? std::move(*report) : Result<ValidationReport>(gone());
  }

  Result<Outcome> run(Program program) {
    std::optional<Result<Outcome>> outcome;
    client_->run(std::move(program),
                 [&outcome](Result<Outcome> result) { outcome.emplace(std::move(result)); });
    wait_for(outcome);
    return outcome ? std::move(*outcome) : Result<Outcome>(gone());
  }

 private:
  static SandboxValidatorOptions validator_options(const Config& config) {
    SandboxValidatorOptions options;
    options.policy = {config.validation, config.allowed_modules, config.allowed_builtins};
    return options;
  }
  static Error gone() { return errno_error("wait for the sandbox supervisor", ECONNRESET); }
  template <class T>
  void wait_for(const std::optional<T>& answer) {
    context_.restart();
    while (!answer && context_.run_one() > 0) {
    }
  }

  asio::io_context context_;
  std::shared_ptr<supervisor::Client> client_;
  SandboxValidator validator_;
};

void print_stream(const char* name, const std::string& bytes, bool truncated) {
  if (bytes.empty() && !truncated) return;
  std::printf("--- %s%s\n", name, truncated ? " (cut at its cap)" : "");
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  if (!bytes.empty() && bytes.back() != '\n') std::printf("\n");
}

void print_summary(const TestResult& result) {
  const Outcome& outcome = result.outcome;
  std::string ending = "exit status " + std::to_string(outcome.exit_code);
  if (outcome.signal != 0) ending = signal_name(outcome.signal);
  if (!outcome.violation.empty()) ending += ", system call " + outcome.violation;
  std::printf("%s (%s)\n", std::string(to_string(result.verdict)).c_str(), ending.c_str());
  std::printf("wall %.1f ms, cpu %.1f ms, memory %.1f MiB, sandbox %s, backend %s\n",
              static_cast<double>(outcome.wall_time.count()) / 1e6,
              static_cast<double>(outcome.cpu_time.count()) / 1e6,
              static_cast<double>(outcome.memory_bytes) / static_cast<double>(kMiB),
              outcome.sandbox_id.c_str(), outcome.backend.c_str());
  print_stream("stdout", outcome.stdout_bytes, outcome.stdout_truncated);
  print_stream("stderr", outcome.stderr_bytes, outcome.stderr_truncated);
  if (outcome.audited.empty()) return;
  std::printf("--- system calls\n");
  for (const std::string& call : outcome.audited) std::printf("%s\n", call.c_str());
}

int refuse(const Arguments& arguments, const ValidationReport& report) {
  if (arguments.json) {
    std::printf("%s\n", violations_json(report.compile_error, report.violations).c_str());
    return kBadRequest;
  }
  std::printf("%s\n", report.compile_error ? "compile_error" : "refused by the source policy");
  for (const Violation& violation : report.violations)
    std::printf("%s:%d:%d: %s: %s\n", arguments.file.c_str(), violation.line, violation.column,
                violation.rule.c_str(), violation.message.c_str());
  if (!report.compile_error)
    std::printf(
        "(EXECUTOR_ALLOWED_MODULES, EXECUTOR_ALLOWED_BUILTINS and EXECUTOR_VALIDATION set the policy)\n");
  return kBadRequest;
}

int run(const Arguments& arguments, const Config& config) {
  const auto source = read_whole(arguments.file);
  if (!source) return complain(kBadRequest, "cannot read \"" + arguments.file + "\"");
  std::optional<std::string> input =
      arguments.stdin_file.empty() ? std::string() : read_whole(arguments.stdin_file);
  if (!input) return complain(kBadRequest, "--stdin: cannot read \"" + arguments.stdin_file + "\"");
  std::optional<std::string> expected;
  if (!arguments.expect_file.empty() && !(expected = read_whole(arguments.expect_file)))
    return complain(kBadRequest, "--expect: cannot read \"" + arguments.expect_file + "\"");

  SpecLimits limits = spec_limits(config);
  limits.languages = {language_of(arguments.file)};
  const auto job = make_job(arguments, *source, limits);
  if (!job) {
    const RequestError& error = job.error();
    if (arguments.json) std::printf("%s\n", error_json(error).c_str());
    return complain(kBadRequest, (error.field.empty() ? "" : error.field + ": ") + error.message);
  }

  NativeOptions native;
  native.defaults = limits.defaults;
  if (arguments.audit) native.audit = supervisor::Audit::refused;
  if (arguments.audit_all) native.audit = supervisor::Audit::all;
  auto handle = start_native(native);
  if (!handle) return complain(kNoSandbox, handle.error().message() + " (executor doctor says more)");
  if (handle->privileged) {
    const ServiceIds ids = service_ids();
    if (auto dropped = supervisor::drop_privileges(ids.uid, ids.gid); !dropped)
      return complain(kNoSandbox, dropped.error().message());
  }
  int status = kNoSandbox;
  {
    Run run(config, *handle);
    const auto report = run.validate(job->language, job->source);
    if (report && !report->ok()) {
      status = refuse(arguments, *report);
    } else if (!report) {
      complain(status, report.error().message());
    } else {
      Program program;
      program.runtime = job->language;
      program.source = job->source;
      program.stdin_bytes = std::move(*input);
      program.args = job->tests[0].args;
      program.processes = job->processes;
      program.limits = test_limits(*job, job->tests[0], limits);
      const auto begin = sys::monotonic_now();
      auto outcome = run.run(std::move(program));
      if (!outcome) {
        complain(status, outcome.error().message() + " (executor doctor says more)");
      } else {
        TestResult result;
        result.outcome = std::move(*outcome);
        result.verdict = judge(result.outcome, expected, job->compare);
        result.passed = passed(result.verdict, expected);
        result.expected_stdout = expected;
        status = result.verdict == Verdict::accepted ? kAccepted : kNotAccepted;
        if (arguments.json) {
          JobResult answer;
          answer.job_id = job->id;
          answer.ok = true;
          answer.results.push_back(std::move(result));
          answer.execute_time = sys::monotonic_now() - begin;
          std::printf("%s\n", to_json(answer).c_str());
        } else {
          print_summary(result);
        }
      }
    }
  }
  std::fflush(stdout);
  supervisor::wait_for_end(*handle);
  return status;
}

}  // namespace

int run_command(const std::vector<std::string>& args) {
  CLI::App app("Runs one program in a fresh sandbox and says how it went.", "executor run");
  app.footer(
      "Exit status: 0 accepted or ran clean, 1 not accepted, 2 bad request, 3 the sandbox could not be "
      "built.\n"
      "Limits not given come from the environment (EXECUTOR_TIMEOUT, EXECUTOR_MEM_LIMIT, …).");
  Arguments arguments;
  app.add_option("FILE", arguments.file,
                 "the program, its language told by its extension; - reads Python from standard input")
      ->required();
  app.add_option("--stdin", arguments.stdin_file, "what the program's standard input holds; - passes ours");
  app.add_option("--expect", arguments.expect_file, "the output that is expected of it");
  app.add_option("--compare", arguments.compare, "how to compare")
      ->check(CLI::IsMember({"exact", "trimmed", "tokens"}))
      ->capture_default_str();
  app.add_option("--arg", arguments.arguments, "an argument of the program; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--json", arguments.json, "print the answer that POST /execute would give");
  app.add_flag("--processes", arguments.processes, "let it fork and start programs");
  app.add_flag("--audit", arguments.audit, "name each system call that it is refused; allows nothing");
  app.add_flag("--audit-all", arguments.audit_all, "and those that it is allowed, with the profile's rule");
  app.add_option("--timeout-ms", arguments.timeout_ms, "wall time limit, milliseconds");
  app.add_option("--cpu-time-ms", arguments.cpu_time_ms, "CPU time limit, milliseconds");
  app.add_option("--memory-bytes", arguments.memory_bytes, "memory limit, bytes");
  if (const auto status = parse_command_line(app, args)) return *status;
  auto config = read_config({}, process_environment());
  if (!config) return complain(kBadRequest, config.error().message());
  return run(arguments, *config);
}

}  // namespace executor
