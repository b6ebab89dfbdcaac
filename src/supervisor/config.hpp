// What the supervisor is told at its start, by the process that still sees the host. No secret is in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "executor/limits.hpp"

namespace executor::supervisor {

/// When the interpreter of a runtime is started.
enum class Start : std::uint8_t {
  zygote,     ///< by the Python zygote, which embeds it and is forked
  prestart,   ///< as a program, in a sandbox that has no job yet; its boot script then waits for one
  on_demand,  ///< as a program, in a sandbox that has just been given its job
};

struct RuntimeConfig {
  std::string name;
  std::string rootfs;  ///< the host's directory
  Start start = Start::zygote;
  std::vector<std::string> command;      ///< of the interpreter, where it is a program
  std::string source;                    ///< name of the source's file in the work directory
  std::string strict_profile;            ///< JSON text
  std::string processes_profile;         ///< JSON text
  std::vector<std::string> environment;  ///< NAME=value
};

/// What of a program's system calls is noted in its outcome. Nothing is allowed that would not be: for
/// looking at one's own programs and at the profiles, at the cost of a round trip for each call that is
/// noted.
enum class Audit : std::uint8_t {
  none,
  refused,  ///< each call that is refused with an error, as "name: EPERM"
  all,      ///< and each that is allowed, as "name: rule 7"; read, write and close are not seen
};

struct Config {
  std::vector<RuntimeConfig> runtimes;
  std::string init_profile;        ///< JSON text
  std::string supervisor_profile;  ///< JSON text; for the supervisor and all that it makes
  std::uint32_t warm_pool = 0;     ///< sandboxes kept ready, of each runtime in use
  std::chrono::nanoseconds pool_idle = std::chrono::minutes(5);  ///< a runtime without a run so long is not
  std::uint32_t max_live = 64;                                   ///< sandboxes at once, in every state
  std::uint32_t id_count = 1;  ///< ids mapped in the outer user namespace; 1: every sandbox has the service's
  std::int32_t cgroup_version = 1;
  std::uint64_t work_size = 16 * kMiB;  ///< bytes of the work directory's tmpfs
  std::uint32_t work_inodes = 1024;
  Audit audit = Audit::none;
  Limits defaults{};  ///< what warm sandboxes are built with
};

// descriptors that the supervisor finds open when it starts
inline constexpr int kFrontFd = 3;
inline constexpr int kConfigFd = 4;
inline constexpr int kZygoteFd = 5;      ///< the Python zygote's executable
inline constexpr int kExecZygoteFd = 6;  ///< that of the zygote of all other runtimes
inline constexpr int kCgroupFd = 7;      ///< and the following, as make_hierarchy wants them

}  // namespace executor::supervisor
