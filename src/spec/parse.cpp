// One reader walks the parsed document field by field. Its functions answer whether to go on; the first that
// does not leaves its reason in error_. A path such as "tests[3].timeoutMs" is put together only to be
// complained about.
#include "spec/parse.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "spec/strict_json.hpp"
#include "spec/text.hpp"

namespace executor {
namespace {

using nlohmann::json;
using std::string;
using std::string_view;

constexpr string_view kReplyPrefix = "executor:results:";
constexpr std::size_t kJobIdMax = 128;
constexpr std::size_t kClientIdMax = 128;
constexpr std::size_t kNameMax = 256;
constexpr std::size_t kPathMax = 512;
constexpr std::size_t kComponentMax = 255;
constexpr std::ptrdiff_t kMaxComponents = 8;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool has_nul(string_view text) { return text.find('\0') != string_view::npos; }

/// Keys are chosen characters only: no blanks, line ends or wildcards that a server or its tools could act
/// upon.
bool is_reply_key(string_view text) {
  if (!text.starts_with(kReplyPrefix) || text.size() == kReplyPrefix.size() || text.size() > kComponentMax)
    return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_word(c) || c == ':' || c == '.' || c == '{' || c == '}'; });
}

/// What is wrong with a file's path, or nothing.
string_view path_fault(string_view path) {
  if (path.empty()) return "is empty";
  if (path.size() > kPathMax) return "is longer than 512 bytes";
  if (!is_printable(path)) return "holds control characters";
  if (path.front() == '/') return "is absolute";
  if (std::count(path.begin(), path.end(), '/') >= kMaxComponents) return "has more than 8 components";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const string_view part = path.substr(begin, end - begin);
    if (part.empty()) return "has an empty component";
    if (part == "." || part == "..") return "has the component \".\" or \"..\"";
    if (part.size() > kComponentMax) return "has a component longer than 255 bytes";
    begin = end + 1;
  }
  return {};
}

class JobReader {
 public:
  explicit JobReader(const SpecLimits& limits) : limits_(limits) {}

  RequestResult<Job> read(json& body) {
    if (!body.is_object()) fail("wrong_type", "", "the body must be a JSON object");
    if (!error_ && identity(body) && program(body) && behaviour(body) && files(body) && tests(body))
      return std::move(job_);
    return std::move(*error_);
  }

 private:
  /// Where a value stands, for messages: prefix + key, e.g. "tests[3]." + "stdin".
  struct Place {
    const string& prefix;
    const char* key;
    [[nodiscard]] string text() const { return prefix + key; }
  };
  struct Size {
    std::size_t max;
  };

  // -- groups of fields
  bool identity(json& body);
  bool program(json& body);
  bool behaviour(json& body);
  bool entry(json& body);
  bool files(json& body);
  bool file(json& entry, const string& prefix, std::size_t& total);
  bool place_is_free(const string& path, const string& field);
  bool tests(json& body);
  bool test(json& entry, const string& prefix);
  bool args(json& entry, const string& prefix, Test& test);

  // -- single values; absent is fine, and leaves `out` as it is
  bool text(json& object, Place place, Size size, string& out);
  bool client_id(json& object, const char* key, string& out);
  bool flag(json& object, const char* key, bool& out);
  bool integer(json& object, Place place, std::uint64_t min, std::uint64_t max,
               std::optional<std::uint64_t>& out);
  bool duration(json& object, Place place, std::chrono::milliseconds max,
                std::optional<std::chrono::milliseconds>& out);
  bool compare(json& object, Place place, std::optional<Compare>& out);
  bool require(json& object, const char* key, const string& prefix);

  static json* find(json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }
  bool fail(string code, string field, string message, int status = 400) {
    error_ = RequestError{status, std::move(code), std::move(message), std::move(field)};
    return false;
  }
  bool wrong_type(const string& field, const char* wanted) {
    return fail("wrong_type", field, field + " must be " + wanted);
  }

  const SpecLimits& limits_;
  const string top_{};
  std::optional<RequestError> error_{};
  Job job_{};
  std::set<string, std::less<>> paths_{};
  std::set<string, std::less<>> folders_{};
};

