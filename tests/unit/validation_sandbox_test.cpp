#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "validation/policy_script.hpp"
#include "validation/sandbox_validator.hpp"

using namespace executor;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const char* const kFine = R"({"compileError": false, "violations": []})";
const char* const kRefused =
    R"({"compileError": false, "violations": [{"line": 2, "column": 8, "rule": "module", "message": "no"}]})";

/// A sandbox that says what the test tells it to.
struct FakeSandbox {
  ValidatorChannel::Events events{};
  std::vector<json> received{};
  bool destroyed = false;

  void say(std::string_view body) { events.on_bytes(make_frame(body)); }
};

class FakeChannel : public ValidatorChannel {
 public:
  explicit FakeChannel(std::shared_ptr<FakeSandbox> sandbox) : sandbox_(std::move(sandbox)) {}
  ~FakeChannel() override { sandbox_->destroyed = true; }
  void write(std::string bytes) override {
    reader_.append(bytes);
    while (auto body = reader_.next()) sandbox_->received.push_back(json::parse(*body));
  }

 private:
  std::shared_ptr<FakeSandbox> sandbox_;
  FrameReader reader_{10'000'000};
};

struct Bench {
  explicit Bench(SandboxValidatorOptions options = {})
      : validator(std::make_unique<SandboxValidator>(
            io.get_executor(), [this](ValidatorChannel::Events events) { return open(std::move(events)); },
            std::move(options))) {}

  Result<std::unique_ptr<ValidatorChannel>> open(ValidatorChannel::Events events) {
    if (!refuse.empty()) return Error{refuse, std::make_error_code(std::errc::operation_not_permitted)};
    sandboxes.push_back(std::make_shared<FakeSandbox>());
    sandboxes.back()->events = std::move(events);
    return std::unique_ptr<ValidatorChannel>(std::make_unique<FakeChannel>(sandboxes.back()));
  }

  /// Asks about `source`; its answer will stand at the index returned.
  std::size_t ask(const std::string& source, const std::string& language = "python") {
    const std::size_t index = answers.size();
    answers.emplace_back();
    validator->validate(language, source, [this, index](Result<ValidationReport> result) {
      ++calls;
      answers[index] = std::move(result);
    });
    return index;
  }

  void poll() {
    io.restart();
    io.poll();
  }
  FakeSandbox& last() { return *sandboxes.back(); }
  void ready() {
    last().say(R"({"ready": true})");
    poll();
  }
  void say(std::string_view body) {
    last().say(body);
    poll();
  }
  [[nodiscard]] std::string rule(std::size_t index) const {
    if (!answers[index]) return "no answer";
    if (answers[index]->has_error()) return "error";
    const auto& violations = (*answers[index])->violations;
    return violations.empty() ? "fine" : violations[0].rule;
  }

  boost::asio::io_context io;
  std::string refuse;
  std::vector<std::shared_ptr<FakeSandbox>> sandboxes;
  std::vector<std::optional<Result<ValidationReport>>> answers;
  int calls = 0;
  std::unique_ptr<SandboxValidator> validator;
};

SandboxValidatorOptions with(std::chrono::milliseconds start, std::chrono::milliseconds request) {
  SandboxValidatorOptions options;
  options.start_deadline = start;
  options.request_deadline = request;
  return options;
}

}  // namespace

TEST_CASE("the first frame configures the policy and the second carries the source") {
  SandboxValidatorOptions options;
  options.policy.modules = {"math"};
  Bench bench(options);
  const auto answer = bench.ask("import os # é");
  REQUIRE(bench.sandboxes.size() == 1);
  CHECK(bench.last().received ==
        std::vector<json>{{{"mode", "on"}, {"modules", {"math"}}, {"builtins", nullptr}}});
  bench.ready();
  REQUIRE(bench.last().received.size() == 2);
  CHECK(bench.last().received[1] == json{{"source", "import os # é"}});
  bench.say(kRefused);
  REQUIRE(bench.answers[answer].has_value());
  const ValidationReport& report = **bench.answers[answer];
  CHECK_FALSE(report.ok());
  CHECK_FALSE(report.compile_error);
  CHECK(report.violations == std::vector<Violation>{{2, 8, "module", "no"}});
}

TEST_CASE("the configuration says what the operator allows") {
  SandboxValidatorOptions options;
  options.policy.enabled = false;
  options.policy.modules = {"*"};
  options.policy.builtins = {"print"};
  Bench bench(options);
  bench.validator->start();
  bench.validator->start();
  REQUIRE(bench.sandboxes.size() == 1);
  CHECK(bench.last().received[0] == json{{"mode", "off"}, {"modules", {"*"}}, {"builtins", {"print"}}});
}

