#include "app/selftest/claims.hpp"

#include <signal.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "app/selftest/programs.hpp"
#include "judge/judge.hpp"

namespace executor::selftest {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSiblings = 24;
constexpr std::size_t kBenign = 40;

Program program(const std::string& source, std::string input = {}) {
  Program made;
  made.source = kPrelude + source;
  made.stdin_bytes = std::move(input);
  made.limits.wall_time = made.limits.cpu_time = milliseconds(10'000);
  return made;
}

const char* name_of(Ending ending) {
  constexpr const char* kNames[] = {"exited",       "signalled",    "wall time limit",    "CPU time limit",
                                    "memory limit", "output limit", "security violation", "cancelled"};
  return kNames[static_cast<std::size_t>(ending)];
}

/// What came of a program, in one line.
std::string seen(const Result<Outcome>& outcome) {
  if (!outcome) return outcome.error().message();
  std::string text = name_of(outcome->ending);
  if (!outcome->violation.empty()) text += " (" + outcome->violation + ")";
  if (outcome->ending == Ending::exited) text += " with " + std::to_string(outcome->exit_code);
  text += ", printed \"" + outcome->stdout_bytes.substr(0, 120) + "\"";
  if (!outcome->stderr_bytes.empty()) text += ", said \"" + outcome->stderr_bytes.substr(0, 300) + "\"";
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return text;
}

bool printed(const Result<Outcome>& outcome, std::string_view text) {
  return outcome && outcome->ending == Ending::exited && outcome->exit_code == 0 &&
         outcome->stdout_bytes == text;
}

Finding finding(const char* promise, const char* claim, bool held, std::string detail = {}) {
  return {promise, claim, held ? State::held : State::broken, held ? std::string() : std::move(detail)};
}

Result<Outcome> run_one(Runner& runner, Program one) { return std::move(runner.run({std::move(one)}).at(0)); }

/// A filter around the service that refuses a call, or ends its caller, comes before the payload's own.
bool refused_outside(const Result<Outcome>& outcome) {
  if (!outcome) return false;
  if (outcome->ending == Ending::signalled) return outcome->signal == SIGSYS;
  return printed(outcome, "EPERM\n") || printed(outcome, "ENOSYS\n");
}

Finding try_attempt(Runner& runner, const Attempt& attempt, const Surroundings& surroundings) {
  Program one = program(attempt.source);
  one.processes = attempt.processes;
  one.limits.cpu_time = attempt.cpu_time;
  one.limits.wall_time = attempt.wall_time;
  one.limits.memory_max = attempt.memory_max;
  const Result<Outcome> outcome = run_one(runner, std::move(one));
  bool held = outcome && outcome->ending == attempt.ending;
  if (held && attempt.ending == Ending::exited) held = outcome->exit_code == attempt.exit_code;
  if (held && attempt.prints != nullptr) held = outcome->stdout_bytes == attempt.prints;
  if (held && attempt.violation != nullptr) held = outcome->violation == attempt.violation;
  if (!held && attempt.violation != nullptr && surroundings.filtered && refused_outside(outcome))
    return {attempt.promise, attempt.claim, State::held,
            "the call is refused by a filter around the service already: " + seen(outcome)};
  return finding(attempt.promise, attempt.claim, held, seen(outcome));
}

// Without the right to set groups a sandbox keeps the service's; nobody's own id stands for each of them.
Finding try_groups(Runner& runner, const Surroundings& surroundings) {
  constexpr const char* kClaim = "the program is in no group but its own";
  const auto outcome = run_one(runner, program("print(set(os.getgroups()))"));
  if (printed(outcome, "set()\n")) return finding("P1", kClaim, true);
  if (!printed(outcome, "{65534}\n")) return finding("P1", kClaim, false, seen(outcome));
  return finding(
      "P1", kClaim, !surroundings.further_groups,
      "the service's user has further groups, which each program keeps: start the service as root, "
      "or as a user of one group");
}

// -- P2

Finding try_state(Runner& runner) {
  const char* const source =
      "left = os.path.exists('/tmp/left') or hasattr(os, 'left')\nopen('/tmp/left', 'w').close()\nos.left = "
      "1\n"
      "ctypes.c_long.from_address(id(7) + 24).value = 8\nprint(left, flush=True)\nos._exit(0)";
  for (int i = 0; i < 4; ++i)
    if (const auto outcome = run_one(runner, program(source)); !printed(outcome, "False\n"))
      return finding("P2", "files and a poisoned interpreter end with their program", false, seen(outcome));
  const auto after = run_one(runner, program("print(3 + 4)"));
  return finding("P2", "files and a poisoned interpreter end with their program", printed(after, "7\n"),
                 seen(after));
}

Finding try_siblings(Runner& runner) {
  constexpr const char* kClaim = "siblings draw different random numbers";
  const Program one = program(
      "import random, secrets, tempfile, uuid\nprint(random.random(), os.urandom(8).hex(), uuid.uuid4(), "
      "uuid.uuid1(), "
      "next(tempfile._get_candidate_names()), secrets.token_hex(8))");
  std::map<std::size_t, std::set<std::string>> columns;
  for (const auto& outcome : runner.run(std::vector<Program>(kSiblings, one))) {
    if (!outcome || outcome->ending != Ending::exited || outcome->exit_code != 0)
      return finding("P2", kClaim, false, seen(outcome));
    std::istringstream words(outcome->stdout_bytes);
    std::size_t column = 0;
    for (std::string word; words >> word; ++column) columns[column].insert(word);
  }
  const bool held = columns.size() == 6 &&
                    std::ranges::all_of(columns, [](const auto& c) { return c.second.size() == kSiblings; });
  return finding("P2", kClaim, held, "two of " + std::to_string(kSiblings) + " siblings drew the same");
}

// -- P3

Finding try_channels(Runner& runner) {
  const auto both = runner.run({program(kChannels), program(kChannels)});
  for (const auto& outcome : both)
    if (!printed(outcome, kChannelsAnswer))
      return finding("P3", "two programs at once share no channel", false, seen(outcome));
  return finding("P3", "two programs at once share no channel", both[0]->sandbox_id != both[1]->sandbox_id,
                 "both ran in sandbox " + both[0]->sandbox_id);
}

// -- P4

Finding try_verdict(Runner& runner) {
  constexpr const char* kClaim = "leaving early, or with a forged answer, is a wrong answer";
  for (const char* source : {"os._exit(0)", "raise SystemExit", "print('accepted')",
                             "class Lie(str):\n    def __eq__(self, other): return True\nprint(Lie('x'))"}) {
    const auto outcome = run_one(runner, program(source));
    if (!outcome ||
        judge(*outcome, std::string("the expected output"), CompareMode::trimmed) != Verdict::wrong_answer)
      return finding("P4", kClaim, false, seen(outcome));
  }
  return finding("P4", kClaim, true);
}

// -- P5

Finding try_promptness(Runner& runner) {
  constexpr milliseconds kLimit{200};
  constexpr milliseconds kLongest{100};
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 3; ++i) {
    Program one = program("import time\ntime.sleep(1e6)");
    one.limits.wall_time = kLimit;
    const auto outcome = run_one(runner, std::move(one));
    if (!outcome || outcome->ending != Ending::wall_time_limit)
      return finding("P5", "a run ends within 100 ms of its limit", false, seen(outcome));
    best = std::min(best, outcome->wall_time - kLimit);
  }
  return finding("P5", "a run ends within 100 ms of its limit", best <= kLongest,
                 std::to_string(best.count() / 1'000'000) + " ms late at best");
}

// -- P6

Finding try_neighbours(Runner& runner) {
  constexpr const char* kClaim = "hostile neighbours change no verdict";
  std::vector<Program> hostile = {program("while True: pass"),
                                  program("while True: os.write(1, bytes(65536))"),
                                  program("kept = []\nwhile True: kept.append(bytes(1 << 20))")};
  for (Program& one : hostile) {
    one.limits.cpu_time = one.limits.wall_time = milliseconds(50);
    one.limits.memory_max = 32U << 20;
  }
  for (std::size_t i = 0; i < kBenign; ++i) {
    std::vector<Program> round = hostile;
    round.insert(round.begin(), program("print(sum(n * n for n in range(1000)))"));
    const auto outcomes = runner.run(std::move(round));
    if (!printed(outcomes.front(), "332833500\n"))
      return finding("P6", kClaim, false, seen(outcomes.front()));
  }
  return finding("P6", kClaim, true);
}

// -- P7

std::vector<Finding> try_layers(Runner& runner) {
  constexpr const char* kClaim = "every layer is in force in every run";
  const auto outcome = run_one(runner, program("pass"));
  if (!outcome) return {finding("P7", kClaim, false, seen(outcome))};
  const auto has = [&](std::string_view layer) {
    return std::ranges::find(outcome->isolation, layer) != outcome->isolation.end();
  };
  std::string missing;
  for (const char* layer :
       {"user_namespace", "mount_namespace", "pid_namespace", "network_namespace", "ipc_namespace",
        "uts_namespace", "cgroup_namespace", "pivot_root", "no_new_privs", "no_capabilities", "seccomp"})
    if (!has(layer)) missing += std::string(missing.empty() ? "missing: " : ", ") + layer;
  if (!has("cgroup_v1") && !has("cgroup_v2")) missing += missing.empty() ? "missing: cgroup" : ", cgroup";
  std::vector<Finding> findings = {finding("P7", kClaim, missing.empty(), missing)};
  if (has("own_ids"))
    findings.push_back(finding("P7", "each sandbox has ids of its own", true));
  else
    findings.push_back({"P7", "each sandbox has ids of its own", State::not_applicable,
                        "started without the right to map a range of ids: all share the service's own"});
  return findings;
}

// -- P8

Finding try_secret(Runner& runner, const std::string& secret) {
  constexpr const char* kClaim = "no secret of the service is in a program's memory or environment";
  std::string turned = secret;
  for (char& c : turned) c = static_cast<char>(~c);
  const auto control = run_one(runner, program("kept = '" + secret + "'\n" + kScan, turned));
  if (!printed(control, "True True\n"))
    return finding("P8", kClaim, false, "the search itself fails: " + seen(control));
  const auto outcome = run_one(runner, program(kScan, turned));
  return finding("P8", kClaim, printed(outcome, "False True\n"), seen(outcome));
}

}  // namespace