bool JobReader::identity(json& body) {
  if (!text(body, {top_, "jobId"}, {kJobIdMax}, job_.id)) return false;
  if (find(body, "jobId") != nullptr && !is_job_id(job_.id)) {
    return fail("bad_value", "jobId", "jobId must be 1 to 128 of A-Z a-z 0-9 . _ : -");
  }
  if (!client_id(body, "userId", job_.user_id) || !client_id(body, "traceId", job_.trace_id)) return false;
  if (!text(body, {top_, "replyTo"}, {kComponentMax}, job_.reply_to)) return false;
  if (find(body, "replyTo") != nullptr && !is_reply_key(job_.reply_to)) {
    return fail("bad_value", "replyTo", "replyTo must be a plain key under executor:results:");
  }
  return true;
}

bool JobReader::program(json& body) {
  if (!require(body, "language", top_) || !text(body, {top_, "language"}, {kNameMax}, job_.language))
    return false;
  if (std::find(limits_.languages.begin(), limits_.languages.end(), job_.language) ==
      limits_.languages.end()) {
    string known;
    for (const string& language : limits_.languages) known += (known.empty() ? "" : ", ") + language;
    return fail("unknown_language", "language", "language must be one of: " + known);
  }
  if (!require(body, "source", top_) || !text(body, {top_, "source"}, {limits_.source_max}, job_.source))
    return false;
  if (has_nul(job_.source)) return fail("bad_value", "source", "source must not hold NUL characters");
  return true;
}

bool JobReader::behaviour(json& body) {
  std::optional<Compare> chosen;
  if (!flag(body, "stopOnFailure", job_.stop_on_failure) || !flag(body, "processes", job_.processes) ||
      !flag(body, "progress", job_.progress))
    return false;
  if (!compare(body, {top_, "compare"}, chosen)) return false;
  job_.compare = chosen.value_or(CompareMode::trimmed);
  return entry(body);
}

bool JobReader::entry(json& body) {
  string wanted = "program";
  if (!text(body, {top_, "entry"}, {kNameMax}, wanted)) return false;
  if (wanted != "program" && wanted != "solution")
    return fail("bad_value", "entry", R"(entry must be "program" or "solution")");
  job_.entry = wanted == "solution" ? Entry::solution : Entry::program;
  return true;
}

bool JobReader::files(json& body) {
  json* list = find(body, "files");
  if (list == nullptr) return true;
  if (!list->is_array()) return wrong_type("files", "an array");
  if (list->size() > limits_.max_files) {
    return fail("out_of_range", "files",
                "files may hold at most " + std::to_string(limits_.max_files) + " entries");
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!file((*list)[i], "files[" + std::to_string(i) + "]", total)) return false;
  }
  return true;
}

bool JobReader::file(json& entry, const string& name, std::size_t& total) {
  if (!entry.is_object()) return wrong_type(name, "an object");
  const string prefix = name + ".";
  SourceFile file;
  if (!require(entry, "path", prefix) || !text(entry, {prefix, "path"}, {kPathMax}, file.path)) return false;
  if (!require(entry, "content", prefix)) return false;
  if (!text(entry, {prefix, "content"}, {limits_.files_max - total}, file.content)) return false;
  total += file.content.size();
  const string field = prefix + "path";
  if (const string_view fault = path_fault(file.path); !fault.empty()) {
    return fail("bad_value", field, field + " " + string(fault));
  }
  if (!place_is_free(file.path, field)) return false;
  job_.files.push_back(std::move(file));
  return true;
}

/// No two files in one place, no file where another needs a folder, none where the source will stand.
bool JobReader::place_is_free(const string& path, const string& field) {
  const string_view first = string_view(path).substr(0, path.find('/'));
  const auto language =
      static_cast<std::size_t>(std::find(limits_.languages.begin(), limits_.languages.end(), job_.language) -
                               limits_.languages.begin());
  const bool is_source = language < limits_.source_files.size() && limits_.source_files[language] == first;
  if (is_source || std::find(kSolutionFiles.begin(), kSolutionFiles.end(), first) != kSolutionFiles.end()) {
    return fail("bad_value", field, field + " is where the source stands");
  }
  bool free = !folders_.contains(path) && paths_.insert(path).second;
  for (std::size_t end = path.find('/'); end != string::npos; end = path.find('/', end + 1)) {
    const string folder = path.substr(0, end);
    free = free && !paths_.contains(folder);
    folders_.insert(folder);
  }
  return free || fail("bad_value", field, field + " is taken by another file");
}

