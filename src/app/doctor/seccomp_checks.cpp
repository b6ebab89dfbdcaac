#include <cerrno>

#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

constexpr const char* kKernelWithFilter =
    "boot a kernel with CONFIG_SECCOMP_FILTER=y (distributions' kernels have it)";

Check feature_check(const char* name, const char* meaning, const Trial& trial, const char* remedy) {
  if (trial.works()) return ok(name, meaning);
  return missing(name, reason(trial), remedy);
}

Check listener_check(const HostFacts& facts) {
  const SeccompFacts& seccomp = facts.seccomp;
  constexpr const char* kName = "seccomp listener";
  if (seccomp.listener.works()) return ok(kName, "a filter with a listener was loaded");
  if (!seccomp.listener.tried() && !facts.kernel.clone3.works()) return follows(kName, "clone3");
  if (seccomp.listener.error == EBUSY)
    return missing(kName, "an outer filter with a listener is on this process: the kernel allows one",
                   "start it outside of what put the filter there (a container with seccomp notification)");
  return missing(kName, reason(seccomp.listener), filter_remedy());
}

Check library_check(const SeccompFacts& seccomp) {
  constexpr const char* kName = "libseccomp";
  const std::string version = std::to_string(seccomp.library_major) + "." +
                              std::to_string(seccomp.library_minor) + "." +
                              std::to_string(seccomp.library_micro);
  if (seccomp.library_major > 2 || (seccomp.library_major == 2 && seccomp.library_minor >= 5))
    return ok(kName, version);
  return missing(kName, version + ": 2.5.0 is needed to compile filters as a tree",
                 "apt-get install libseccomp2");
}

Check profile_check(const SeccompFacts& seccomp) {
  constexpr const char* kName = "seccomp profiles";
  std::string names;
  for (const SeccompFacts::Profile& profile : seccomp.profiles) {
    if (!profile.failure.empty())
      return missing(kName, profile.name + ": " + profile.failure,
                     "install the package again, or set EXECUTOR_DATA_DIR to what holds seccomp-profiles/");
    names += (names.empty() ? "" : ", ") + profile.name;
  }
  if (names.empty())
    return missing(kName, "none was found", "set EXECUTOR_DATA_DIR to what holds seccomp-profiles/");
  return ok(kName, names + " compile");
}

}  // namespace

Checks seccomp_checks(const HostFacts& facts) {
  const SeccompFacts& seccomp = facts.seccomp;
  return {feature_check("seccomp filters", "the kernel takes them", seccomp.filter, kKernelWithFilter),
          feature_check("seccomp kill", "SECCOMP_RET_KILL_PROCESS ends a whole process", seccomp.kill_process,
                        kKernelWithFilter),
          feature_check("seccomp notification", "SECCOMP_RET_USER_NOTIF names the call of a violation",
                        seccomp.user_notification, kKernelWithFilter),
          listener_check(facts),
          library_check(seccomp),
          profile_check(seccomp)};
}

}  // namespace executor::doctor
