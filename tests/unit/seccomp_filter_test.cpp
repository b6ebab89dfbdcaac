// The compiled filter itself is tried, not its source: an interpreter of classic BPF runs it over random
// calls and is compared with a model that reads the profile directly.
#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/sys.hpp"
#include "seccomp/filter.hpp"

namespace executor::seccomp {
namespace {

constexpr std::uint32_t kForeignArchitecture = 0x40000003;  // AUDIT_ARCH_I386
constexpr int kX32Bit = 0x40000000;

/// Runs a filter as the kernel would; marks what was executed.
class Machine {
 public:
  explicit Machine(std::vector<sock_filter> program) : program_(std::move(program)), seen_(program_.size()) {}

  std::uint32_t run(const seccomp_data& data) {
    std::uint32_t a = 0;
    for (std::size_t pc = 0;; ++pc) {
      if (pc >= program_.size()) FAIL("a jump beyond the end");  // no assertion each: a billion steps
      seen_[pc] = true;
      const sock_filter& op = program_[pc];
      switch (op.code) {
        case BPF_LD | BPF_W | BPF_ABS:
          if (op.k + sizeof a > sizeof data) FAIL("a load beyond the data");
          std::memcpy(&a, reinterpret_cast<const char*>(&data) + op.k, sizeof a);
          break;
        case BPF_ALU | BPF_AND | BPF_K:
          a &= op.k;
          break;
        case BPF_JMP | BPF_JA:
          pc += op.k;
          break;
        case BPF_JMP | BPF_JEQ | BPF_K:
          pc += a == op.k ? op.jt : op.jf;
          break;
        case BPF_JMP | BPF_JGT | BPF_K:
          pc += a > op.k ? op.jt : op.jf;
          break;
        case BPF_JMP | BPF_JGE | BPF_K:
          pc += a >= op.k ? op.jt : op.jf;
          break;
        case BPF_JMP | BPF_JSET | BPF_K:
          pc += (a & op.k) != 0 ? op.jt : op.jf;
          break;
        case BPF_RET | BPF_K:
          return op.k;
        default:
          FAIL("an instruction that libseccomp has not used so far: ", op.code);
      }
    }
  }

  [[nodiscard]] std::size_t never_executed() const {
    return static_cast<std::size_t>(std::ranges::count(seen_, false));
  }

 private:
  std::vector<sock_filter> program_;
  std::vector<bool> seen_;
};

/// What the profile says, read without libseccomp.
class Model {
 public:
  explicit Model(const Profile& profile)
      : default_(SECCOMP_RET_ERRNO | static_cast<unsigned>(profile.default_error_number)) {
    for (const Rule& rule : profile.rules)
      for (const std::string& name : rule.names) rules_[syscall_number(name)].push_back(rule);
  }

  std::uint32_t verdict(const seccomp_data& data) const {
    if (data.arch != AUDIT_ARCH_X86_64 || data.nr >= kX32Bit || data.nr < 0) return SECCOMP_RET_USER_NOTIF;
    if (data.nr > kNewestKnownSyscall) return SECCOMP_RET_ERRNO | ENOSYS;
    const auto at = rules_.find(data.nr);
    if (at == rules_.end()) return default_;
    for (const Rule& rule : at->second) {
      bool holds = true;
      for (const Condition& c : rule.conditions)
        holds = holds && (c.comparison == Comparison::equal ? data.args[c.index] == c.value
                                                            : (data.args[c.index] & c.value) == c.value_two);
      if (!holds) continue;
      if (rule.action == Action::allow) return SECCOMP_RET_ALLOW;
      if (rule.action == Action::fail) return SECCOMP_RET_ERRNO | static_cast<unsigned>(rule.error_number);
      return SECCOMP_RET_USER_NOTIF;
    }
    return default_;
  }

  /// Values that some rule compares with, as seeds for near misses.
  [[nodiscard]] std::vector<std::uint64_t> interesting() const {
    std::set<std::uint64_t> values{0, 1, ~0ULL};
    for (const auto& [number, rules] : rules_)
      for (const Rule& rule : rules)
        for (const Condition& c : rule.conditions) {
          values.insert(c.value);
          values.insert(c.value_two);
        }
    return {values.begin(), values.end()};
  }

 private:
  std::uint32_t default_;
  std::map<int, std::vector<Rule>> rules_;
};

class Calls {
 public:
  Calls(std::vector<std::uint64_t> values, const std::vector<Rule>& rules) : values_(std::move(values)) {
    for (const Rule& rule : rules)
      for (const std::string& name : rule.names) aims_.emplace_back(syscall_number(name), rule.conditions);
  }