bool JobReader::tests(json& body) {
  if (!require(body, "tests", top_)) return false;
  json& list = body["tests"];
  if (!list.is_array()) return wrong_type("tests", "an array");
  if (list.empty()) return fail("out_of_range", "tests", "tests must hold at least one test");
  if (list.size() > limits_.max_tests) {
    return fail("out_of_range", "tests",
                "tests holds " + std::to_string(list.size()) + " tests, the server's maximum is " +
                    std::to_string(limits_.max_tests));
  }
  job_.tests.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!test(list[i], "tests[" + std::to_string(i) + "]")) return false;
  }
  return true;
}

bool JobReader::test(json& entry, const string& name) {
  if (!entry.is_object()) return wrong_type(name, "an object");
  const string prefix = name + ".";
  Test test;
  if (!text(entry, {prefix, "name"}, {kNameMax}, test.name)) return false;
  if (!text(entry, {prefix, "stdin"}, {limits_.stdin_max}, test.stdin_bytes)) return false;
  if (json* expected = find(entry, "expectedStdout");
      expected != nullptr && !expected->is_null()) {  // null: no expectation
    if (!text(entry, {prefix, "expectedStdout"}, {limits_.expected_max}, test.expected_stdout.emplace()))
      return false;
  }
  if (!duration(entry, {prefix, "timeoutMs"}, limits_.wall_time_max, test.wall_time)) return false;
  if (!duration(entry, {prefix, "cpuTimeMs"}, limits_.cpu_time_max, test.cpu_time)) return false;
  if (!integer(entry, {prefix, "memoryBytes"}, limits_.memory_min, limits_.memory_max, test.memory_max))
    return false;
  if (!args(entry, prefix, test) || !compare(entry, {prefix, "compare"}, test.compare)) return false;
  job_.tests.push_back(std::move(test));
  return true;
}

bool JobReader::args(json& entry, const string& prefix, Test& test) {
  json* list = find(entry, "args");
  if (list == nullptr) return true;
  const string field = prefix + "args";
  if (!list->is_array()) return wrong_type(field, "an array of strings");
  if (list->size() > limits_.max_args) {
    return fail("out_of_range", field,
                field + " may hold at most " + std::to_string(limits_.max_args) + " strings");
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* value = (*list)[i].get_ptr<string*>();
    const string place = field + "[" + std::to_string(i) + "]";
    if (value == nullptr) return wrong_type(place, "a string");
    if (has_nul(*value)) return fail("bad_value", place, place + " must not hold NUL characters");
    if (value->size() > limits_.arg_max) return fail("too_large", place, place + " is too long", 413);
    test.args.push_back(*value);
  }
  return true;
}

bool JobReader::text(json& object, Place place, Size size, string& out) {
  json* value = find(object, place.key);
  if (value == nullptr) return true;
  auto* found = value->get_ptr<string*>();
  if (found == nullptr) return wrong_type(place.text(), "a string");
  if (found->size() > size.max) {
    return fail("too_large", place.text(),
                place.text() + " has " + std::to_string(found->size()) + " bytes, the maximum is " +
                    std::to_string(size.max),
                413);
  }
  out = std::move(*found);
  return true;
}

bool JobReader::client_id(json& object, const char* key, string& out) {
  if (!text(object, {top_, key}, {kClientIdMax * 4}, out)) return false;
  return is_client_id(out) ||
         fail("bad_value", key, string(key) + " must be at most 128 printable characters");
}

bool JobReader::flag(json& object, const char* key, bool& out) {
  json* value = find(object, key);
  if (value == nullptr) return true;
  if (!value->is_boolean()) return wrong_type(key, "true or false");
  out = value->get<bool>();
  return true;
}

bool JobReader::integer(json& object, Place place, std::uint64_t min, std::uint64_t max,
                        std::optional<std::uint64_t>& out) {
  json* value = find(object, place.key);
  if (value == nullptr) return true;
  if (!value->is_number_integer()) return wrong_type(place.text(), "an integer");
  const bool negative = !value->is_number_unsigned();  // the library keeps what is not negative as unsigned
  if (negative || value->get<std::uint64_t>() < min || value->get<std::uint64_t>() > max) {
    return fail("out_of_range", place.text(),
                place.text() + " is " + value->dump() + ", the server allows " + std::to_string(min) +
                    " to " + std::to_string(max));
  }
  out = value->get<std::uint64_t>();
  return true;
}

