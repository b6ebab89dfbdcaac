// Where this host lets us make control groups: found by looking at /proc/self/cgroup and the mounts, then
// prepared while the privilege of the start is still there.
//
//   v2:  <own group>/executor.<pid>.<start time>/           delegated to the supervisor, controllers enabled
//            supervisor/                                     the supervisor and its zygotes
//            sandbox-<id>/                                   one leaf per sandbox
//   v1:  <own group>/executor.<pid>.<start time>/            in each of memory, pids, cpu, cpuacct
//            sandbox-<id>/
//
// Used once, at the start, by the process that still sees the host. Not async-signal-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"

namespace executor::cgroup {

/// A mounted hierarchy and this process's place in it.
struct Placement {
  int version = 0;  ///< 1 or 2
  std::vector<std::string>
      groups{};                ///< absolute paths of our own groups; v2: one; v1: memory, pids, cpu, cpuacct
  std::string unified_root{};  ///< v2: where the hierarchy is mounted
};

/// Pure: from the texts of /proc/self/cgroup and /proc/self/mountinfo. v2 when its memory controller is
/// usable
/// (`unified_controllers` is cgroup.controllers of the candidate group), else v1 when all four controllers
/// are mounted.
Result<Placement> find_placement(std::string_view proc_cgroup, std::string_view mountinfo,
                                 std::string_view unified_controllers);
/// Pure: the absolute path of our own v2 group, empty when no cgroup2 is mounted.
std::string own_unified_group(std::string_view proc_cgroup, std::string_view mountinfo);
/// find_placement over this host's files.
Result<Placement> find_placement();

/// What prepare() made; remove() takes it away again.
struct Instance {
  int version = 0;
  std::vector<std::string> paths{};     ///< the instance directories
  std::vector<UniqueFd> directories{};  ///< the same, opened, in the order that make_hierarchy wants
  std::string supervisor_procs{};       ///< v2: cgroup.procs of the supervisor's group, else empty
};

/// Makes the instance directories, gives them to `owner` (the supervisor's host uid and gid; by its group
/// alone where the caller may not give files away but belongs to that group) and removes what dead instances
/// left; `removed` counts those. An error says which group could not be used and what would allow it.
Result<Instance> prepare(const Placement& placement, uid_t owner_uid, gid_t owner_gid, std::size_t& removed);
/// Removes the instance directories with everything in them. Errors are ignored: the next start sweeps.
void remove(const std::vector<std::string>& paths);

}  // namespace executor::cgroup
