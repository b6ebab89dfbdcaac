// What was observed on a host: values of kernel files and the errno of each trial. Everything that the checks
// judge stands here, so that any host can be described in a test.
//
// Plain values. Unless something was observed, a fact says "not there" or "not tried".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"

namespace executor::doctor {

/// The outcome of really doing something: 0, an errno, or that it was not reached.
struct Trial {
  static constexpr int kNotTried = -1;
  int error = kNotTried;

  [[nodiscard]] bool works() const { return error == 0; }
  [[nodiscard]] bool tried() const { return error != kNotTried; }
  friend bool operator==(const Trial&, const Trial&) = default;
};

/// An attempt whose failure is told in words; empty: it worked. Nothing: not tried.
using Told = std::optional<std::string>;

struct KernelFacts {
  std::string release{};  ///< uname -r
  std::string machine{};  ///< uname -m
  Trial clone3{};
  Trial epoll_pwait2{};
  Trial tid_address{};                     ///< PR_GET_TID_ADDRESS, which CONFIG_CHECKPOINT_RESTORE brings
  std::optional<int> yama_ptrace_scope{};  ///< nothing: no Yama
  std::string core_pattern{};
  std::optional<int> ksm_run{};
  bool smt_active = false;
  Trial core_scheduling{};
  bool swap = false;
  std::optional<int> landlock_abi{};  ///< nothing: the kernel has none
  Trial landlock{};                   ///< errno of asking for the version
  bool seccomp_filtered = false;      ///< a filter is on this very process already
  bool system_administrator = false;  ///< CAP_SYS_ADMIN is effective
  std::uint64_t memory_total = 0;     ///< bytes
};

/// The switches of the kernel and of distributions that forbid user namespaces; nothing: no such file.
struct NamespaceSwitches {
  std::optional<std::uint64_t> unprivileged_userns_clone{};
  std::optional<std::uint64_t> max_user_namespaces{};
  std::optional<std::uint64_t> apparmor_restrict{};
};

/// One kind of namespace beside the user namespace, made in a fresh user namespace.
struct NamespaceKind {
  std::string name{};    ///< "mount", "pid", …
  std::string sysctl{};  ///< the file of its number limit below user.
  Trial trial{};
  std::optional<std::uint64_t> limit{};  ///< of that file
};

struct NamespaceFacts {
  NamespaceSwitches switches{};
  Trial user{};    ///< clone3 with CLONE_NEWUSER
  Trial id_map{};  ///< mapping the own id, as without privilege
  std::vector<NamespaceKind> kinds{};
  Trial all{};     ///< clone3 with all seven flags at once
  Trial nested{};  ///< the same from inside, as the supervisor does
  Trial private_mounts{};
  Trial mount_setattr{};   ///< on a detached copy of a mount
  Trial procfs{};          ///< a fresh one for the own PID namespace
  Trial work_directory{};  ///< mounting a tmpfs
  Trial pivot_root{};
  Trial setns{};        ///< joining all seven at once by pidfd
  Trial pidfd_getfd{};  ///< taking a descriptor of a process in the namespaces
};

struct IdFacts {
  bool can_map = false;    ///< CAP_SETUID and CAP_SETGID are effective: the start maps a range
  bool can_give = false;   ///< CAP_CHOWN is effective: groups can be given to the range
  Trial range_map{};       ///< that range in a fresh user namespace; tried when can_map
  std::uint32_t base = 0;  ///< first host id of the range
  std::uint32_t count = 0;
  std::string newuidmap{};        ///< path of the set-uid helper, empty: none
  std::uint64_t subordinate = 0;  ///< ids that /etc/subuid and /etc/subgid both give this user
};

struct CgroupFacts {
  int version = 0;                  ///< that would be used; 0: none
  bool unified_mounted = false;     ///< a cgroup2 file system is there
  std::string controllers{};        ///< of our own group in it
  bool group_writable = false;      ///< v2: our own group is ours to divide
  std::size_t other_processes = 0;  ///< v2: in our own group
  Told placement{};                 ///< finding memory, pids and cpu
  Told delegation{};                ///< making a group of our own
  Told limits{};                    ///< making a leaf below it and setting its limits
  Trial birth{};                    ///< v2: CLONE_INTO_CGROUP; v1: a child that attaches itself
  bool kill_file = false;           ///< v2: cgroup.kill
  bool peak_file = false;           ///< v2: memory.peak
  std::optional<std::uint64_t>
      memory_limit{};  ///< bytes, smallest of our own group and those above; nothing: none
};

struct SeccompFacts {
  Trial filter{};             ///< SECCOMP_SET_MODE_FILTER exists
  Trial kill_process{};       ///< SECCOMP_RET_KILL_PROCESS
  Trial user_notification{};  ///< SECCOMP_RET_USER_NOTIF
  Trial listener{};           ///< really loading a filter with a listener
  unsigned library_major = 0, library_minor = 0, library_micro = 0;
  struct Profile {
    std::string name{};
    std::string failure{};  ///< of reading or compiling; empty: it compiles
  };
  std::vector<Profile> profiles{};
};

struct InstallationFacts {
  /// A further runtime, and what its root is.
  struct Runtime {
    std::string name{};
    std::string rootfs{};
    bool built = false;
    Told manifest{};
    std::vector<std::string> differences{};
  };
  std::vector<Runtime> runtimes{};
  Told runtime_manifests{};  ///< reading every runtime.json
  std::string rootfs{};      ///< where the root of Python is expected
  bool rootfs_present = false;
  Told manifest{};        ///< reading what the root must be
  std::size_t paths = 0;  ///< that the manifest records
  std::vector<std::string> differences{};
  bool hashed = false;             ///< contents were compared too
  std::string closed_directory{};  ///< above the root, closed to other users; empty: none
  struct Helper {
    std::string name{};
    bool found = false;
  };
  std::vector<Helper> helpers{};
};

struct ServiceFacts {
  Trial port{};
  bool port_is_ours = false;  ///< taken, and what answers there is an Executor
  std::string log_directory{};
  Trial log{};
  bool log_rotates = false;  ///< the service's user may rename and make files beside it
  Told redis{};              ///< PING by the client that the service uses
  Told rabbitmq{};           ///< a TCP connection
  Told docker{};             ///< GET /_ping
};

/// What this version can make use of at all.
struct Abilities {
  bool docker_backend = false;
  bool local_backend = false;
  bool rabbitmq_queue = false;
  bool newuidmap = false;
  bool core_scheduling = false;
};

struct HostFacts {
  Config config{};  ///< what the service is told to do
  Abilities abilities{};
  KernelFacts kernel{};
  NamespaceFacts namespaces{};
  IdFacts ids{};
  CgroupFacts cgroup{};
  SeccompFacts seccomp{};
  InstallationFacts installation{};
  ServiceFacts service{};
};

}  // namespace executor::doctor