  seccomp_data next() {
    seccomp_data data{};
    const auto dice = random_() % 64;
    data.arch = dice == 0 ? kForeignArchitecture : AUDIT_ARCH_X86_64;
    data.nr = static_cast<int>(random_() % 500);
    if (dice == 1) data.nr |= kX32Bit;
    if (dice == 2) data.nr = static_cast<int>(random_());
    data.instruction_pointer = random_();
    for (auto& argument : data.args) argument = value();
    if (dice >= 32) aim(data);
    return data;
  }

 private:
  /// At one of the rules, or just beside it: several conditions at once are met by no accident.
  void aim(seccomp_data& data) {
    const auto& [number, conditions] = aims_[random_() % aims_.size()];
    data.nr = number;
    for (const Condition& c : conditions) {
      auto& argument = data.args[c.index];
      argument =
          c.comparison == Comparison::equal ? c.value : (argument & ~c.value) | (c.value_two & c.value);
    }
    if (random_() % 2 == 0) data.args[random_() % 6] = value();
  }

  std::uint64_t value() {
    const auto dice = random_() % 8;
    if (dice == 0) return random_();
    std::uint64_t value = values_[random_() % values_.size()];
    if (dice == 1) value |= 1ULL << 32;
    if (dice == 2) value |= 1ULL << 63;
    if (dice == 3) value ^= 1ULL << (random_() % 64);
    return value;
  }

