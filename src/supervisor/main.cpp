// The supervisor's process. It is started by the steward (supervisor/steward.hpp) as pid 1 of the outer PID
// namespace, root of the outer user namespace and nobody on the host, with the descriptors of
// supervisor/config.hpp.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

#include "base/huge_pages.hpp"
#include "base/private_heap.hpp"
#include "base/sys.hpp"
#include "cgroup/hierarchy.hpp"
#include "sandbox/privileges.hpp"
#include "seccomp/filter.hpp"
#include "supervisor/builder.hpp"
#include "supervisor/protocol.hpp"
#include "supervisor/service.hpp"

namespace executor::supervisor {
namespace {

Result<Config> read_config() {
  struct stat info {};
  if (::fstat(kConfigFd, &info) != 0) return errno_error("stat configuration", errno);
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  if (!sys::raw::read_all(kConfigFd, bytes.data(), bytes.size()))
    return errno_error("read configuration", errno);
  ::close(kConfigFd);
  auto config = decode<Config>(bytes);
  if (!config) return errno_error("read configuration", EBADMSG);
  return *config;
}

/// Root of the outer user namespace could do more there than making sandboxes takes. What is not kept cannot
/// come back, in the zygotes neither.
Result<void> keep_needed_capabilities() {
  constexpr std::array<cap_value_t, 8> kKept = {
      CAP_SYS_ADMIN,   // namespaces, mounts, setns
      CAP_SYS_CHROOT,  // the zygote's root; setns to a mount namespace
      CAP_SYS_PTRACE,  // setns by a pidfd, the listener of a payload's filter
      CAP_SETUID,      // id maps
      CAP_SETGID,
      CAP_SETFCAP,       // an id map that holds our own id 0 (single-id mode)
      CAP_KILL,          // payloads have other ids
      CAP_SYS_RESOURCE,  // limits of a payload
  };
  for (cap_value_t capability = 0; cap_get_bound(capability) >= 0; ++capability)
    if (std::ranges::find(kKept, capability) == kKept.end() && cap_drop_bound(capability) != 0)
      return errno_error("drop from bounding set", errno);
  const std::unique_ptr<_cap_struct, decltype(&cap_free)> set(cap_init(), &cap_free);
  for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE})
    if (set) cap_set_flag(set.get(), flag, static_cast<int>(kKept.size()), kKept.data(), CAP_SET);
  if (!set || cap_set_proc(set.get()) != 0) return errno_error("give up capabilities", errno);
  return {};
}

/// For this process and all that it makes from here on. A program's own filter is loaded later and decides
/// first, so that what it must not call is told of as ever.
Result<void> load_own_filter(const Config& config) {
  auto profile = seccomp::parse_profile(config.supervisor_profile);
  if (!profile) return profile.error().context("the supervisor's seccomp profile");
  std::vector<std::string_view> inner = {config.init_profile};
  for (const RuntimeConfig& runtime : config.runtimes) {
    inner.push_back(runtime.strict_profile);
    inner.push_back(runtime.processes_profile);
  }
  for (const std::string_view text : inner) {
    const auto allowed = seccomp::parse_profile(text);
    if (!allowed) return allowed.error();
    seccomp::let_through(*profile, *allowed);
  }
  const auto filter = seccomp::compile(*profile, seccomp::KillMode::give_way);
  if (!filter) return filter.error().context("the supervisor's seccomp profile");
  if (sys::raw::load_filter(filter->data(), static_cast<unsigned short>(filter->size()), 0) != 0)
    return errno_error("load the supervisor's seccomp filter", errno);
  return {};
}

Result<void> serve(UniqueFd& front) {
  auto config = read_config();
  if (!config) return config.error();
  ZygotePrograms programs{UniqueFd(kZygoteFd), UniqueFd(kExecZygoteFd)};
  std::vector<UniqueFd> directories;
  const int count = config->cgroup_version == 2 ? 1 : 4;
  directories.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) directories.emplace_back(kCgroupFd + i);
  for (int fd = kFrontFd; fd < kCgroupFd + count; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto hierarchy = cgroup::make_hierarchy(config->cgroup_version, std::move(directories));
  auto leaks = hierarchy->sweep();
  if (!leaks) return leaks.error();
  auto builder = Builder::make(std::move(*config), std::move(programs), std::move(hierarchy));
  if (!builder) return builder.error();
  if (auto r = keep_needed_capabilities(); !r) return r;
  if (auto r = load_own_filter((*builder)->config()); !r) return r;
  ::malloc_trim(0);  // what reading profiles took
  Service service(std::move(*builder), UniqueFd(front.release()), *leaks);
  auto done = service.run();
  if (!done) service.announce_failure(done.error());
  return done;
}

}  // namespace
}  // namespace executor::supervisor

int main() {
  using namespace executor;
  // for inits, which are clones of this process without its heap
  move_text_to_huge_pages();
  (void)sandbox::empty_capabilities();
  begin_private_heap();
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_NAME, "executor-superv");
  sys::prefer_latency();
  UniqueFd front(supervisor::kFrontFd);
  const auto done = supervisor::serve(front);
  if (done) return 0;
  if (front) {  // it failed before the service took over
    const std::string frame = supervisor::encode(supervisor::failed_message(done.error()));
    (void)sys::raw::write_all(front.get(), frame.data(), frame.size());
  }
  return 1;
}
