// The steps of a sandbox's set-up, in the order in which they are taken, and how a failed one reports itself.
//
// A step that fails writes one fixed record to a close-on-exec pipe and ends its process; the supervisor
// rebuilds the message. Nothing is ever skipped: a layer that cannot be put in place refuses the run with the
// step's name.
#pragma once

#include <cstdint>
#include <string>

#include "executor/error.hpp"

namespace executor::sandbox {

enum class Stage : std::uint32_t {
  // init (pid 1), cloned into new user, PID and cgroup namespaces
  init_descriptors,        ///< keeps the hand-over pipe and the report pipe, closes the rest
  init_session,            ///< a session of its own, no controlling terminal
  init_namespaces,         ///< mount, network, IPC and UTS namespaces of its own
  init_bind_root,          ///< the rootfs as a mount of its own, read-only flags locked
  init_work_directory,     ///< tmpfs with size and inode limits: nosuid, nodev, noexec
  init_pivot_root,         ///< the rootfs becomes the root
  init_detach_old_root,    ///< the old root is gone
  init_check_root,         ///< the working directory is the new root
  init_hostname,           ///< the host's name does not leak through the UTS namespace
  init_id_maps,            ///< waits until the supervisor has written the id maps
  init_ids,                ///< ids of the sandbox's user namespace
  init_parent_death,       ///< dies with the supervisor; after the ids, whose change forgets it
  init_bounding_set,       ///< no capability can come back
  init_capabilities,       ///< none left in any set
  init_not_dumpable,       ///< no ptrace, no core
  init_no_new_privileges,  ///< exec grants nothing
  init_filter,             ///< its own seccomp filter: wait, report, exit
  init_ready,              ///< not a failure: the sandbox stands
  // payload (pid 2), forked from the zygote
  payload_cgroup,             ///< in its leaf (v2: born there)
  payload_join_namespaces,    ///< the seven namespaces of its init
  payload_descriptors,        ///< pipes as 0 to 2, the report pipe, the rest closed
  payload_session,            ///< a session of its own
  payload_working_directory,  ///< /tmp of the sandbox
  payload_limits,             ///< rlimits
  payload_groups,             ///< no supplementary groups (where the id map allows to drop them)
  payload_group_id,           ///< nobody's group of this slot
  payload_user_id,            ///< nobody of this slot
  payload_parent_death,       ///< dies with the supervisor; after the ids, whose change forgets it
  payload_bounding_set,       ///< no capability can come back
  payload_capabilities,       ///< none left in any set
  payload_not_dumpable,       ///< no ptrace, no core
  payload_no_new_privileges,  ///< exec grants nothing
  payload_filter,             ///< seccomp, the last layer
  payload_ready,              ///< not a failure: armed, blocked before it reads a program
};

/// "init: pivot_root" for Stage::init_pivot_root.
const char* stage_name(Stage stage);
inline constexpr std::uint32_t kStageCount = static_cast<std::uint32_t>(Stage::payload_ready) + 1;

/// What travels over the report pipe: one write, smaller than PIPE_BUF, so never torn.
struct StageReport {
  Stage stage;
  std::int32_t error_number;  ///< 0 for init_ready and payload_ready
};

/// The Error that a failed stage's report stands for.
Error stage_error(const StageReport& report);

/// Async-signal-safe: reports the current errno for `stage` and ends the process.
[[noreturn]] void fail_stage(int report_fd, Stage stage);
/// Async-signal-safe: reports that `stage` (a ready stage) was reached.
void report_stage(int report_fd, Stage stage);

}  // namespace executor::sandbox
