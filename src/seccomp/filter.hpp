// A profile compiled to classic BPF, ready to be loaded with one system call.
#pragma once

#include <linux/filter.h>

#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"
#include "seccomp/profile.hpp"

namespace executor::seccomp {

/// What "end of the process" compiles to.
enum class KillMode {
  kill,    ///< SECCOMP_RET_KILL_PROCESS: the kernel ends it at once
  notify,  ///< SECCOMP_RET_USER_NOTIF: the call blocks for good, its listener learns the number and ends the
           ///< process
  audit,   ///< as notify, and its listener is told of every call that the profile refuses with an error too
  audit_all,  ///< its listener is told of every call but read, write and close, which come before it listens
  give_way,  ///< all that the profile refuses is SECCOMP_RET_TRACE, which is ENOSYS where nobody traces: what
             ///< a filter that is loaded later refuses goes before it, in the way that that filter says
};

/// The instructions of a filter for x86-64. Foreign architectures and x32 end the process, or give way;
/// numbers above kNewestKnownSyscall get ENOSYS; the rest as the profile says. `reported`, when given, is the
/// name of an allowed call that the listener is told of first (SECCOMP_RET_USER_NOTIF). Compiled by
/// libseccomp as a binary tree.
Result<std::vector<sock_filter>> compile(const Profile& profile, KillMode kill_mode,
                                         std::string_view reported = {});

}  // namespace executor::seccomp
