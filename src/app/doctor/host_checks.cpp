#include <algorithm>
#include <cerrno>

#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

std::string range_text(const IdFacts& ids) {
  return std::to_string(ids.count) + " host ids from " + std::to_string(ids.base);
}

Check id_check(const HostFacts& facts) {
  constexpr const char* kName = "host ids";
  const IdFacts& ids = facts.ids;
  if (ids.can_map && ids.range_map.works()) return ok(kName, range_text(ids) + ": every sandbox has its own");
  if (ids.can_map && !ids.range_map.tried()) return follows(kName, "user namespaces");
  if (ids.can_map)
    return missing(
        kName,
        "CAP_SETUID and CAP_SETGID are there, but " + range_text(ids) +
            " cannot be mapped: " + reason(ids.range_map),
        "start it without them: setpriv --bounding-set=-setuid,-setgid executor serve (or map those ids "
        "into this user namespace)");
  const bool helper = !ids.newuidmap.empty() && ids.subordinate > 1;
  if (helper && facts.abilities.newuidmap)
    return ok(kName, std::to_string(ids.subordinate) + " subordinate ids by " + ids.newuidmap);
  const std::string unused = helper ? " (this version does not use newuidmap and the " +
                                          std::to_string(ids.subordinate) + " ids of /etc/subuid)"
                                    : "";
  return degraded(kName, "a single one: all sandboxes are the service's user to the host" + unused,
                  "start it as root: it drops to an unprivileged user at once");
}

Check landlock_check(const KernelFacts& kernel) {
  constexpr const char* kName = "Landlock";
  if (kernel.landlock_abi.value_or(0) >= 1)
    return of_part(Part::local, ok(kName, "ABI " + std::to_string(*kernel.landlock_abi)));
  const bool off = kernel.landlock.error == EOPNOTSUPP;
  return of_part(Part::local, missing(kName,
                                      off ? "built in but not switched on: no local runner"
                                          : "not in this kernel: no local runner",
                                      off ? "boot with landlock first in lsm= on the kernel's command line"
                                          : "boot a kernel with CONFIG_SECURITY_LANDLOCK=y"));
}

Check core_check(const KernelFacts& kernel) {
  constexpr const char* kName = "core dumps";
  if (!kernel.core_pattern.starts_with('|')) return ok(kName, "no host program is started for a crash");
  return degraded(kName,
                  "kernel.core_pattern starts a host program for a crash; not for a payload's, which is "
                  "undumpable or has a "
                  "core limit of one byte",
                  "sysctl -w kernel.core_pattern=core");
}

Check ksm_check(const KernelFacts& kernel) {
  if (kernel.ksm_run.value_or(0) != 1) return ok("page merging", "KSM is off");
  return degraded("page merging", "KSM is on: sandboxes may learn of each other's pages by timing",
                  "echo 2 > /sys/kernel/mm/ksm/run");
}

Check smt_check(const HostFacts& facts) {
  constexpr const char* kName = "hyper-threading";
  if (!facts.kernel.smt_active) return ok(kName, "no two threads share a core");
  if (facts.kernel.core_scheduling.works() && facts.abilities.core_scheduling)
    return ok(kName, "on, with core scheduling: a core runs one sandbox at a time");
  return degraded(kName, "on, without core scheduling: two sandboxes may share a core's caches",
                  "echo off > /sys/devices/system/cpu/smt/control");
}

Check swap_check(const KernelFacts& kernel) {
  return ok("swap", kernel.swap ? "there is some; it is off in every sandbox" : "there is none");
}

Check memory_check(const HostFacts& facts) {
  constexpr std::uint64_t kService = 256 * kMiB;  // front, supervisor, zygote, warm sandboxes
  const std::uint64_t there = std::min(facts.kernel.memory_total, facts.cgroup.memory_limit.value_or(~0ULL));
  const std::uint64_t each = facts.config.mem_limit;
  const std::size_t wanted = facts.config.max_concurrency;
  const std::string sum =
      std::to_string(wanted) + " sandboxes of " + mebibytes(each) + " and the service in " + mebibytes(there);
  if (each <= (there - std::min(there, kService)) / wanted) return ok("memory", sum);
  const std::uint64_t fit = (there - std::min(there, kService)) / each;
  const std::string remedy = fit > 0 ? "EXECUTOR_MAX_CONCURRENCY=" + std::to_string(fit)
                                     : "EXECUTOR_MAX_CONCURRENCY=1 and a smaller EXECUTOR_MEM_LIMIT";
  return degraded("memory", sum + ": all at their limit would not fit", remedy);
}

}  // namespace

Checks host_checks(const HostFacts& facts) {
  const KernelFacts& kernel = facts.kernel;
  return {id_check(facts),    core_check(kernel),  ksm_check(kernel),     smt_check(facts),
          swap_check(kernel), memory_check(facts), landlock_check(kernel)};
}

}  // namespace executor::doctor
