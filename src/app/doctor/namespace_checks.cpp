// Why namespaces cannot be had, told apart by switch, errno and filter. Sources: user_namespaces(7),
// namespaces(7), kernel.apparmor_restrict_unprivileged_userns of Ubuntu, kernel.unprivileged_userns_clone of
// Debian.
#include <algorithm>
#include <cerrno>

#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

constexpr const char* kUserName = "user namespaces";
constexpr const char* kKernelWithAll =
    "boot a kernel with CONFIG_NAMESPACES, CONFIG_USER_NS and the other kinds (distributions' kernels have "
    "them)";

bool denied(const Trial& trial) { return trial.error == EPERM || trial.error == EACCES; }

std::string set_number(const std::string& sysctl) { return "sysctl -w " + sysctl + "=65536"; }

/// Ubuntu lets the namespace be made, and then its owner may do nothing in it.
bool apparmor_denies(const HostFacts& facts) {
  const NamespaceFacts& spaces = facts.namespaces;
  if (spaces.switches.apparmor_restrict.value_or(0) == 0) return false;
  return denied(spaces.user) || denied(spaces.id_map) ||
         std::ranges::any_of(spaces.kinds, [](const NamespaceKind& kind) { return denied(kind.trial); });
}

Check user_limit_check(const NamespaceSwitches& switches) {
  constexpr const char* kSysctl = "user.max_user_namespaces";
  if (switches.max_user_namespaces == 0)
    return missing(kUserName, "switched off by user.max_user_namespaces=0", set_number(kSysctl));
  return missing(kUserName, "the number allowed is used up, here or in an outer user namespace",
                 set_number(kSysctl) + ", on the host too when this is a container");
}

Check user_denied_check(const HostFacts& facts) {
  const Trial& trial = facts.namespaces.user;
  if (facts.namespaces.switches.unprivileged_userns_clone == 0 && !facts.kernel.system_administrator)
    return missing(kUserName, "kernel.unprivileged_userns_clone=0 keeps them for root",
                   "sysctl -w kernel.unprivileged_userns_clone=1");
  if (facts.kernel.seccomp_filtered)
    return missing(kUserName, reason(trial) + ": a seccomp filter is on this process, as in a container",
                   filter_remedy());
  return missing(kUserName, reason(trial) + ": a chroot or a security module forbids them",
                 "start it outside of the chroot; SELinux: allow user_namespace create to its domain");
}

Check user_check(const HostFacts& facts) {
  const NamespaceFacts& spaces = facts.namespaces;
  const Trial& trial = spaces.user;
  if (apparmor_denies(facts))
    return missing(kUserName,
                   "kernel.apparmor_restrict_unprivileged_userns=1 takes their owner's capabilities",
                   "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with "
                   "\"userns,\" for the executor program");
  if (trial.works() && spaces.id_map.works()) return ok(kUserName, "made, and the own id mapped");
  if (trial.works())
    return missing(kUserName, "made, but mapping the own id failed: " + reason(spaces.id_map),
                   "mount /proc of the own PID namespace, writable");
  if (trial.error == ENOSPC || trial.error == EUSERS) return user_limit_check(spaces.switches);
  if (denied(trial) || (trial.error == ENOSYS && facts.kernel.seccomp_filtered))
    return user_denied_check(facts);
  return missing(kUserName, reason(trial), kKernelWithAll);
}

bool have_user(const HostFacts& facts) {
  return facts.namespaces.user.works() && facts.namespaces.id_map.works();
}

/// Which check stands before the steps inside a sandbox.
Check not_tried(std::string name, const HostFacts& facts) {
  return follows(std::move(name), have_user(facts) ? "all seven at once" : kUserName);
}

/// A step inside a namespace that was refused although the namespaces are there.
Check refused(std::string name, const std::string& what, const Trial& trial, const HostFacts& facts) {
  const std::string meaning = what + ": " + reason(trial);
  if (apparmor_denies(facts)) {
    Check check = follows(std::move(name), kUserName);
    check.meaning = meaning;
    return check;
  }
  if (facts.kernel.seccomp_filtered && (denied(trial) || trial.error == ENOSYS))
    return missing(std::move(name), meaning + " (a seccomp filter is on this process)", filter_remedy());
  if (denied(trial))
    return missing(
        std::move(name), meaning + " (a security module forbids it)",
        "let the executor program's AppArmor or SELinux profile allow mount, umount and pivot_root");
  return missing(std::move(name), meaning, kKernelWithAll);
}

