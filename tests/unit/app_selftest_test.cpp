#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/selftest/claims.hpp"

namespace executor::selftest {
namespace {

/// Gives every program the same outcome.
class Same final : public Runner {
 public:
  explicit Same(Result<Outcome> outcome) : outcome_(std::move(outcome)) {}
  std::vector<Result<Outcome>> run(std::vector<Program> programs) override {
    return std::vector<Result<Outcome>>(programs.size(), outcome_);
  }

 private:
  Result<Outcome> outcome_;
};

std::vector<Finding> findings_of(Result<Outcome> outcome, const Surroundings& surroundings = {}) {
  Same runner(std::move(outcome));
  return try_claims(runner, "secret", surroundings);
}

std::ptrdiff_t held(const std::vector<Finding>& findings) {
  return std::ranges::count(findings, State::held, &Finding::state);
}

TEST_CASE("every promise has claims, in order, and each says what it is") {
  const auto findings = findings_of(Outcome{});
  CHECK(findings.size() > 30);
  CHECK(std::ranges::is_sorted(findings, {}, &Finding::promise));
  for (const char* promise : {"P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"})
    CHECK(std::ranges::count(findings, promise, &Finding::promise) > 0);
}

TEST_CASE("programs that print nothing and end well hold no claim but that their answer is wrong") {
  const auto findings = findings_of(Outcome{});
  CHECK_FALSE(all_held(findings));
  for (const Finding& found : findings) {
    CAPTURE(found.claim);
    const bool may_hold = found.promise == "P4" && found.claim.starts_with("leaving early");
    CHECK((found.state == State::held) == may_hold);
    if (found.state == State::broken) CHECK_FALSE(found.detail.empty());
  }
}

TEST_CASE("a refusal by somebody else's filter holds only where there is such a filter") {
  Outcome refused;
  refused.stdout_bytes = "EPERM\n";
  const auto violations_held = [&](const Surroundings& surroundings) {
    const auto findings = findings_of(refused, surroundings);
    return std::ranges::count_if(findings, [](const Finding& found) {
      return found.claim.ends_with("is the end of the program") && found.state == State::held;
    });
  };
  CHECK(violations_held({}) == 0);
  CHECK(violations_held({.filtered = true}) == 4);
}

TEST_CASE("a group that the service's user has further is told") {
  Outcome own;
  own.stdout_bytes = "{65534}\n";
  const auto state = [&](const Surroundings& surroundings) {
    const auto findings = findings_of(own, surroundings);
    return std::ranges::find(findings, "the program is in no group but its own", &Finding::claim)->state;
  };
  CHECK(state({}) == State::held);
  CHECK(state({.further_groups = true}) == State::broken);
}

TEST_CASE("where nothing runs nothing is held") {
  const auto findings = findings_of(Error("no sandbox", std::make_error_code(std::errc::io_error), ""));
  for (const Finding& found : findings) CHECK(found.state != State::held);
}

TEST_CASE("a layer that is not in force is named, and one id for all does not apply") {
  Outcome outcome;
  outcome.isolation = {"user_namespace", "mount_namespace", "pid_namespace",    "network_namespace",
                       "ipc_namespace",  "uts_namespace",   "cgroup_namespace", "pivot_root",
                       "no_new_privs",   "no_capabilities", "cgroup_v2"};
  auto findings = findings_of(outcome);
  const auto layers = std::ranges::find(findings, "every layer is in force in every run", &Finding::claim);
  REQUIRE(layers != findings.end());
  CHECK(layers->state == State::broken);
  CHECK(layers->detail == "missing: seccomp");
  const auto ids = std::ranges::find(findings, "each sandbox has ids of its own", &Finding::claim);
  REQUIRE(ids != findings.end());
  CHECK(ids->state == State::not_applicable);
  outcome.isolation.insert(outcome.isolation.end(), {"seccomp", "own_ids"});
  findings = findings_of(outcome);
  CHECK(held(findings) == 3);
}

TEST_CASE("the table and the JSON say the same") {
  const std::vector<Finding> findings = {{"P1", "one", State::held, ""},
                                         {"P1", "two", State::broken, "seen \"x\""},
                                         {"P7", "three", State::not_applicable, "no range of ids"}};
  CHECK(to_table(findings).find("1 held, 1 broken, 1 not applicable") != std::string::npos);
  const auto report = nlohmann::json::parse(to_json(findings, 1.5));
  CHECK(report["ok"] == false);
  CHECK(report["claims"].size() == 3);
  CHECK(report["claims"][1] ==
        nlohmann::json{{"promise", "P1"}, {"claim", "two"}, {"state", "broken"}, {"detail", "seen \"x\""}});
  CHECK(report["claims"][2]["state"] == "not applicable");
}

}  // namespace
}  // namespace executor::selftest