const char* to_string(State state) {
  switch (state) {
    case State::held:
      return "held";
    case State::broken:
      return "broken";
    case State::not_applicable:
      return "not applicable";
  }
  return "broken";
}

const char* promise_title(const std::string& promise) {
  constexpr const char* kTitles[] = {
      "containment: nothing outside can be read, written, signalled or reached",
      "no carry-over: nothing of a run can be seen by a later one",
      "no cross-talk: two sandboxes share no channel",
      "verdicts come from the kernel's facts and captured bytes alone",
      "limits hold",
      "no program changes another's verdict",
      "fail closed: no run with a layer less",
      "no secret lives below the front",
  };
  return kTitles[static_cast<std::size_t>(promise.back() - '1')];
}

std::vector<Finding> try_claims(Runner& runner, const std::string& secret, const Surroundings& surroundings) {
  std::vector<Finding> findings;
  findings.reserve(kAttempts.size() + 16);
  for (const Attempt& attempt : kAttempts) findings.push_back(try_attempt(runner, attempt, surroundings));
  findings.push_back(try_groups(runner, surroundings));
  findings.push_back(try_state(runner));
  findings.push_back(try_siblings(runner));
  findings.push_back(try_channels(runner));
  findings.push_back(try_verdict(runner));
  findings.push_back(try_promptness(runner));
  findings.push_back(try_neighbours(runner));
  for (Finding& found : try_layers(runner)) findings.push_back(std::move(found));
  findings.push_back(try_secret(runner, secret));
  std::ranges::stable_sort(findings, {}, &Finding::promise);
  return findings;
}

