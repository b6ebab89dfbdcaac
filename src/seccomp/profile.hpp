// A seccomp profile in the OCI runtime's JSON form, as values: what is allowed, what fails with which errno,
// what ends the process. Strict: an unknown key, action, comparison or system call name is an error.
//
// Not async-signal-safe. Source: opencontainers/runtime-spec, config-linux.md, "Seccomp".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"

namespace executor::seccomp {

enum class Action { allow, fail, kill_process };
enum class Comparison { equal, masked_equal };

/// One condition on a 64-bit argument; `value_two` is the value behind the mask `value` for masked_equal.
struct Condition {
  unsigned index = 0;
  Comparison comparison = Comparison::equal;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
};

/// All names get the action when every condition holds. Several rules for one name are alternatives.
struct Rule {
  std::vector<std::string> names;
  Action action = Action::allow;
  int error_number = 1;  ///< for Action::fail
  std::vector<Condition> conditions;
  std::string comment;  ///< the reason, never empty
};

struct Profile {
  int default_error_number = 1;  ///< every call without a rule fails with it
  std::vector<Rule> rules;
};

Result<Profile> parse_profile(std::string_view json);

/// Allows, whatever the arguments, every call that `inner` allows under some condition: a filter is
/// inherited, and what stands around others must not decide for them.
void let_through(Profile& outer, const Profile& inner);

/// What a profile says of one call on x86-64.
struct Decision {
  Action action = Action::fail;
  int error_number = 1;               ///< for Action::fail
  std::optional<std::size_t> rule{};  ///< which of the profile's rules says so; none: its default
};
Decision decide(const Profile& profile, int number, std::span<const std::uint64_t, 6> arguments);

/// The number of a call on x86-64, -1 when nobody knows the name.
int syscall_number(const std::string& name);
/// The name of a call on x86-64, "syscall_<number>" when nobody knows it.
std::string syscall_name(int number);

/// Calls with a larger number are newer than the profiles and get ENOSYS, as on a kernel without them.
inline constexpr int kNewestKnownSyscall = 469;

}  // namespace executor::seccomp
