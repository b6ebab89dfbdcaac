#include "seccomp/profile.hpp"

#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

namespace executor::seccomp {

namespace {

using nlohmann::json;

struct NumberedName {
  const char* name;
  int number;
};

/// Calls that are newer than the libseccomp of Debian 12 (arch/x86/entry/syscalls/syscall_64.tbl of
/// Linux 6.18).
constexpr std::array kNewerNames = {
    NumberedName{"cachestat", 451},         NumberedName{"fchmodat2", 452},
    NumberedName{"map_shadow_stack", 453},  NumberedName{"futex_wake", 454},
    NumberedName{"futex_wait", 455},        NumberedName{"futex_requeue", 456},
    NumberedName{"statmount", 457},         NumberedName{"listmount", 458},
    NumberedName{"lsm_get_self_attr", 459}, NumberedName{"lsm_set_self_attr", 460},
    NumberedName{"lsm_list_modules", 461},  NumberedName{"mseal", 462},
    NumberedName{"setxattrat", 463},        NumberedName{"getxattrat", 464},
    NumberedName{"listxattrat", 465},       NumberedName{"removexattrat", 466},
    NumberedName{"open_tree_attr", 467},    NumberedName{"file_getattr", 468},
    NumberedName{"file_setattr", 469},      NumberedName{"listns", 470},
};

/// Thrown inside this file only; parse_profile turns it into an Error.
struct Invalid {
  std::string what;
};

const json& field(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end()) throw Invalid{std::string("missing \"") + key + "\""};
  return *at;
}

void refuse_unknown_keys(const json& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) throw Invalid{"an object is expected"};
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Invalid{"unknown key \"" + key + "\""};
}

Action parse_action(const std::string& name) {
  if (name == "SCMP_ACT_ALLOW") return Action::allow;
  if (name == "SCMP_ACT_ERRNO") return Action::fail;
  if (name == "SCMP_ACT_KILL_PROCESS") return Action::kill_process;
  throw Invalid{"unknown action \"" + name + "\""};
}

Condition parse_condition(const json& object) {
  refuse_unknown_keys(object, {"index", "value", "valueTwo", "op"});
  Condition condition;
  condition.index = field(object, "index").get<unsigned>();
  if (condition.index > 5) throw Invalid{"argument index above 5"};
  condition.value = field(object, "value").get<std::uint64_t>();
  const auto op = field(object, "op").get<std::string>();
  if (op == "SCMP_CMP_MASKED_EQ") {
    condition.comparison = Comparison::masked_equal;
    condition.value_two = field(object, "valueTwo").get<std::uint64_t>();
  } else if (op != "SCMP_CMP_EQ") {
    throw Invalid{"unknown comparison \"" + op + "\""};
  }
  return condition;
}

Rule parse_rule(const json& object) {
  refuse_unknown_keys(object, {"names", "action", "errnoRet", "args", "comment"});
  Rule rule;
  rule.names = field(object, "names").get<std::vector<std::string>>();
  for (const std::string& name : rule.names)
    if (syscall_number(name) < 0) throw Invalid{"unknown system call \"" + name + "\""};
  rule.action = parse_action(field(object, "action").get<std::string>());
  rule.error_number = object.value("errnoRet", 1);
  if (rule.error_number < 1 || rule.error_number > 4095) throw Invalid{"errnoRet outside 1..4095"};
  if (const auto args = object.find("args"); args != object.end())
    for (const json& condition : *args) rule.conditions.push_back(parse_condition(condition));
  rule.comment = field(object, "comment").get<std::string>();
  if (rule.comment.empty() || rule.names.empty()) throw Invalid{"a rule without names or without its reason"};
  return rule;
}

Profile parse_document(const json& document) {
  refuse_unknown_keys(document, {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"});
  if (parse_action(field(document, "defaultAction").get<std::string>()) != Action::fail)
    throw Invalid{"defaultAction is not SCMP_ACT_ERRNO: only allowlists are taken"};
  if (field(document, "architectures") != json::array({"SCMP_ARCH_X86_64"}))
    throw Invalid{"architectures other than SCMP_ARCH_X86_64"};
  Profile profile;
  profile.default_error_number = field(document, "defaultErrnoRet").get<int>();
  if (profile.default_error_number < 1 || profile.default_error_number > 4095)
    throw Invalid{"defaultErrnoRet outside 1..4095"};
  for (const json& rule : field(document, "syscalls")) profile.rules.push_back(parse_rule(rule));
  return profile;
}

Error invalid_profile(const std::string& why) { return errno_error("read seccomp profile: " + why, EINVAL); }

}  // namespace

Result<Profile> parse_profile(std::string_view text) {
  try {
    return parse_document(json::parse(text));
  } catch (const Invalid& invalid) {
    return invalid_profile(invalid.what);
  } catch (const json::exception& error) {
    return invalid_profile(error.what());
  }
}

Decision decide(const Profile& profile, int number, std::span<const std::uint64_t, 6> arguments) {
  if (number > kNewestKnownSyscall) return {Action::fail, ENOSYS, {}};
  const std::string name = syscall_name(number);
  for (std::size_t i = 0; i < profile.rules.size(); ++i) {
    const Rule& rule = profile.rules[i];
    if (std::ranges::find(rule.names, name) == rule.names.end()) continue;
    const bool holds = std::ranges::all_of(rule.conditions, [&](const Condition& c) {
      return c.comparison == Comparison::equal ? arguments[c.index] == c.value
                                               : (arguments[c.index] & c.value) == c.value_two;
    });
    if (holds) return {rule.action, rule.error_number, i};
  }
  return {Action::fail, profile.default_error_number, {}};
}

void let_through(Profile& outer, const Profile& inner) {
  std::set<std::string> known;
  for (const Rule& rule : outer.rules)
    if (rule.action == Action::allow && rule.conditions.empty())
      known.insert(rule.names.begin(), rule.names.end());
  Rule added{.names = {}, .comment = "what a filter inside allows"};
  for (const Rule& rule : inner.rules)
    if (rule.action == Action::allow)
      for (const std::string& name : rule.names)
        if (known.insert(name).second) added.names.push_back(name);
  if (!added.names.empty()) outer.rules.push_back(std::move(added));
}

int syscall_number(const std::string& name) {
  const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  if (number >= 0) return number;
  for (const NumberedName& newer : kNewerNames)
    if (name == newer.name) return newer.number;
  return -1;
}

std::string syscall_name(int number) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number), &std::free);
  if (name) return name.get();
  for (const NumberedName& newer : kNewerNames)
    if (number == newer.number) return newer.name;
  return "syscall_" + std::to_string(number);
}

}  // namespace executor::seccomp