TEST_CASE("requests are answered in order with one in the sandbox at a time") {
  Bench bench;
  for (const char* source : {"a", "b", "c"}) bench.ask(source);
  bench.ready();
  CHECK(bench.validator->status().waiting == 3);
  CHECK(bench.last().received.size() == 2);
  bench.say(kFine);
  CHECK(bench.last().received.back() == json{{"source", "b"}});
  bench.say(kRefused);
  bench.say(kFine);
  CHECK(bench.rule(0) == "fine");
  CHECK(bench.rule(1) == "module");
  CHECK(bench.rule(2) == "fine");
  CHECK(bench.calls == 3);
  CHECK(bench.validator->status().checked == 3);
}

TEST_CASE("an answer is never given from inside the question") {
  Bench bench;
  const auto first = bench.ask("function f() {}", "javascript");
  CHECK(bench.rule(first) == "no answer");
  bench.poll();
  CHECK(bench.rule(first) == "fine");
  CHECK(bench.sandboxes.empty());
}

TEST_CASE("the same source is asked about once") {
  Bench bench;
  bench.ask("a");
  bench.ready();
  bench.say(kRefused);
  const auto again = bench.ask("a");
  bench.poll();
  CHECK(bench.rule(again) == "module");
  CHECK(bench.last().received.size() == 2);
  CHECK(bench.validator->status().cache_hits == 1);
  bench.ask("b");
  CHECK(bench.last().received.size() == 3);
}

TEST_CASE("a syntax error is told apart") {
  Bench bench;
  bench.ask("def");
  bench.ready();
  bench.say(
      R"({"compileError": true, "violations": [{"line": 1, "column": 4, "rule": "syntax", "message": "m"}]})");
  CHECK((*bench.answers[0])->compile_error);
}

TEST_CASE("a source that is not UTF-8 is a syntax error without asking") {
  Bench bench;
  const auto answer = bench.ask("x = '\xff'");
  bench.poll();
  CHECK(bench.rule(answer) == "syntax");
  CHECK((*bench.answers[answer])->compile_error);
  CHECK(bench.sandboxes.empty());
}

TEST_CASE("a crash is the violation of the request in the sandbox and of no other") {
  Bench bench;
  bench.ask("crash");
  bench.ask("innocent");
  bench.ready();
  bench.last().events.on_closed(Error{"signal 11", {}});
  bench.poll();
  CHECK(bench.rule(0) == "no answer");  // what ended it may have been anything: once more
  bench.ready();
  CHECK(bench.last().received.back() == json{{"source", "crash"}});
  bench.last().events.on_closed(Error{"signal 11", {}});
  bench.poll();
  REQUIRE(bench.rule(0) == "parser");
  CHECK_FALSE((*bench.answers[0])->compile_error);
  CHECK(bench.rule(1) == "no answer");
  REQUIRE(bench.sandboxes.size() == 3);
  CHECK(bench.sandboxes[0]->destroyed);
  CHECK(bench.sandboxes[1]->destroyed);
  bench.ready();
  CHECK(bench.last().received.back() == json{{"source", "innocent"}});
  bench.say(kFine);
  CHECK(bench.rule(1) == "fine");
  CHECK(bench.validator->status().restarts == 2);
}

TEST_CASE("a source whose sandbox was ended from outside is checked in the next one") {
  Bench bench;
  bench.ask("a");
  bench.ready();
  bench.last().events.on_closed(Error{"signal 9", {}});
  bench.poll();
  bench.ready();
  bench.say(kFine);
  CHECK(bench.rule(0) == "fine");
}

TEST_CASE("a crash is not remembered") {
  Bench bench;
  bench.ask("a");
  for (int round = 0; round < 2; ++round) {
    bench.ready();
    bench.last().events.on_closed(Error{"signal 9", {}});
    bench.poll();
  }
  REQUIRE(bench.rule(0) == "parser");
  bench.ready();
  const auto again = bench.ask("a");
  bench.say(kFine);
  CHECK(bench.rule(again) == "fine");
}

TEST_CASE("a source that takes too long is refused and its sandbox is replaced") {
  Bench bench(with(1h, 0ms));
  bench.ask("slow");
  bench.ready();
  bench.poll();
  REQUIRE(bench.rule(0) == "parser");
  CHECK((*bench.answers[0])->violations[0].message == "the source could not be parsed within its limits");
  CHECK(bench.sandboxes.size() == 2);
  CHECK(bench.sandboxes[0]->destroyed);
}

