#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

constexpr const char* kUnified = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line";

/// A group of our own with the controllers, in the words of systemd.
std::string delegate_remedy(const HostFacts& facts) {
  if (facts.cgroup.version == 1)
    return "start it as root (it drops to an unprivileged user at once); cgroup v1 cannot be delegated "
           "safely: " +
           std::string(kUnified);
  const std::string manager = facts.kernel.system_administrator ? "" : "--user ";
  return "put \"Delegate=cpu memory pids\" in the unit, or start it by: systemd-run " + manager +
         "--scope -p \"Delegate=cpu memory pids\" executor serve";
}

Check mode_check(const HostFacts& facts) {
  const CgroupFacts& cgroup = facts.cgroup;
  constexpr const char* kName = "cgroup mode";
  if (cgroup.version == 2) return ok(kName, "v2 (unified)");
  if (cgroup.version == 1)
    return degraded(kName, "v1 controllers (hybrid host): no birth in a group, kills process by process",
                    kUnified);
  if (cgroup.unified_mounted)
    return missing(kName, "v2, but without the controllers that limits need", delegate_remedy(facts));
  return missing(kName, "no cgroup file system is mounted",
                 "mount -t cgroup2 none /sys/fs/cgroup; container: docker run --cgroupns=private");
}

Check controller_check(const HostFacts& facts) {
  const CgroupFacts& cgroup = facts.cgroup;
  constexpr const char* kName = "cgroup controllers";
  if (worked(cgroup.placement))
    return ok(kName, cgroup.version == 2 ? "memory pids cpu" : "memory pids cpu cpuacct");
  const std::string given = cgroup.controllers.empty() ? "none" : cgroup.controllers;
  if (cgroup.unified_mounted)
    return missing(kName, "memory, pids and cpu are needed; this group has: " + given,
                   delegate_remedy(facts));
  return missing(kName, reason(cgroup.placement), kUnified);
}

Check delegation_check(const HostFacts& facts) {
  const CgroupFacts& cgroup = facts.cgroup;
  constexpr const char* kName = "cgroup delegation";
  if (!cgroup.delegation) return follows(kName, "cgroup controllers");
  if (worked(cgroup.delegation)) return ok(kName, "a group of our own was made and removed");
  if (cgroup.version == 2 && cgroup.group_writable && cgroup.other_processes > 0 && !facts.ids.can_map)
    return missing(kName,
                   "this group is ours, but " + std::to_string(cgroup.other_processes) +
                       " other processes are in it, and cgroup v2 divides no group that holds processes",
                   "start executor as the group's only process: by exec, or " + delegate_remedy(facts));
  if (facts.ids.can_map && facts.ids.range_map.works() && !facts.ids.can_give)
    return missing(kName, reason(cgroup.delegation) + " (giving groups to ids of their own needs CAP_CHOWN)",
                   "start it as root, or without CAP_SETUID and CAP_SETGID: then with a single id");
  return missing(kName, reason(cgroup.delegation), delegate_remedy(facts));
}

Check limit_check(const HostFacts& facts) {
  const CgroupFacts& cgroup = facts.cgroup;
  constexpr const char* kName = "cgroup limits";
  if (!cgroup.limits) return follows(kName, "cgroup delegation");
  if (worked(cgroup.limits)) return ok(kName, "memory, swap, CPU quota and pids were set on a leaf");
  return missing(kName, reason(cgroup.limits), delegate_remedy(facts));
}

Check birth_check(const HostFacts& facts) {
  const CgroupFacts& cgroup = facts.cgroup;
  constexpr const char* kName = "process in a leaf";
  if (!worked(cgroup.limits)) return follows(kName, "cgroup limits");
  if (!cgroup.birth.works() && !facts.kernel.clone3.works()) return follows(kName, "clone3");
  if (cgroup.birth.works())
    return ok(kName, cgroup.version == 2 ? "born there by CLONE_INTO_CGROUP" : "attaches itself");
  return missing(kName, reason(cgroup.birth), delegate_remedy(facts));
}

Check kill_check(const CgroupFacts& cgroup) {
  if (cgroup.kill_file) return ok("cgroup.kill", "a leaf's processes end by one write");
  return missing("cgroup.kill", "not in this kernel: what a program started could outlive it",
                 "boot Linux 5.14 or newer");
}

Check peak_check(const CgroupFacts& cgroup) {
  if (cgroup.peak_file) return ok("memory.peak", "a leaf's peak is counted by the kernel");
  return degraded("memory.peak", "not in this kernel: memory used is the largest process's alone",
                  "boot Linux 5.19 or newer");
}

}  // namespace

Checks cgroup_checks(const HostFacts& facts) {
  const CgroupFacts& cgroup = facts.cgroup;
  Checks checks{mode_check(facts), controller_check(facts), delegation_check(facts), limit_check(facts),
                birth_check(facts)};
  if (cgroup.version == 2 && worked(cgroup.limits)) {
    checks.push_back(kill_check(cgroup));
    checks.push_back(peak_check(cgroup));
  }
  return checks;
}

}  // namespace executor::doctor
