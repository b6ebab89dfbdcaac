// The steward: a small process that makes the outer namespaces, starts the supervisor in them, and starts it
// again when it dies. The front cannot do that itself: it never forks.
//
//   front ──link──▶ steward ──▶ supervisor (pid 1 of the outer PID namespace) ──▶ zygote, sandboxes
//
// What privilege the start has is used once, for the range of ids, and dropped: a supervisor that is started
// later gets its namespaces as the owner of the outer user namespace, which needs none. Where the cgroups'
// parents belong to root, a second small process (no capability, a filter that knows rmdir and little else)
// waits to remove them at the end.
//
// Called before the first thread exists. Sources: user_namespaces(7), setns(2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"
#include "supervisor/config.hpp"
#include "supervisor/connection.hpp"

namespace executor::supervisor {

struct StewardPlan {
  Config config;                ///< cgroup_version and id_count are filled in
  std::string supervisor_path;  ///< executables beside our own
  std::string zygote_path;
  std::string exec_zygote_path;
  std::uint32_t id_base = 0;  ///< first host id of the range, used when the start may map ids
  std::uint32_t id_count = 0;
  uid_t service_uid = 0;  ///< what steward and front run as, when the start is privileged
  gid_t service_gid = 0;
};

struct StewardHandle {
  Connection connection;    ///< for the client
  UniqueFd ended;           ///< end of file once everything that was started is gone and cleaned up
  bool privileged = false;  ///< a range of ids is mapped; the caller should drop to the service ids now
  int cgroup_version = 0;
};

/// True when this process may map a range of ids: CAP_SETUID and CAP_SETGID are effective, and its user
/// namespace holds the range.
bool can_map_ids(std::uint32_t base, std::uint32_t count);

/// Makes the cgroups, starts the steward and waits until its first supervisor has built a sandbox. Errors
/// name the layer that is not available and what provides it; nothing is left running then.
Result<StewardHandle> start_steward(StewardPlan plan);

/// Ends everything that the steward started, and waits for it (at most six seconds). The link may be closed
/// already.
void wait_for_end(StewardHandle& handle);

/// For the front: gives up the start's privileges for good (ids, groups, every capability, no_new_privs).
Result<void> drop_privileges(uid_t uid, gid_t gid);

}  // namespace executor::supervisor