bool all_held(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& f) { return f.state == State::broken; });
}

std::string to_table(const std::vector<Finding>& findings) {
  std::string text;
  std::string promise;
  std::map<State, int> counts;
  for (const Finding& found : findings) {
    if (found.promise != promise) text += found.promise + "  " + promise_title(found.promise) + "\n";
    promise = found.promise;
    std::string state = to_string(found.state);
    state.resize(16, ' ');
    text += "    " + state + found.claim + "\n";
    if (!found.detail.empty()) text += "                    -> " + found.detail + "\n";
    ++counts[found.state];
  }
  return text + "\n" + std::to_string(counts[State::held]) + " held, " +
         std::to_string(counts[State::broken]) + " broken, " + std::to_string(counts[State::not_applicable]) +
         " not applicable\n";
}

std::string to_json(const std::vector<Finding>& findings, double seconds) {
  using nlohmann::ordered_json;
  ordered_json claims = ordered_json::array();
  for (const Finding& found : findings)
    claims.push_back({{"promise", found.promise},
                      {"claim", found.claim},
                      {"state", to_string(found.state)},
                      {"detail", found.detail.empty() ? ordered_json() : ordered_json(found.detail)}});
  const ordered_json report{{"ok", all_held(findings)}, {"seconds", seconds}, {"claims", claims}};
  return report.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace executor::selftest
