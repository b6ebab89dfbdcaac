// pid 1 of one sandbox: builds it from the inside, then only reaps. It never touches the program or its
// interpreter.
#pragma once

#include <linux/filter.h>
#include <sys/capability.h>
#include <sys/types.h>

#include <span>

namespace executor::sandbox {

/// Everything that init needs, made before the clone: afterwards nothing may be allocated.
struct InitPlan {
  const char* root;            ///< staged root of the runtime
  const char* work_directory;  ///< where in it the tmpfs goes
  const char* work_options;    ///< size=…,nr_inodes=…,mode=…
  uid_t uid;                   ///< inside the sandbox's user namespace
  gid_t gid;
  cap_t no_capabilities;                ///< empty_capabilities()
  std::span<const sock_filter> filter;  ///< compiled seccomp-profiles/init.json
};

/// The body of the new process. `go` (the read end of the hand-over pipe) delivers one byte once the id maps
/// are written; failures and readiness go to `report`. Async-signal-safe.
[[noreturn]] void run_init(const InitPlan& plan, int go, int report);

}  // namespace executor::sandbox