TEST_CASE("a late word of a sandbox that was given up is not heard") {
  Bench bench(with(1h, 0ms));
  bench.ask("slow");
  bench.ask("next");
  bench.ready();
  bench.poll();
  REQUIRE(bench.sandboxes.size() == 2);
  bench.sandboxes[0]->say(kFine);
  bench.sandboxes[0]->events.on_closed(Error{"late", {}});
  bench.poll();
  CHECK(bench.calls == 1);
  CHECK(bench.rule(1) == "no answer");
  CHECK(bench.sandboxes.size() == 2);
}

TEST_CASE("two sandboxes in a row that are slow to start are an error for all who wait") {
  Bench bench(with(0ms, 1h));
  bench.ask("a");
  bench.ask("b");
  bench.poll();
  CHECK(bench.rule(0) == "error");
  CHECK(bench.rule(1) == "error");
  REQUIRE(bench.sandboxes.size() == 2);
  CHECK(bench.sandboxes[0]->destroyed);
  CHECK(bench.sandboxes[1]->destroyed);
  CHECK_FALSE(bench.validator->status().ready);
}

TEST_CASE("a sandbox that cannot be made is an error, and the next request tries again") {
  Bench bench;
  bench.refuse = "clone sandbox";
  bench.ask("a");
  bench.poll();
  REQUIRE(bench.rule(0) == "error");
  CHECK(bench.answers[0]->error().message().find("start source parser: clone sandbox") != std::string::npos);
  bench.refuse.clear();
  bench.ask("a");
  bench.ready();
  bench.say(kFine);
  CHECK(bench.rule(1) == "fine");
}

TEST_CASE("a sandbox that ends before it is ready is followed by another") {
  Bench bench;
  bench.ask("a");
  bench.last().events.on_closed(Error{"exit 1", {}});
  bench.poll();
  CHECK(bench.rule(0) == "no answer");
  bench.ready();
  bench.say(kFine);
  CHECK(bench.rule(0) == "fine");
}

TEST_CASE("two sandboxes that end before they are ready are an error and no violation") {
  Bench bench;
  for (int round = 0; round < 2; ++round) {  // what failed once is forgotten with its error
    const std::size_t answer = bench.ask("a");
    for (int end = 0; end < 2; ++end) {
      CHECK(bench.rule(answer) == "no answer");
      bench.last().events.on_closed(Error{"exit 1", {}});
      bench.poll();
    }
    CHECK(bench.rule(answer) == "error");
    CHECK(bench.sandboxes.size() == 2 * (static_cast<std::size_t>(round) + 1));
  }
}

TEST_CASE("a sandbox that ends while nobody waits is replaced for the next request") {
  Bench bench;
  bench.validator->start();
  bench.ready();
  CHECK(bench.validator->status().ready);
  bench.last().events.on_closed(Error{"killed", {}});
  bench.poll();
  CHECK_FALSE(bench.validator->status().ready);
  CHECK(bench.validator->status().detail == "killed");
  bench.ask("a");
  CHECK(bench.sandboxes.size() == 2);
}

TEST_CASE("nonsense from the sandbox refuses the request") {
  for (const char* nonsense :
       {"", "x", "[]", "{}", R"({"compileError": false})", R"({"violations": []})",
        R"({"compileError": 0, "violations": []})", R"({"compileError": true, "violations": []})",
        R"({"compileError": false, "violations": {}})", R"({"compileError": false, "violations": [1]})",
        R"({"compileError": false, "violations": [{"line": 1}]})",
        R"({"compileError": false, "violations": [{"line": -1, "column": 1, "rule": "r", "message": "m"}]})",
        R"({"compileError": false, "violations": [{"line": 1e9, "column": 1, "rule": "r", "message": "m"}]})",
        R"({"compileError": false, "compileError": false, "violations": []})",
        "{\"compileError\": false, \"violations\": [\"\xff\"]}"}) {
    Bench bench;
    bench.ask("a");
    bench.ready();
    bench.say(nonsense);
    CHECK_MESSAGE(bench.rule(0) == "parser", nonsense);
    CHECK(bench.sandboxes.size() == 2);
  }
}

TEST_CASE("an answer beyond its size refuses the request before it is read") {
  SandboxValidatorOptions options;
  options.answer_max = 100;
  Bench bench(options);
  bench.ask("a");
  bench.ready();
  bench.last().events.on_bytes(make_frame(std::string(101, ' ')).substr(0, 4));
  bench.poll();
  CHECK(bench.rule(0) == "parser");
}

