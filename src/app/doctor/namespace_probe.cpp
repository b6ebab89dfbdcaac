// Namespaces as the service uses them: made all at once, entered, given mounts and a root of their own,
// joined from outside by a pidfd. Each step runs in a child that is gone afterwards.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "app/doctor/probe.hpp"
#include "app/doctor/trial_process.hpp"
#include "base/sys.hpp"

namespace executor::doctor {

namespace {

struct Kind {
  int flag;
  const char* name;
  const char* sysctl;
};
constexpr std::array kKinds = {
    Kind{CLONE_NEWNS, "mount", "max_mnt_namespaces"},
    Kind{CLONE_NEWPID, "pid", "max_pid_namespaces"},
    Kind{CLONE_NEWNET, "network", "max_net_namespaces"},
    Kind{CLONE_NEWIPC, "ipc", "max_ipc_namespaces"},
    Kind{CLONE_NEWUTS, "uts", "max_uts_namespaces"},
    Kind{CLONE_NEWCGROUP, "cgroup", "max_cgroup_namespaces"},
};
constexpr int kAllSeven =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

std::string sysctl_path(const char* name) { return std::string("/proc/sys/user/") + name; }

// -- inside the children: fixed-size results over a pipe

using KindReport = std::array<Trial, kKinds.size()>;

void make_each_kind(int go, int report) {
  char byte = 0;
  if (!sys::raw::read_all(go, &byte, 1)) return;
  KindReport made;
  for (std::size_t i = 0; i < kKinds.size(); ++i) made[i] = tried(::unshare(kKinds[i].flag));
  (void)sys::raw::write_all(report, made.data(), sizeof made);
}

struct SandboxReport {
  Trial private_mounts{}, mount_setattr{}, procfs{}, work_directory{}, pivot_root{}, nested{};
};

/// A file without mounts below it: the kernel copies no mount that hides others from its owner.
Trial restrict_copy_of_null() {
  const UniqueFd tree(
      static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return {errno};
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  return tried(::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &change, sizeof change));
}

Trial make_procfs() {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  if (!context) return {errno};
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {errno};
  const UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  return tried(mount.get());
}

/// As an init comes to its namespaces.
Trial make_nested() {
  clone_args args{};
  args.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP;
  args.exit_signal = SIGCHLD;
  const pid_t pid = sys::raw::clone_process(args);
  if (pid == 0) ::_exit(::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0 ? 0 : errno);
  if (pid < 0) return {errno};
  int status = 0;
  if (::waitpid(pid, &status, __WALL) != pid || !WIFEXITED(status)) return {ECHILD};
  return {WEXITSTATUS(status)};
}

void live_in_sandbox(int go, int report) {
  constexpr const char* kStage = "/tmp";
  char byte = 0;
  if (!sys::raw::read_all(go, &byte, 1)) return;
  SandboxReport done;
  done.private_mounts = tried(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  done.mount_setattr = restrict_copy_of_null();
  done.procfs = make_procfs();
  done.nested = make_nested();
  done.work_directory =
      tried(::mount("doctor", kStage, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k"));
  if (done.private_mounts.works() && done.work_directory.works()) {
    const bool entered = ::chdir(kStage) == 0 && sys::raw::pivot_root(".", ".") == 0 &&
                         ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0;
    done.pivot_root = {entered ? 0 : errno};
  }
  (void)sys::raw::write_all(report, &done, sizeof done);
  (void)sys::raw::read_all(go, &byte, 1);  // others join meanwhile
}

// -- outside

Trial join(int pidfd) {
  Trial joined;
  const TrialProcess joiner(0, [pidfd](int, int report) {
    const Trial trial = tried(::setns(pidfd, kAllSeven));
    (void)sys::raw::write_all(report, &trial, sizeof trial);
  });
  if (!joiner.clone().works() || !joiner.receive(&joined, sizeof joined)) return {};
  return joined;
}

Trial map_own_id(const TrialProcess& process) { return process.map_ids(::geteuid(), ::getegid(), 1, true); }

void try_kinds(NamespaceFacts& facts) {
  const TrialProcess process(CLONE_NEWUSER, make_each_kind);
  facts.user = process.clone();
  if (!facts.user.works()) return;
  facts.id_map = map_own_id(process);
  process.release();
  KindReport made;
  if (!process.receive(made.data(), sizeof made)) return;
  for (std::size_t i = 0; i < kKinds.size(); ++i) facts.kinds[i].trial = made[i];
}

void try_sandbox(NamespaceFacts& facts) {
  const TrialProcess process(kAllSeven, live_in_sandbox);
  facts.all = process.clone();
  if (!facts.all.works() || !map_own_id(process).works()) return;
  process.release();
  SandboxReport done;
  if (!process.receive(&done, sizeof done)) return;
  facts.private_mounts = done.private_mounts;
  facts.mount_setattr = done.mount_setattr;
  facts.procfs = done.procfs;
  facts.nested = done.nested;
  facts.work_directory = done.work_directory;
  facts.pivot_root = done.pivot_root;
  facts.setns = join(process.pidfd());
  const auto taken = sys::pidfd_getfd(process.pidfd(), STDERR_FILENO);
  facts.pidfd_getfd = {taken ? 0 : taken.error().code.value()};
}

}  // namespace

NamespaceFacts probe_namespaces() {
  NamespaceFacts facts;
  facts.switches.unprivileged_userns_clone = read_number("/proc/sys/kernel/unprivileged_userns_clone");
  facts.switches.max_user_namespaces = read_number(sysctl_path("max_user_namespaces"));
  facts.switches.apparmor_restrict = read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  for (const Kind& kind : kKinds)
    facts.kinds.push_back({kind.name, kind.sysctl, {}, read_number(sysctl_path(kind.sysctl))});
  try_kinds(facts);
  if (facts.user.works()) try_sandbox(facts);
  return facts;
}

}  // namespace executor::doctor