Check kind_check(const NamespaceKind& kind, const HostFacts& facts) {
  const std::string name = kind.name + " namespaces";
  if (kind.trial.works()) return ok(name, "made");
  if (!kind.trial.tried()) return not_tried(name, facts);
  const std::string sysctl = "user." + kind.sysctl;
  if (kind.trial.error == ENOSPC && kind.limit == 0)
    return missing(name, "switched off by " + sysctl + "=0", set_number(sysctl));
  if (kind.trial.error == ENOSPC)
    return missing(name, "the number allowed is used up, here or in an outer user namespace",
                   set_number(sysctl) + ", on the host too when this is a container");
  return refused(name, "cannot be made", kind.trial, facts);
}

Check step_check(const char* name, const char* meaning, const Trial& trial, const HostFacts& facts) {
  if (trial.works()) return ok(name, meaning);
  if (!trial.tried()) return not_tried(name, facts);
  return refused(name, "refused", trial, facts);
}

Check together_check(const HostFacts& facts) {
  constexpr const char* kName = "all seven at once";
  const NamespaceFacts& spaces = facts.namespaces;
  const Trial& trial = spaces.all.works() ? spaces.nested : spaces.all;
  if (!trial.tried() && spaces.all.works())
    return missing(kName, "made, but a process in them gave no answer", filter_remedy());
  const auto failed = std::ranges::find_if(
      spaces.kinds, [](const NamespaceKind& kind) { return kind.trial.tried() && !kind.trial.works(); });
  if (!trial.works() && failed != spaces.kinds.end()) return follows(kName, failed->name + " namespaces");
  if (trial.error == ENOSPC || trial.error == EUSERS)
    return missing(kName, "a sandbox lies two user namespaces deep, and their number is used up",
                   set_number("user.max_user_namespaces"));
  return step_check(kName, "one clone3; from inside in two steps, as a sandbox comes to them", trial, facts);
}

Check mount_check(const HostFacts& facts) {
  const NamespaceFacts& spaces = facts.namespaces;
  for (const Trial* trial : {&spaces.private_mounts, &spaces.mount_setattr, &spaces.work_directory})
    if (!trial->works()) return step_check("mounts", "", *trial, facts);
  return ok("mounts", "private, read-only copies by mount_setattr, tmpfs");
}

Check pivot_check(const HostFacts& facts) {
  constexpr const char* kName = "pivot_root";
  const Trial& trial = facts.namespaces.pivot_root;
  if (!trial.tried() && facts.namespaces.private_mounts.tried()) return follows(kName, "mounts");
  return step_check(kName, "entered, and the old root detached", trial, facts);
}

Check procfs_check(const HostFacts& facts) {
  constexpr const char* kName = "fresh procfs";
  const Trial& trial = facts.namespaces.procfs;
  if (trial.works()) return ok(kName, "for the supervisor's PID namespace");
  if (!trial.tried()) return not_tried(kName, facts);
  return degraded(kName,
                  reason(trial) + ": /proc is over-mounted here, as in a container; the host's is used",
                  "container: docker run --security-opt systempaths=unconfined");
}

}  // namespace

Checks namespace_checks(const HostFacts& facts) {
  Checks checks{user_check(facts)};
  for (const NamespaceKind& kind : facts.namespaces.kinds) checks.push_back(kind_check(kind, facts));
  const NamespaceFacts& spaces = facts.namespaces;
  checks.push_back(together_check(facts));
  checks.push_back(step_check("setns by pidfd", "all seven joined in one call", spaces.setns, facts));
  checks.push_back(mount_check(facts));
  checks.push_back(pivot_check(facts));
  checks.push_back(procfs_check(facts));
  return checks;
}

}  // namespace executor::doctor
