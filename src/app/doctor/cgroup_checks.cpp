#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

constexpr const char* kUnified = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line";

/// The words of systemd for "this part of the tree is yours".
std::string delegate_remedy(int version) {
  if (version == 1)
    return "start it as root (it drops to an unprivileged user at once); cgroup v1 cannot be delegated "
           "safely: " +
           std::string(kUnified);
  return "put \"Delegate=cpu memory pids\" in the unit, or start it by: systemd-run --user --scope -p "
         "\"Delegate=cpu memory pids\" executor serve";
}

Check mode_check(const CgroupFacts& cgroup) {
  constexpr const char* kName = "cgroup mode";
  if (cgroup.version == 2) return ok(kName, "v2 (unified)");
  if (cgroup.version == 1)
    return degraded(kName, "v1 controllers (hybrid host): no birth in a group, kills process by process",
                    kUnified);
  if (cgroup.unified_mounted)
    return missing(kName, "v2, but without the controllers that limits need", delegate_remedy(2));
  return missing(kName, "no cgroup file system is mounted",
                 "mount -t cgroup2 none /sys/fs/cgroup; container: docker run --cgroupns=private");
}

Check controller_check(const CgroupFacts& cgroup) {
  constexpr const char* kName = "cgroup controllers";
  if (worked(cgroup.placement))
    return ok(kName, cgroup.version == 2 ? "memory pids cpu" : "memory pids cpu cpuacct");
  const std::string given = cgroup.controllers.empty() ? "none" : cgroup.controllers;
  if (cgroup.unified_mounted)
    return missing(kName, "memory, pids and cpu are needed; this group has: " + given, delegate_remedy(2));
  return missing(kName, reason(cgroup.placement), kUnified);
}

Check delegation_check(const CgroupFacts& cgroup) {
  constexpr const char* kName = "cgroup delegation";
  if (!cgroup.delegation) return follows(kName, "cgroup controllers");
  if (worked(cgroup.delegation)) return ok(kName, "a group of our own was made and removed");
  return missing(kName, reason(cgroup.delegation), delegate_remedy(cgroup.version));
}

Check limit_check(const CgroupFacts& cgroup) {
  constexpr const char* kName = "cgroup limits";
  if (!cgroup.limits) return follows(kName, "cgroup delegation");
  if (worked(cgroup.limits)) return ok(kName, "memory, swap, CPU quota and pids were set on a leaf");
  return missing(kName, reason(cgroup.limits), delegate_remedy(cgroup.version));
}

Check birth_check(const CgroupFacts& cgroup) {
  constexpr const char* kName = "process in a leaf";
  if (!worked(cgroup.limits)) return follows(kName, "cgroup limits");
  if (cgroup.birth.works())
    return ok(kName, cgroup.version == 2 ? "born there by CLONE_INTO_CGROUP" : "attaches itself");
  return missing(kName, reason(cgroup.birth), delegate_remedy(cgroup.version));
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
  Checks checks{mode_check(cgroup), controller_check(cgroup), delegation_check(cgroup), limit_check(cgroup),
                birth_check(cgroup)};
  if (cgroup.version == 2 && worked(cgroup.limits)) {
    checks.push_back(kill_check(cgroup));
    checks.push_back(peak_check(cgroup));
  }
  return checks;
}

}  // namespace executor::doctor
