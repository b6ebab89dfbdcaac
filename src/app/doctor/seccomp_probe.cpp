#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "app/doctor/probe.hpp"
#include "app/doctor/trial_process.hpp"
#include "base/sys.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"
#include "seccomp/filter.hpp"

namespace executor::doctor {

namespace {

/// A null program is refused only after the operation is known: EFAULT means that filters exist.
Trial try_filter_mode() {
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, nullptr) == 0 || errno == EFAULT) return {0};
  return {errno};
}

Trial ask_for_action(std::uint32_t action) {
  return tried(::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

void load_with_listener(int, int report) {
  sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  Trial loaded = tried(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  if (loaded.works()) loaded = tried(sys::raw::load_filter(allow_all, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER));
  (void)sys::raw::write_all(report, &loaded, sizeof loaded);
}

Trial try_listener() {
  Trial loaded;
  const TrialProcess process(0, load_with_listener);
  if (process.clone().works()) (void)process.receive(&loaded, sizeof loaded);
  return loaded;
}

std::string compile_failure(const std::string& name, seccomp::KillMode mode) {
  const auto text = sys::read_file((rootfs::data_directory() / "seccomp-profiles" / name).string());
  if (!text) return text.error().message();
  const auto profile = seccomp::parse_profile(*text);
  if (!profile) return profile.error().message();
  const auto filter = seccomp::compile(*profile, mode);
  return filter ? std::string() : filter.error().message();
}

std::vector<SeccompFacts::Profile> try_profiles() {
  const auto runtimes = rootfs::load_runtime_manifests();
  if (!runtimes) return {{"runtime.json", runtimes.error().message()}};
  if (runtimes->empty()) return {{"python's runtime.json", "it is not there"}};
  std::vector<SeccompFacts::Profile> profiles;
  for (const rootfs::RuntimeManifest& runtime : *runtimes)
    for (const std::string& name : {runtime.seccomp_profile, runtime.processes_profile})
      profiles.push_back({name, compile_failure(name, seccomp::KillMode::notify)});
  profiles.push_back({"init.json", compile_failure("init.json", seccomp::KillMode::kill)});
  profiles.push_back({"supervisor.json", compile_failure("supervisor.json", seccomp::KillMode::give_way)});
  return profiles;
}

}  // namespace

SeccompFacts probe_seccomp() {
  SeccompFacts facts;
  facts.filter = try_filter_mode();
  facts.kill_process = ask_for_action(SECCOMP_RET_KILL_PROCESS);
  facts.user_notification = ask_for_action(SECCOMP_RET_USER_NOTIF);
  facts.listener = try_listener();
  if (const scmp_version* version = ::seccomp_version()) {
    facts.library_major = version->major;
    facts.library_minor = version->minor;
    facts.library_micro = version->micro;
  }
  facts.profiles = try_profiles();
  return facts;
}

}  // namespace executor::doctor
