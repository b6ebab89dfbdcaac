// A program on the host itself, between fork and execve: own session, Landlock, limits, no privilege, filter.
//
// enter_and_execute() is async-signal-safe and allocates nothing; all that it needs is made before the fork.
// Sources: landlock(7) (Linux 5.13), seccomp(2).
#pragma once

#include <linux/filter.h>
#include <sys/capability.h>

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"
#include "executor/limits.hpp"

namespace executor::local {

/// What a failed start says, over a close-on-exec pipe.
struct ChildReport {
  int step = 0;
  int error_number = 0;
};

/// The steps of the start, in their order.
enum class Step {
  session,
  parent_death,
  descriptors,
  working_directory,
  limits,
  capabilities,
  no_new_privileges,
  landlock,
  filter,
  execute,
};
const char* to_string(Step step);

struct ChildPlan {
  int stdin_read = -1, stdout_write = -1, stderr_write = -1, report = -1;
  int ruleset = -1;             ///< Landlock
  const char* directory = "";   ///< where the program stands
  const char* executable = "";  ///< absolute
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  Limits limits{};
  std::uint64_t tasks_max = 0;  ///< RLIMIT_NPROC, which counts all tasks of the user
  cap_t no_capabilities = nullptr;
  sock_filter* filter = nullptr;  ///< with its marks still in it
  unsigned short filter_length = 0;
};

/// For the child. Never returns.
[[noreturn]] void enter_and_execute(const ChildPlan& plan);

/// The newest version that this kernel knows; 0: Landlock is not there.
int landlock_version();
/// Reading and executing below `readable`, reading below `directory`, /dev/null; nothing else of any file
/// system, no TCP, no signals and abstract sockets beyond (where the kernel can).
Result<UniqueFd> make_ruleset(const std::string& readable, const std::string& directory);

}  // namespace executor::local
