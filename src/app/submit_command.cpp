#include "app/submit_command.hpp"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "app/command_line.hpp"
#include "app/doctor/http_probe.hpp"
#include "app/submission.hpp"

namespace executor {

namespace {

using doctor::HttpAnswer;
using doctor::HttpQuestion;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kAllAccepted = 0;
constexpr int kNotAccepted = 1;
constexpr int kBadRequest = 2;
constexpr int kNoServer = 3;

constexpr milliseconds kPatience{60'000};
constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{500};
constexpr std::uint64_t kAnswerMax = 1024 * kMiB;
constexpr std::size_t kBarWidth = 40;

struct Arguments {
  std::vector<std::string> files;
  std::string url = "http://127.0.0.1:4060";
  std::string compare;
  std::string user;
  std::optional<std::uint64_t> timeout_ms, memory_bytes;
  bool stop_on_failure = false;
  bool as_json = false;
};

struct Address {
  std::string host;
  std::uint16_t port = 80;
};

int complain(int status, const std::string& message) {
  std::fprintf(stderr, "executor submit: %s\n", message.c_str());
  return status;
}

std::optional<Address> address_of(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  if (!url || url->scheme() != "http" || url->host().empty()) return std::nullopt;
  Address address{.host = url->host_address()};
  if (url->has_port()) address.port = url->port_number();
  return address;
}

json request_of(const Submission& submission, const Arguments& arguments) {
  json request = submission_request(submission);
  if (!arguments.compare.empty()) request["compare"] = arguments.compare;
  if (!arguments.user.empty()) request["userId"] = arguments.user;
  if (arguments.stop_on_failure) request["stopOnFailure"] = true;
  for (json& test : request["tests"]) {
    if (arguments.timeout_ms) test["timeoutMs"] = *arguments.timeout_ms;
    if (arguments.memory_bytes) test["memoryBytes"] = *arguments.memory_bytes;
  }
  return request;
}

std::string error_text(const json& answer) {
  const json error = answer.is_object() ? answer.value("error", json::object()) : json::object();
  std::string text = error.value("message", "an answer that makes no sense");
  if (const std::string field = error.value("field", ""); !field.empty()) text = field + ": " + text;
  for (const json& violation : error.value("violations", json::array()))
    text += "\n  line " + violation.at("line").dump() + ": " + violation.at("message").get<std::string>();
  return text;
}

/// One job on its way, with a bar on a terminal's standard error.
class Client {
 public:
  explicit Client(Address address) : address_(std::move(address)), shows_(::isatty(STDERR_FILENO) == 1) {}

  Result<HttpAnswer> ask(const char* method, const std::string& target, std::string body = {}) const {
    return doctor::http_ask_tcp(
        address_.host, address_.port,
        {.method = method, .target = target, .body = std::move(body), .answer_max = kAnswerMax}, kPatience);
  }

  /// The state of the job once it has ended.
  Result<json> wait(const std::string& job_id) const {
    for (milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
      const auto answer = ask("GET", "/jobs/" + job_id);
      if (!answer) return clear(answer.error());
      json state = json::parse(answer->body, nullptr, false);
      const std::string name = state.is_object() ? state.value("state", "") : "";
      if (answer->status != 200 || name.empty())
        return clear(Error("ask for job " + job_id + ": status " + std::to_string(answer->status), {}));
      if (shows_)
        std::fprintf(stderr, "\r%s ",
                     progress_bar(state.at("testsDone"), state.at("tests"), kBarWidth).c_str());
      if (name != "queued" && name != "running") return clear(std::move(state));
      std::this_thread::sleep_for(pause);
    }
  }

 private:
  Result<json> clear(Result<json> result) const {
    if (shows_) std::fprintf(stderr, "\r\033[K");
    return result;
  }

  Address address_;
  bool shows_;
};

int show(const json& state, bool as_json) {
  const json result = state.value("result", json());
  if (state.value("state", "") != "done")
    return complain(kNoServer, result.is_null() ? "the job was cancelled" : error_text(result));
  if (as_json)
    std::printf("%s\n", result.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  else
    std::fputs(verdict_table(result).c_str(), stdout);
  const json& results = result.at("results");
  return std::all_of(results.begin(), results.end(),
                     [](const json& each) { return each.at("verdict") == "accepted"; })
             ? kAllAccepted
             : kNotAccepted;
}

int submit(const Arguments& arguments) {
  const auto address = address_of(arguments.url);
  if (!address)
    return complain(kBadRequest, "--url: \"" + arguments.url + "\"; http://host[:port] is allowed");
  const auto submission = read_submission(arguments.files);
  if (!submission) return complain(kBadRequest, submission.error().what);
  const Client client(*address);
  const std::string body =
      request_of(*submission, arguments).dump(-1, ' ', false, json::error_handler_t::replace);
  const auto accepted = client.ask("POST", "/execute?wait=false", body);
  if (!accepted) return complain(kNoServer, accepted.error().message());
  const json answer = json::parse(accepted->body, nullptr, false);
  if (accepted->status != 202 || !answer.is_object())
    return complain(accepted->status >= 400 && accepted->status < 500 && accepted->status != 429 ? kBadRequest
                                                                                                 : kNoServer,
                    error_text(answer));
  const auto state = client.wait(answer.value("jobId", ""));
  if (!state) return complain(kNoServer, state.error().message());
  return show(*state, arguments.as_json);
}

}  // namespace

int submit_command(const std::vector<std::string>& args) {
  CLI::App app("Sends a program and its tests to a running server and shows the verdicts.",
               "executor submit");
  app.footer(
      "A folder holds tests as NAME.in and NAME.out, and may hold the program.\n"
      "Exit status: 0 every test accepted, 1 not every one, 2 bad request, 3 the server could not be asked.");
  Arguments arguments;
  if (const char* url = std::getenv("EXECUTOR_URL"); url != nullptr && *url != '\0') arguments.url = url;
  app.add_option("FILE", arguments.files, "the program, folders of tests, single tests (NAME.in)")
      ->required();
  app.add_option("--url", arguments.url, "the server [EXECUTOR_URL]; http://127.0.0.1:4060");
  app.add_option("--compare", arguments.compare, "how outputs are compared")
      ->check(CLI::IsMember({"exact", "trimmed", "tokens", "json"}));
  app.add_option("--user", arguments.user, "userId of the job");
  app.add_option("--timeout-ms", arguments.timeout_ms, "wall time of each test");
  app.add_option("--memory-bytes", arguments.memory_bytes, "memory of each test");
  app.add_flag("--stop-on-failure", arguments.stop_on_failure, "the first test that fails ends the job");
  app.add_flag("--json", arguments.as_json, "print the server's answer instead of the table");
  if (const auto status = parse_command_line(app, args)) return *status;
  try {
    return submit(arguments);
  } catch (const json::exception&) {
    return complain(kNoServer, "the server's answer makes no sense");
  }
}

}  // namespace executor
