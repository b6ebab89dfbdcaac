// The way of a freshly forked process into its sandbox: every layer put on, the filter excepted, which comes
// last.
#pragma once

#include <sys/capability.h>
#include <sys/types.h>

#include <cstdint>
#include <span>

namespace executor::sandbox {

/// The payload's ids as seen inside every sandbox; outside they are those of its slot.
inline constexpr uid_t kNobody = 65534;

struct PayloadLimits {
  std::uint64_t open_files;
  std::uint64_t file_size;   ///< bytes
  std::uint64_t stack_size;  ///< bytes
};

/// Everything the payload needs, complete before the fork.
struct PayloadPlan {
  int init;  ///< pidfd of the sandbox's init
  int stdin_read, stdout_write, stderr_write, report;
  std::span<const int> attach_files;  ///< cgroup v1: the files "tasks" of its leaf
  bool drop_groups;                   ///< false where the outer user namespace denies setgroups (a single id)
  PayloadLimits limits;
  cap_t no_capabilities;
};

/// Where the report pipe stands inside the payload; the seccomp listener gets the next number.
inline constexpr int kPayloadReport = 3;
inline constexpr int kPayloadListener = 4;

/// Takes all steps from payload_cgroup to payload_no_new_privileges; does not return after a failed one
/// (fail_stage). Async-signal-safe.
void enter_sandbox(const PayloadPlan& plan);

}  // namespace executor::sandbox
