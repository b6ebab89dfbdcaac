#include <cerrno>
#include <cstdio>
#include <utility>

#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

constexpr const char* kNewKernel = "boot Linux 6.1 or newer: apt-get install linux-image-amd64, then reboot";

using Version = std::pair<int, int>;

Version parse_release(const std::string& release) {
  Version version{0, 0};
  (void)std::sscanf(release.c_str(), "%d.%d", &version.first, &version.second);  // NOLINT(cert-err34-c)
  return version;
}

Check version_check(const KernelFacts& kernel) {
  constexpr Version kNeeded{5, 14};
  constexpr Version kRecommended{6, 1};
  const Version version = parse_release(kernel.release);
  const std::string running = "Linux " + (kernel.release.empty() ? "of unknown version" : kernel.release);
  if (version < kNeeded) return missing("kernel version", running + "; 5.14 is needed", kNewKernel);
  if (version < kRecommended)
    return degraded("kernel version", running + " works; 6.1 is recommended", kNewKernel);
  return ok("kernel version", running);
}

Check machine_check(const KernelFacts& kernel) {
  if (kernel.machine == "x86_64") return ok("architecture", "x86-64");
  return missing("architecture", "\"" + kernel.machine + "\": the seccomp filters are made for x86-64 alone",
                 "run the service on an x86-64 host");
}

Check call_check(const KernelFacts& kernel, const char* name, const char* purpose, const Trial& trial) {
  if (trial.works()) return ok(name, purpose);
  const std::string meaning = std::string(purpose) + ": " + reason(trial);
  if (kernel.seccomp_filtered)
    return missing(name, meaning + " (a seccomp filter is on this process)", filter_remedy());
  return missing(name, meaning, kNewKernel);
}

Check tid_address_check(const KernelFacts& kernel) {
  constexpr const char* kName = "thread address";
  if (kernel.tid_address.works()) return ok(kName, "PR_GET_TID_ADDRESS, which the zygote asks for");
  if (kernel.tid_address.error == EINVAL)
    return missing(kName, "PR_GET_TID_ADDRESS is not in this kernel: the zygote cannot start",
                   "boot a kernel with CONFIG_CHECKPOINT_RESTORE=y (distributions' kernels have it)");
  return missing(kName, "PR_GET_TID_ADDRESS: " + reason(kernel.tid_address), filter_remedy());
}

/// Taking descriptors: the supervisor gets the listener of each payload's filter that way.
Check descriptor_check(const HostFacts& facts) {
  constexpr const char* kName = "pidfd_getfd";
  const Trial& trial = facts.namespaces.pidfd_getfd;
  if (facts.kernel.yama_ptrace_scope.value_or(0) >= 3)
    return missing(
        kName, "kernel.yama.ptrace_scope=3 forbids it to everybody",
        "write kernel.yama.ptrace_scope=1 to /etc/sysctl.d/60-executor.conf and reboot (3 cannot be "
        "lowered while the kernel runs)");
  if (trial.works()) return ok(kName, "a process's descriptor can be taken by its supervisor");
  if (!trial.tried()) return follows(kName, "all seven at once");
  return missing(kName, reason(trial),
                 trial.error == ENOSYS && !facts.kernel.seccomp_filtered ? kNewKernel : filter_remedy());
}

}  // namespace

Checks kernel_checks(const HostFacts& facts) {
  const KernelFacts& kernel = facts.kernel;
  return {version_check(kernel),
          machine_check(kernel),
          call_check(kernel, "clone3", "makes processes with pidfd, in namespaces and groups", kernel.clone3),
          call_check(kernel, "epoll_pwait2", "waits with deadlines below a millisecond", kernel.epoll_pwait2),
          tid_address_check(kernel),
          descriptor_check(facts)};
}

}  // namespace executor::doctor
