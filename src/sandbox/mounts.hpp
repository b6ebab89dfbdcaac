// What a sandbox sees of file systems: the read-only rootfs, /dev/null, and a small tmpfs. Nothing else, and
// no old root.
//
// Sources: mount(2), pivot_root(2), mount_setattr(2) (Linux 5.12), mount_namespaces(7) on locked mounts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"

namespace executor::sandbox {

/// Where the supervisor's own root holds the root file system of a runtime.
std::string staged_root(const std::string& runtime);

struct StagedRuntime {
  std::string name;
  std::string rootfs;  ///< the host's directory
};

/// For the supervisor, once, in its own new mount namespace: replaces its whole view of the host by a small
/// read-only tmpfs that holds each rootfs (read-only, nosuid, nodev) with /dev/null bound into it. The flags
/// are locked for every mount namespace made below. Allocates.
Result<void> stage_roots(const std::vector<StagedRuntime>& runtimes);

/// A fresh procfs of the caller's PID namespace, not attached anywhere; where the kernel refuses one (a host
/// whose own /proc is over-mounted, as in containers), the host's /proc.
struct ProcDirectory {
  UniqueFd directory;
  bool own_pid_namespace = false;  ///< its numbers are those of the caller's PID namespace
};
Result<ProcDirectory> open_proc();

// -- for init and zygote; async-signal-safe, false with errno
/// Makes `root` a mount of its own in this mount namespace.
bool bind_root(const char* root);
/// Mounts the work directory's tmpfs at `path`.
bool mount_work_directory(const char* path, const char* options);
/// The calling process's root becomes `root`, with the old root stacked above it until detach_old_root().
bool enter_root(const char* root);
bool detach_old_root();
/// The working directory is the root: "/" and "." are the same inode, and there is nothing above.
bool check_root();

}  // namespace executor::sandbox