bool JobReader::duration(json& object, Place place, std::chrono::milliseconds max,
                         std::optional<std::chrono::milliseconds>& out) {
  std::optional<std::uint64_t> count;
  if (!integer(object, place, 1, static_cast<std::uint64_t>(max.count()), count)) return false;
  if (count) out = std::chrono::milliseconds(*count);
  return true;
}

bool JobReader::compare(json& object, Place place, std::optional<Compare>& out) {
  json* value = find(object, place.key);
  if (value == nullptr) return true;
  if (const auto* mode = value->get_ptr<string*>(); mode != nullptr) {
    if (*mode == "exact") out = CompareMode::exact;
    if (*mode == "trimmed") out = CompareMode::trimmed;
    if (*mode == "tokens") out = CompareMode::tokens;
    if (*mode == "json") out = CompareMode::json;
  } else if (value->is_object() && value->size() == 1 && value->contains("float") &&
             (*value)["float"].is_number()) {
    const double tolerance = (*value)["float"].get<double>();
    if (!std::isfinite(tolerance) || tolerance < 0) {
      return fail("out_of_range", place.text() + ".float", place.text() + ".float must not be negative");
    }
    out = CompareFloat{tolerance};
  }
  return out.has_value() ||
         fail(value->is_string() ? "bad_value" : "wrong_type", place.text(),
              place.text() + R"( must be "exact", "trimmed", "tokens", "json" or {"float": tolerance})");
}

bool JobReader::require(json& object, const char* key, const string& prefix) {
  return find(object, key) != nullptr || fail("missing_field", prefix + key, prefix + key + " is required");
}

json compare_to_json(const Compare& compare) {
  if (const auto* numbers = std::get_if<CompareFloat>(&compare)) return {{"float", numbers->tolerance}};
  switch (std::get<CompareMode>(compare)) {
    case CompareMode::exact:
      return "exact";
    case CompareMode::trimmed:
      return "trimmed";
    case CompareMode::tokens:
      return "tokens";
    case CompareMode::json:
      return "json";
  }
  return "trimmed";
}

json test_to_json(const Test& test) {
  json out = {{"stdin", test.stdin_bytes}};
  if (!test.name.empty()) out["name"] = test.name;
  if (test.expected_stdout) out["expectedStdout"] = *test.expected_stdout;
  if (!test.args.empty()) out["args"] = test.args;
  if (test.wall_time) out["timeoutMs"] = test.wall_time->count();
  if (test.cpu_time) out["cpuTimeMs"] = test.cpu_time->count();
  if (test.memory_max) out["memoryBytes"] = *test.memory_max;
  if (test.compare) out["compare"] = compare_to_json(*test.compare);
  return out;
}

}  // namespace

RequestResult<Job> parse_job(std::string_view body, const SpecLimits& limits) {
  json document;
  if (auto error = parse_strict_json(body, limits.max_depth, document)) return std::move(*error);
  return read_job(document, limits);
}

RequestResult<Job> read_job(json& document, const SpecLimits& limits) {
  return JobReader(limits).read(document);
}

std::string job_to_json(const Job& job) {
  json out = {{"language", job.language}, {"source", job.source}, {"compare", compare_to_json(job.compare)}};
  if (!job.id.empty()) out["jobId"] = job.id;
  if (!job.user_id.empty()) out["userId"] = job.user_id;
  if (!job.trace_id.empty()) out["traceId"] = job.trace_id;
  if (!job.reply_to.empty()) out["replyTo"] = job.reply_to;
  if (job.stop_on_failure) out["stopOnFailure"] = true;
  if (job.processes) out["processes"] = true;
  if (job.progress) out["progress"] = true;
  if (job.entry == Entry::solution) out["entry"] = "solution";
  for (const SourceFile& file : job.files)
    out["files"].push_back({{"path", file.path}, {"content", file.content}});
  json& tests = out["tests"] = json::array();
  for (const Test& test : job.tests) tests.push_back(test_to_json(test));
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_job_id(std::string_view text) {
  return !text.empty() && text.size() <= kJobIdMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == ':'; });
}

bool is_client_id(std::string_view text) {
  return is_printable(text) && count_utf8(text).value_or(kClientIdMax + 1) <= kClientIdMax;
}

}  // namespace executor