TEST_CASE("code comes behind the answer, as it is, and with the report that is remembered") {
  SandboxValidatorOptions options;
  options.code_max = 8;
  Bench bench(options);
  const auto first = bench.ask("a");
  CHECK(bench.last().received[0]["code"] == 8);
  bench.ready();
  bench.say(std::string(kFine) + std::string("\0c\0de\xff", 6));
  REQUIRE(bench.rule(first) == "fine");
  const auto again = bench.ask("a");
  bench.poll();
  for (const auto index : {first, again}) {
    REQUIRE((*bench.answers[index])->code != nullptr);
    CHECK(*(*bench.answers[index])->code == std::string("c\0de\xff", 5));
  }
  const auto without = bench.ask("b");
  bench.say(kFine);
  REQUIRE(bench.rule(without) == "fine");
  CHECK((*bench.answers[without])->code == nullptr);
}

TEST_CASE("a source that is refused has no code") {
  SandboxValidatorOptions options;
  options.code_max = 8;
  Bench bench(options);
  bench.ask("a");
  bench.ready();
  bench.say(std::string(kRefused) + std::string("\0code", 5));
  CHECK(bench.rule(0) == "module");
  CHECK((*bench.answers[0])->code == nullptr);
}

TEST_CASE("more code than was asked for is nonsense, and so is any where none was") {
  for (const std::size_t max : {0U, 4U}) {
    SandboxValidatorOptions options;
    options.code_max = max;
    Bench bench(options);
    bench.ask("a");
    bench.ready();
    bench.say(kFine + std::string(1, '\0') + std::string(max + 1, 'c'));
    CHECK(bench.rule(0) == "parser");
    CHECK(bench.sandboxes.size() == 2);
  }
}

TEST_CASE("a word that nobody asked for ends the sandbox") {
  Bench bench;
  bench.validator->start();
  bench.ready();
  bench.say(kFine);
  CHECK(bench.sandboxes[0]->destroyed);
  const auto answer = bench.ask("a");
  CHECK(bench.rule(answer) == "no answer");
  CHECK(bench.sandboxes.size() == 2);
}

TEST_CASE("two answers to one question are one too many") {
  Bench bench;
  bench.ask("a");
  bench.ready();
  bench.last().events.on_bytes(make_frame(kFine) + make_frame(kFine));
  bench.poll();
  CHECK(bench.rule(0) == "fine");
  CHECK(bench.calls == 1);
  CHECK(bench.sandboxes[0]->destroyed);
}

TEST_CASE("no more requests wait than are allowed") {
  SandboxValidatorOptions options;
  options.max_waiting = 2;
  Bench bench(options);
  for (const char* source : {"a", "b", "c"}) bench.ask(source);
  bench.poll();
  REQUIRE(bench.rule(2) == "error");
  CHECK(bench.answers[2]->error().code == std::errc::no_buffer_space);
  CHECK(bench.rule(0) == "no answer");
}

TEST_CASE("a sandbox that has served its share is replaced") {
  SandboxValidatorOptions options;
  options.requests_per_channel = 2;
  Bench bench(options);
  for (const char* source : {"a", "b", "c"}) bench.ask(source);
  bench.ready();
  bench.say(kFine);
  CHECK(bench.sandboxes.size() == 1);
  bench.say(kFine);
  REQUIRE(bench.sandboxes.size() == 2);
  CHECK(bench.sandboxes[0]->destroyed);
  bench.ready();
  bench.say(kFine);
  CHECK(bench.rule(2) == "fine");
  CHECK(bench.validator->status().restarts == 0);
}

TEST_CASE("a sandbox that is past its lifetime is replaced when nobody waits") {
  SandboxValidatorOptions options;
  options.channel_lifetime = 0ms;
  Bench bench(options);
  bench.ask("a");
  bench.ready();
  bench.poll();
  CHECK(bench.sandboxes.size() == 1);  // it has a source to look at
  bench.say(kFine);
  CHECK(bench.rule(0) == "fine");
  REQUIRE(bench.sandboxes.size() == 2);
  CHECK(bench.sandboxes[0]->destroyed);
  bench.ready();  // an idle one goes at once
  bench.poll();
  CHECK(bench.sandboxes.size() == 3);
  CHECK(bench.sandboxes[1]->destroyed);
  CHECK(bench.validator->status().restarts == 0);
}

TEST_CASE("a validator that goes away takes its sandbox along and calls nobody") {
  Bench bench(with(0ms, 0ms));
  bench.ask("a");
  bench.validator.reset();
  bench.poll();
  CHECK(bench.sandboxes[0]->destroyed);
  CHECK(bench.calls == 0);
}

TEST_CASE("the policy is built into the binary") {
  CHECK(policy_script().starts_with("# ---- lists.py"));
  CHECK(policy_script().find("def check(policy, source)") != std::string_view::npos);
  CHECK(policy_script().find("\nfrom lists import") == std::string_view::npos);
  CHECK(policy_script().ends_with("\n"));
}
