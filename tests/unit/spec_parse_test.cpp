#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "spec/parse.hpp"

using namespace executor;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const json kSmall = {{"language", "python"}, {"source", "print(1)"}, {"tests", {{{"stdin", "5\n"}}}}};

json with(const char* pointer, json value) {
  json body = kSmall;
  body[json::json_pointer(pointer)] = std::move(value);
  return body;
}

Job accepted(const json& body) {
  auto job = parse_job(body.dump(), {});
  REQUIRE_MESSAGE(job.has_value(), job.error().message);
  return *job;
}

RequestError refused_text(std::string_view body) {
  const auto job = parse_job(body, {});
  REQUIRE_MESSAGE(job.has_error(), body.substr(0, 200));
  return job.error();
}

RequestError refused(const json& body) { return refused_text(body.dump()); }

/// Refused with 400 for this very field.
void check_refused(const char* pointer, json value, const char* field, const char* code) {
  const RequestError error = refused(with(pointer, std::move(value)));
  CHECK(error.status == 400);
  CHECK(error.field == field);
  CHECK(error.code == code);
}

}  // namespace

TEST_CASE("the sample of the contract is read as it is meant") {
  const auto job = parse_job(R"json({"language": "python", "source": "n = int(input())\nprint(n * 2)",
    "tests": [{"stdin": "5\n", "expectedStdout": "10\n"}, {"stdin": "2\n", "timeoutMs": 1500, "expectedStdout": "4\n"}]})json",
                             {});
  REQUIRE(job.has_value());
  CHECK(job->language == "python");
  CHECK(job->source == "n = int(input())\nprint(n * 2)");
  CHECK(job->compare == Compare{CompareMode::trimmed});
  REQUIRE(job->tests.size() == 2);
  CHECK(job->tests[0].stdin_bytes == "5\n");
  CHECK(job->tests[0].expected_stdout == "10\n");
  CHECK_FALSE(job->tests[0].wall_time.has_value());
  CHECK(job->tests[1].wall_time == 1500ms);
  CHECK(job->id.empty());
}

TEST_CASE("a job with everything in it survives the way through the queue") {
  Job job;
  job.id = "0b7c7a52-5d0c-4a4e-9f40-2f5a0f2c8c11";
  job.source = "# é 😀\nprint('\"')\n";
  job.files = {{"data/in.txt", std::string("a\0b", 3)}, {"data/more/x", ""}};
  job.compare = CompareFloat{1e-6};
  job.stop_on_failure = job.processes = true;
  job.user_id = "Jürgen";
  job.trace_id = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  job.reply_to = "executor:results:{7}:x";
  Test test;
  test.name = "first";
  test.stdin_bytes = std::string("1\0\n", 3);
  test.expected_stdout = "";
  test.args = {"--x", ""};
  test.wall_time = 1500ms;
  test.cpu_time = 1ms;
  test.memory_max = 64 * kMiB;
  test.compare = CompareMode::exact;
  job.tests = {test, Test{}};
  const auto read = parse_job(job_to_json(job), {});
  REQUIRE_MESSAGE(read.has_value(), read.error().message);
  CHECK(*read == job);
}

TEST_CASE("a job with nothing but a program survives the way through the queue") {
  const Job job = accepted(kSmall);
  CHECK(*parse_job(job_to_json(job), {}) == job);
}

TEST_CASE("an empty source, a source of blanks and one of comments are jobs") {
  CHECK(accepted(with("/source", "")).source.empty());
  CHECK(accepted(with("/source", " \n\n")).source == " \n\n");
  CHECK(accepted(with("/source", "# nothing")).source == "# nothing");
}

TEST_CASE("fields that nobody knows are ignored, but never when they stand twice") {
  CHECK(accepted(with("/colour", {{"deep", {1, 2}}})) == accepted(kSmall));
  CHECK(accepted(with("/tests/0/weight", 3)) == accepted(kSmall));
  CHECK(refused_text(R"({"x":1,"x":1})").field == "x");
}

TEST_CASE("a body that is no object is refused") {
  for (const char* body : {"[]", "null", "\"x\"", "17"}) CHECK(refused_text(body).code == "wrong_type");
  CHECK(refused_text("language=python").code == "bad_json");
}

TEST_CASE("each required field is asked for by name") {
  for (const char* key : {"language", "source", "tests"}) {
    json body = kSmall;
    body.erase(key);
    CHECK(refused(body).field == key);
    CHECK(refused(body).code == "missing_field");
  }
  check_refused("/files", {{{"path", "a"}}}, "files[0].content", "missing_field");
  check_refused("/files", {{{"content", "a"}}}, "files[0].path", "missing_field");
}

