#include "spec/solution_form.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "spec/parse.hpp"
#include "spec/strict_json.hpp"

namespace executor {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kErrorMax = 4 * kKiB;
constexpr std::string_view kTraceback = "Traceback (most recent call last):\n";

struct FieldName {
  std::string_view here;
  std::string_view there;  // in the form of POST /execute
};
constexpr std::array kJobFields = {FieldName{"code", "source"},     FieldName{"language", "language"},
                                   FieldName{"testCases", "tests"}, FieldName{"jobId", "jobId"},
                                   FieldName{"userId", "userId"},   FieldName{"traceId", "traceId"}};
constexpr std::array kTestFields = {FieldName{"input", "stdin"},
                                    FieldName{"expectedOutput", "expectedStdout"}};

template <std::size_t N>
json renamed(json& object, const std::array<FieldName, N>& fields) {
  json out = json::object();
  for (const FieldName& field : fields)
    if (const auto found = object.find(field.here); found != object.end())
      out[std::string(field.there)] = std::move(*found);
  return out;
}

void rename_prefix(std::string& text, std::string_view from, std::string_view to) {
  if (text.starts_with(from)) text.replace(0, from.size(), to);
}

/// "tests[3].stdin" → "testCases[3].input", wherever a message or a field begins with it.
void rename_back(std::string& text) {
  const std::size_t test = text.starts_with("tests[") ? text.find("].") : std::string::npos;
  if (test != std::string::npos) {
    std::string inner = text.substr(test + 2);
    for (const FieldName& field : kTestFields) rename_prefix(inner, field.there, field.here);
    text = text.substr(0, test + 2) + inner;
  }
  for (const FieldName& field : kJobFields) rename_prefix(text, field.there, field.here);
}

RequestError renamed_error(RequestError error) {
  rename_back(error.field);
  rename_back(error.message);
  return error;
}

/// What expects nothing cannot be passed or failed, so the field is required here.
std::optional<RequestError> check_cases(const json& cases) {
  for (std::size_t i = 0; cases.is_array() && i < cases.size(); ++i) {
    const std::string field = "testCases[" + std::to_string(i) + "].expectedOutput";
    if (!cases[i].is_object()) continue;
    const auto expected = cases[i].find("expectedOutput");
    if (expected == cases[i].end()) return RequestError{400, "missing_field", field + " is required", field};
    if (!expected->is_string()) return RequestError{400, "wrong_type", field + " must be a string", field};
  }
  return std::nullopt;
}

// -- answers

std::string_view without_end(std::string_view text, std::string_view ends) {
  const std::size_t last = text.find_last_not_of(ends);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

/// What Node writes last, behind the exception.
std::string_view without_node_end(std::string_view errors) {
  if (const std::size_t version = errors.rfind("\n\nNode.js v"); version != std::string_view::npos)
    errors = errors.substr(0, version);
  const std::size_t line = errors.rfind('\n');
  if (line != std::string_view::npos && errors.substr(line + 1).starts_with("(Use `node --trace-uncaught"))
    errors = errors.substr(0, line);
  return errors;
}

/// What stands before the frames of a JavaScript exception, empty where there are none.
std::string_view before_frames(std::string_view errors) {
  const std::size_t frames = errors.find("\n    at ");
  if (frames == std::string_view::npos) return {};
  errors = errors.substr(0, frames);
  const std::size_t blank = errors.rfind("\n\n");
  std::size_t line = errors.rfind('\n');
  while (line != std::string_view::npos && line > 0 && errors.substr(line + 1).starts_with(' '))
    line = errors.rfind('\n', line - 1);
  if (blank != std::string_view::npos) return errors.substr(blank + 2);
  return line == std::string_view::npos ? errors : errors.substr(line + 1);
}

/// What stands behind the frames of the last traceback or before those of an exception, else the last line.
std::string exception_text(std::string_view errors) {
  errors = without_end(without_node_end(without_end(errors, " \t\r\n")), " \t\r\n");
  const std::size_t traceback = errors.rfind(kTraceback);
  std::size_t at =
      traceback == std::string_view::npos ? std::string_view::npos : traceback + kTraceback.size();
  while (at < errors.size() && (errors[at] == ' ' || errors[at] == '\n')) {
    const std::size_t end = errors.find('\n', at);
    at = end == std::string_view::npos ? end : end + 1;
  }
  if (const std::string_view text = before_frames(errors); at >= errors.size() && !text.empty())
    return std::string(text.substr(0, kErrorMax));
  if (at >= errors.size()) {
    const std::size_t line = errors.rfind('\n');
    at = line == std::string_view::npos ? 0 : line + 1;
  }
  return std::string(errors.substr(at, kErrorMax));
}

std::string ending_text(const json& result) {
  if (const auto& signal = result.at("signal"); signal.is_string())
    return "killed by " + signal.get<std::string>();
  std::string said = exception_text(result.at("stderr").get_ref<const std::string&>());
  return said.empty() ? "exit status " + result.at("exitCode").dump() : said;
}

json error_of(const json& result, const std::string& verdict) {
  if (verdict == "runtime_error") return ending_text(result);
  if (verdict == "wall_time_limit" || verdict == "cpu_time_limit") return "time limit exceeded";
  if (verdict == "memory_limit") return "memory limit exceeded";
  if (verdict == "output_limit") return "output limit exceeded";
  if (verdict == "security_violation")
    return "system call not allowed: " + result.value("violation", std::string("unknown"));
  return nullptr;
}

struct Answer {
  ordered_json results = ordered_json::array();
  ordered_json error{};  // null where the code ran
  std::int64_t total_time = 0;
  bool all_passed = true;
  bool timed_out = false;
};

void add_result(Answer& answer, const json& result) {
  const std::string verdict = result.at("verdict");
  const bool passed = result.at("passed") == true;
  const auto time = static_cast<std::int64_t>(std::ceil(result.at("durationMs").get<double>()));
  answer.results.push_back(
      {{"passed", passed},
       {"output", without_end(result.at("stdout").get_ref<const std::string&>(), " \t\r\n")},
       {"executionTime", time},
       {"verdict", verdict},
       {"error", error_of(result, verdict)}});
  answer.total_time += time;
  answer.all_passed = answer.all_passed && passed;
  answer.timed_out = answer.timed_out || result.at("timedOut") == true;
}

/// Of code that could not be run at all.
void add_failures(Answer& answer, const json& document, std::size_t tests) {
  answer.all_passed = false;
  answer.error = document.is_object() && document.contains("error") ? document["error"] : json("no answer");
  const bool compile = answer.error.is_object() && answer.error.value("code", "") == "compile_error";
  std::string text = answer.error.is_object() ? answer.error.value("message", "") : "no answer";
  if (answer.error.is_object() && answer.error.contains("violations") &&
      !answer.error["violations"].empty()) {
    const auto& first = answer.error["violations"][0];
    text = "line " + first["line"].dump() + ": " + first["message"].get<std::string>();
  }
  for (std::size_t i = 0; i < tests; ++i)
    answer.results.push_back({{"passed", false},
                              {"output", ""},
                              {"executionTime", 0},
                              {"verdict", compile ? "compile_error" : "skipped"},
                              {"error", text}});
}

Answer read_answer(std::string_view result_json, std::size_t tests) {
  Answer answer;
  const json document = json::parse(result_json, nullptr, false);
  if (!document.is_object() || !document.contains("results")) {
    add_failures(answer, document, tests);
    return answer;
  }
  for (const json& result : document["results"]) add_result(answer, result);
  return answer;
}

std::string text_of(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

RequestResult<Job> parse_solution_job(std::string_view body, const SpecLimits& limits,
                                      const SolutionLimits& solution) {
  json document;
  if (auto error = parse_strict_json(body, limits.max_depth, document)) return std::move(*error);
  if (!document.is_object()) return RequestError{400, "wrong_type", "the body must be a JSON object", ""};
  if (document.contains("testCases"))
    if (auto error = check_cases(document["testCases"])) return std::move(*error);
  json mapped = renamed(document, kJobFields);
  if (mapped.contains("tests") && mapped["tests"].is_array())
    for (json& test : mapped["tests"])
      if (test.is_object()) test = renamed(test, kTestFields);
  mapped["entry"] = "solution";
  mapped["compare"] = "json";
  RequestResult<Job> job = read_job(mapped, limits);
  if (!job) return renamed_error(job.error());
  for (Test& test : job->tests) {
    test.wall_time = solution.wall_time;
    test.memory_max = solution.memory_max;
  }
  return job;
}

std::string solution_answer(std::string_view result_json, std::size_t tests) {
  Answer answer = read_answer(result_json, tests);
  const bool failed = !answer.error.is_null();
  ordered_json out{{"status", failed             ? "failed"
                              : answer.timed_out ? "timeout"
                                                 : "completed"},
                   {"results", std::move(answer.results)},
                   {"totalTime", answer.total_time}};
  if (failed) out["error"] = std::move(answer.error);
  return text_of(out);
}

std::string solution_message(std::string_view job_id, std::string_view result_json, std::size_t tests) {
  Answer answer = read_answer(result_json, tests);
  ordered_json out{{"jobId", job_id},
                   {"status", answer.timed_out    ? "timeout"
                              : answer.all_passed ? "pass"
                                                  : "fail"},
                   {"results", std::move(answer.results)},
                   {"totalTime", answer.total_time}};
  if (!answer.error.is_null()) out["error"] = std::move(answer.error);
  return text_of(out);
}

}  // namespace executor