  std::mt19937_64 random_{20240607};  // a fixed seed: a failure can be repeated
  std::vector<std::uint64_t> values_;
  std::vector<std::pair<int, std::vector<Condition>>> aims_;
};

void hold_against_model(const char* file) {
  CAPTURE(file);
  const auto text = sys::read_file(std::string(PROFILES "/") + file);
  REQUIRE(text.has_value());
  const auto profile = parse_profile(*text);
  REQUIRE(profile.has_value());
  const auto filter = compile(*profile, KillMode::notify);
  REQUIRE(filter.has_value());
  REQUIRE(filter->size() <= 4096);
  Machine machine(*filter);
  const Model model(*profile);
  Calls calls(model.interesting(), profile->rules);
  constexpr int kCalls = 1'000'000;
  int different = 0;
  for (int i = 0; i < kCalls; ++i) {
    const seccomp_data data = calls.next();
    const std::uint32_t got = machine.run(data);
    const std::uint32_t expected = model.verdict(data);
    if (got == expected) continue;
    ++different;
    if (different < 5)
      MESSAGE("call ", data.nr, " (", data.args[0], ", ", data.args[1], ", ", data.args[2], ", ",
              data.args[3], ", ", data.args[4], ", ", data.args[5], "): filter ", got, ", profile ",
              expected);
  }
  CHECK(different == 0);
  CHECK(machine.never_executed() == 0);
}

TEST_CASE("the strict filter does what its profile says over a million calls, every instruction executed") {
  hold_against_model("python.json");
}
TEST_CASE(
    "the filter with processes does what its profile says over a million calls, every instruction executed") {
  hold_against_model("python-processes.json");
}
TEST_CASE(
    "Node's strict filter does what its profile says over a million calls, every instruction executed") {
  hold_against_model("node.json");
}
TEST_CASE("Node's wider filter does what its profile says over a million calls, every instruction executed") {
  hold_against_model("node-processes.json");
}
TEST_CASE("init's filter does what its profile says over a million calls, every instruction executed") {
  hold_against_model("init.json");
}

TEST_CASE("the front's filter does what its profile says over a million calls, every instruction executed") {
  hold_against_model("front.json");
}

TEST_CASE("the supervisor's filter allows what its profile does and leaves the rest to nobody who traces") {
  const auto profile = parse_profile(sys::read_file(PROFILES "/supervisor.json").value());
  const auto filter = compile(*profile, KillMode::give_way);
  REQUIRE((profile.has_value() && filter.has_value()));
  Machine machine(*filter);
  const Model model(*profile);
  Calls calls(model.interesting(), profile->rules);
  int different = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const seccomp_data data = calls.next();
    const std::uint32_t plain = model.verdict(data);
    const bool newer = plain == (SECCOMP_RET_ERRNO | ENOSYS) && data.nr > kNewestKnownSyscall;
    different +=
        machine.run(data) != (plain == SECCOMP_RET_ALLOW || newer ? plain : SECCOMP_RET_TRACE) ? 1 : 0;
  }
  CHECK(different == 0);
  CHECK(machine.never_executed() == 0);
}

TEST_CASE("what any sandbox may call, the supervisor's filter lets through, whatever the arguments") {
  auto outer = parse_profile(sys::read_file(PROFILES "/supervisor.json").value());
  REQUIRE(outer.has_value());
  for (const Rule& rule : outer->rules) CHECK(rule.action == Action::allow);
  std::set<std::string> allowed;
  int profiles = 0;
  for (const auto& file : std::filesystem::directory_iterator(PROFILES)) {
    const std::string name = file.path().filename();
    if (name == "supervisor.json" || name == "front.json") continue;
    ++profiles;
    const auto profile = parse_profile(sys::read_file(file.path().string()).value());
    REQUIRE_MESSAGE(profile.has_value(), name);
    let_through(*outer, *profile);
    for (const Rule& rule : profile->rules)
      if (rule.action == Action::allow) allowed.insert(rule.names.begin(), rule.names.end());
  }
  CHECK(profiles >= 5);
  const auto filter = compile(*outer, KillMode::give_way);
  REQUIRE(filter.has_value());
  Machine machine(*filter);
  for (const std::string& call : allowed)
    for (const std::uint64_t argument : {0ULL, 1ULL, ~0ULL}) {
      const seccomp_data data{syscall_number(call),
                              AUDIT_ARCH_X86_64,
                              0,
                              {argument, argument, argument, argument, argument, argument}};
      CHECK_MESSAGE(machine.run(data) == SECCOMP_RET_ALLOW, call);
    }
  for (const char* call : {"ptrace", "bpf", "io_uring_setup", "userfaultfd", "keyctl", "perf_event_open"}) {
    const seccomp_data data{syscall_number(call), AUDIT_ARCH_X86_64, 0, {}};
    CHECK_MESSAGE(machine.run(data) == SECCOMP_RET_TRACE, call);
  }
}

TEST_CASE("an audit tells its listener of what the profile refuses, and the profile decides") {
  const auto profile = parse_profile(sys::read_file(PROFILES "/python.json").value());
  const auto filter = compile(*profile, KillMode::audit, "exit_group");
  const auto all = compile(*profile, KillMode::audit_all, "exit_group");
  REQUIRE((profile.has_value() && filter.has_value() && all.has_value()));
  Machine machine(*filter);
  Machine everything(*all);
  const Model model(*profile);
  Calls calls(model.interesting(), profile->rules);
  int different = 0;
  for (int i = 0; i < 100'000; ++i) {
    const seccomp_data data = calls.next();
    const std::uint32_t plain = model.verdict(data);
    const bool newer = plain == (SECCOMP_RET_ERRNO | ENOSYS) && data.nr > kNewestKnownSyscall;
    const bool exits = data.arch == AUDIT_ARCH_X86_64 && data.nr == 231;
    const std::uint32_t expected =
        (plain == SECCOMP_RET_ALLOW && !exits) || newer ? plain : SECCOMP_RET_USER_NOTIF;
    different += machine.run(data) != expected ? 1 : 0;
    const bool first = data.arch == AUDIT_ARCH_X86_64 && (data.nr == 0 || data.nr == 1 || data.nr == 3);
    different += everything.run(data) != (newer   ? plain
                                          : first ? SECCOMP_RET_ALLOW
                                                  : SECCOMP_RET_USER_NOTIF)
                     ? 1
                     : 0;
    if (data.arch != AUDIT_ARCH_X86_64 || data.nr < 0 || data.nr >= kX32Bit) continue;
    const std::span<const std::uint64_t, 6> arguments(reinterpret_cast<const std::uint64_t*>(data.args), 6);
    const Decision decision = decide(*profile, data.nr, arguments);
    const std::uint32_t decided = decision.action == Action::allow ? SECCOMP_RET_ALLOW
                                  : decision.action == Action::fail
                                      ? SECCOMP_RET_ERRNO | static_cast<unsigned>(decision.error_number)
                                      : SECCOMP_RET_USER_NOTIF;
    different += decided != plain ? 1 : 0;
  }
  CHECK(different == 0);
}

TEST_CASE("no rule answers a denied call with success") {
  for (const char* file : {"python.json", "python-processes.json", "node.json", "node-processes.json",
                           "init.json", "front.json", "supervisor.json"}) {
    const auto profile = parse_profile(sys::read_file(std::string(PROFILES "/") + file).value());
    REQUIRE(profile.has_value());
    CHECK(profile->default_error_number != 0);
    for (const Rule& rule : profile->rules)
      CHECK_FALSE((rule.action == Action::fail && rule.error_number == 0));
  }
}

}  // namespace
}  // namespace executor::seccomp