TEST_CASE("each field of the wrong type is refused by name") {
  const std::pair<const char*, const char*> texts[] = {{"/language", "language"},
                                                       {"/source", "source"},
                                                       {"/jobId", "jobId"},
                                                       {"/userId", "userId"},
                                                       {"/traceId", "traceId"},
                                                       {"/replyTo", "replyTo"},
                                                       {"/tests/0/stdin", "tests[0].stdin"},
                                                       {"/tests/0/name", "tests[0].name"}};
  for (const auto& [pointer, field] : texts) {
    for (const json& value : {json(7), json(nullptr), json(true), json::array(), json::object()}) {
      check_refused(pointer, value, field, "wrong_type");
    }
  }
  check_refused("/tests/0/expectedStdout", 10, "tests[0].expectedStdout", "wrong_type");
  for (const char* key : {"stopOnFailure", "processes"}) {
    for (const json& value : {json(1), json("true"), json(nullptr)}) {
      check_refused((std::string("/") + key).c_str(), value, key, "wrong_type");
    }
  }
  for (const json& value : {json::object(), json("x"), json(nullptr)})
    check_refused("/tests", value, "tests", "wrong_type");
  check_refused("/tests/0", "x", "tests[0]", "wrong_type");
  check_refused("/files", "x", "files", "wrong_type");
  check_refused("/files", {1}, "files[0]", "wrong_type");
  check_refused("/tests/0/args", "x", "tests[0].args", "wrong_type");
  check_refused("/tests/0/args", {"a", 1}, "tests[0].args[1]", "wrong_type");
}

TEST_CASE("expected output that is null means that nothing is expected") {
  CHECK(accepted(with("/tests/0/expectedStdout", nullptr)) == accepted(kSmall));
  CHECK(accepted(with("/tests/0/expectedStdout", "")).tests[0].expected_stdout == "");
}

TEST_CASE("limits out of range are refused by name and never clamped") {
  for (const char* key : {"timeoutMs", "cpuTimeMs", "memoryBytes"}) {
    const std::string pointer = std::string("/tests/0/") + key;
    const std::string field = std::string("tests[0].") + key;
    for (const json& value : {json(0), json(-1), json(1'000'000'000'000), json(18446744073709551615U)}) {
      check_refused(pointer.c_str(), value, field.c_str(), "out_of_range");
    }
    for (const json& value : {json("1500"), json(nullptr), json(1500.5), json(1e3), json(true)}) {
      check_refused(pointer.c_str(), value, field.c_str(), "wrong_type");
    }
  }
  CHECK(refused(with("/tests/0/timeoutMs", 60'001)).message.find("60000") != std::string::npos);
  CHECK(accepted(with("/tests/0/timeoutMs", 60'000)).tests[0].wall_time == 60s);
  CHECK(accepted(with("/tests/0/cpuTimeMs", 1)).tests[0].cpu_time == 1ms);
  CHECK(accepted(with("/tests/0/memoryBytes", 256 * kMiB)).tests[0].memory_max == 256 * kMiB);
  check_refused("/tests/0/memoryBytes", 256 * kMiB + 1, "tests[0].memoryBytes", "out_of_range");
}

TEST_CASE("the number of tests is bounded at both ends") {
  check_refused("/tests", json::array(), "tests", "out_of_range");
  check_refused("/tests", json(5000, json::object()), "tests", "out_of_range");
  check_refused("/tests", json(1001, json::object()), "tests", "out_of_range");
  CHECK(accepted(with("/tests", json(1000, json::object()))).tests.size() == 1000);
}

TEST_CASE("a fault in a late test names that test") {
  json tests(1000, json::object());
  tests[999]["timeoutMs"] = -5;
  check_refused("/tests", tests, "tests[999].timeoutMs", "out_of_range");
}

TEST_CASE("texts beyond their size are answered with 413 and their name") {
  SpecLimits limits;
  limits.stdin_max = limits.expected_max = limits.files_max = 10;
  const std::string eleven(11, 'x');
  const std::pair<const char*, const char*> table[] = {
      {"/tests/0/stdin", "tests[0].stdin"}, {"/tests/0/expectedStdout", "tests[0].expectedStdout"}};
  for (const auto& [pointer, field] : table) {
    CHECK(parse_job(with(pointer, eleven.substr(1)).dump(), limits).has_value());
    const auto job = parse_job(with(pointer, eleven).dump(), limits);
    REQUIRE(job.has_error());
    CHECK(job.error().status == 413);
    CHECK(job.error().field == field);
  }
  const json files = {{{"path", "a"}, {"content", "123456"}}, {{"path", "b"}, {"content", "12345"}}};
  CHECK(parse_job(with("/files", files).dump(), limits).error().field == "files[1].content");

  CHECK(accepted(with("/source", std::string(256 * kKiB, 'x'))).source.size() == 256 * kKiB);
  for (const std::size_t size : {256 * kKiB + 1, 10 * kMiB}) {
    const RequestError error = refused(with("/source", std::string(size, 'x')));
    CHECK(error.status == 413);
    CHECK(error.field == "source");
    CHECK(error.code == "too_large");
  }
}

TEST_CASE("a source with NUL is refused while input may hold it") {
  check_refused("/source", std::string("a\0b", 3), "source", "bad_value");
  CHECK(accepted(with("/tests/0/stdin", std::string("a\0b", 3))).tests[0].stdin_bytes.size() == 3);
}

TEST_CASE("half a surrogate is refused in every text") {
  CHECK(refused_text(R"({"language":"python","source":"\ud83d"})").field == "source");
  CHECK(refused_text(R"({"tests":[{"stdin":"\ude00"}]})").field == "tests[0].stdin");
}

TEST_CASE("a language is one of those that the server runs") {
  check_refused("/language", "cobol", "language", "unknown_language");
  check_refused("/language", "Python", "language", "unknown_language");
  check_refused("/language", "", "language", "unknown_language");
  SpecLimits both;
  both.languages = {"python", "javascript"};
  CHECK(parse_job(with("/language", "javascript").dump(), both)->language == "javascript");
  CHECK(parse_job(with("/language", "lua").dump(), both).error().message ==
        "language must be one of: python, javascript");
}

TEST_CASE("ways to compare are read for the job and for a test") {
  CHECK(accepted(with("/compare", "exact")).compare == Compare{CompareMode::exact});
  CHECK(accepted(with("/compare", "tokens")).compare == Compare{CompareMode::tokens});
  CHECK(accepted(with("/compare", {{"float", 1e-6}})).compare == Compare{CompareFloat{1e-6}});
  CHECK(accepted(with("/compare", {{"float", 0}})).compare == Compare{CompareFloat{0}});
  CHECK(accepted(with("/tests/0/compare", "exact")).tests[0].compare == Compare{CompareMode::exact});
  check_refused("/compare", "fuzzy", "compare", "bad_value");
  check_refused("/compare", {{"float", -1}}, "compare.float", "out_of_range");
  for (const json& value : {json(1), json(nullptr), json::array(), json::object(), json{{"float", "1"}},
                            json{{"float", true}}, json{{"float", 1}, {"tokens", 1}}}) {
    check_refused("/compare", value, "compare", "wrong_type");
    check_refused("/tests/0/compare", value, "tests[0].compare", "wrong_type");
  }
}

TEST_CASE("a file stands at a plain path below the working directory") {
  const auto file = [](const std::string& path) { return json{{{"path", path}, {"content", "x"}}}; };
  for (const char* good :
       {"a", "data/in.txt", "a/b/c/d/e/f/g/h", "...", ".hidden", "main.py.txt", "sub/main.py", "ä ö"}) {
    CHECK(accepted(with("/files", file(good))).files[0].path == good);
  }
  for (const char* bad :
       {"", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", ".", "./a", "a/./b", "a//b", "a/",
        "a/b/c/d/e/f/g/h/i", "main.py", "main.py/x", "a\nb", "a\x1b", "\xe2\x80\xae"}) {
    check_refused("/files", file(bad), "files[0].path", "bad_value");
  }
  check_refused("/files", file(std::string("a\0b", 3)), "files[0].path", "bad_value");
  check_refused("/files", file(std::string(256, 'a')), "files[0].path", "bad_value");
  CHECK(refused(with("/files", file(std::string(513, 'a')))).status == 413);
}

TEST_CASE("only the own language's source is in the way of a file") {
  SpecLimits limits;
  limits.languages = {"python", "javascript"};
  limits.source_files = {"main.py", "main.js"};
  const auto is_accepted = [&](const char* language, const char* path) {
    json body = with("/language", language);
    body["files"] = json{{{"path", path}, {"content", "x"}}};
    return parse_job(body.dump(), limits).has_value();
  };
  CHECK(is_accepted("python", "main.js"));
  CHECK(is_accepted("javascript", "main.py"));
  CHECK_FALSE(is_accepted("python", "main.py"));
  CHECK_FALSE(is_accepted("javascript", "main.js"));
}

TEST_CASE("no two files stand in one place") {
  const auto files = [](const char* first, const char* second) {
    return json{{{"path", first}, {"content", ""}}, {{"path", second}, {"content", ""}}};
  };
  CHECK(accepted(with("/files", files("a/b", "a/c"))).files.size() == 2);
  CHECK(accepted(with("/files", files("a", "ab/c"))).files.size() == 2);
  check_refused("/files", files("a", "a"), "files[1].path", "bad_value");
  check_refused("/files", files("a", "a/b"), "files[1].path", "bad_value");
  check_refused("/files", files("a/b/c", "a/b"), "files[1].path", "bad_value");
  check_refused("/files", json(65, {{"path", "a"}, {"content", ""}}), "files", "out_of_range");
}

TEST_CASE("arguments are bounded and hold no NUL") {
  CHECK(accepted(with("/tests/0/args", {"-x", ""})).tests[0].args.size() == 2);
  check_refused("/tests/0/args", {"a", std::string("\0", 1)}, "tests[0].args[1]", "bad_value");
  check_refused("/tests/0/args", json(65, "a"), "tests[0].args", "out_of_range");
  CHECK(refused(with("/tests/0/args", {std::string(5000, 'a')})).status == 413);
}

TEST_CASE("a job's name is made of letters, digits, dots, underscores, colons and hyphens") {
  CHECK(accepted(with("/jobId", "0b7c7a52-5d0c-4a4e-9f40-2f5a0f2c8c11")).id.size() == 36);
  CHECK(accepted(with("/jobId", std::string(128, 'a'))).id.size() == 128);
  for (const char* bad : {"", "../x", "%2e%2e", "a b", "a/b", "*", "\xd9\xa3", "a\r\nb"})
    check_refused("/jobId", bad, "jobId", "bad_value");
  CHECK(refused(with("/jobId", std::string(129, 'a'))).field == "jobId");
}

TEST_CASE("clients' own names are short and printable") {
  for (const char* key : {"userId", "traceId"}) {
    const std::string pointer = std::string("/") + key;
    accepted(with(pointer.c_str(), std::string(128, 'a')));
    check_refused(pointer.c_str(), std::string(129, 'a'), key, "bad_value");
    check_refused(pointer.c_str(), "a\nb", key, "bad_value");
    check_refused(pointer.c_str(), std::string("a\0", 2), key, "bad_value");
    CHECK(refused(with(pointer.c_str(), std::string(10'000, 'a'))).field == key);
  }
}

TEST_CASE("a reply goes to a plain key under the results and nowhere else") {
  CHECK(accepted(with("/replyTo", "executor:results:abc-1")).reply_to == "executor:results:abc-1");
  for (const char* bad : {"", "executor:results:", "executor:tasks", "x:executor:results:a",
                          "executor:results:*", "executor:results:a b", "executor:results:a\r\nDEL x",
                          "executor:results:[a]", "executor:results:a?", "EXECUTOR:results:a"}) {
    check_refused("/replyTo", bad, "replyTo", "bad_value");
  }
}

TEST_CASE("a test gets the server's limits where it names none of its own") {
  SpecLimits spec;
  spec.defaults.wall_time = 3s;
  spec.defaults.stdout_max = 77;
  Test test;
  Limits limits = test_limits({}, test, spec);
  CHECK(limits.wall_time == 3s);
  CHECK(limits.cpu_time == 3s);
  CHECK(limits.memory_max == 256 * kMiB);
  CHECK(limits.stdout_max == 77);
  test.wall_time = 500ms;
  CHECK(test_limits({}, test, spec).cpu_time == 500ms);
  test.cpu_time = 2s;
  test.memory_max = kMiB;
  limits = test_limits({}, test, spec);
  CHECK(limits.wall_time == 500ms);
  CHECK(limits.cpu_time == 2s);
  CHECK(limits.memory_max == kMiB);
}

TEST_CASE("a refusal that nobody looked at is thrown with its field") {
  const auto job = parse_job(R"({"language":7})", {});
  CHECK_THROWS_WITH_AS((void)job.value(), "language: language must be a string", Exception);
}
