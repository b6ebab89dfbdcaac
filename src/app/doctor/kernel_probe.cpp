#include <fcntl.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>
#include <sstream>

#include "app/doctor/probe.hpp"
#include "app/doctor/trial_process.hpp"
#include "backend/native_start.hpp"
#include "base/sys.hpp"

namespace executor::doctor {

namespace {

std::string first_line(const std::string& path) {
  const auto content = sys::read_file(path);
  return content ? content->substr(0, content->find('\n')) : std::string();
}

std::optional<int> read_int(const std::string& path) {
  const auto number = read_number(path);
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

bool has_capability(cap_value_t capability) {
  const std::unique_ptr<_cap_struct, decltype(&cap_free)> own(cap_get_proc(), &cap_free);
  cap_flag_value_t value = CAP_CLEAR;
  return own && cap_get_flag(own.get(), capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

Trial try_epoll_pwait2() {
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return {errno};
  epoll_event event{};
  timespec at_once{};
  return tried(::syscall(SYS_epoll_pwait2, epoll.get(), &event, 1, &at_once, nullptr, 0));
}

Trial try_tid_address() {
  int* address = nullptr;
  return tried(::prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0));
}

Trial try_core_scheduling() {
  constexpr int kSchedCore = 62;  // PR_SCHED_CORE (Linux 5.14)
  unsigned long cookie = 0;
  return tried(::prctl(kSchedCore, 0 /* PR_SCHED_CORE_GET */, 0, 0 /* one thread */, &cookie));
}

void ask_landlock(KernelFacts& facts) {
  constexpr unsigned kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion);
  facts.landlock = tried(version);
  if (version >= 0) facts.landlock_abi = static_cast<int>(version);
}

std::uint64_t memory_total() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  return pages < 0 ? 0
                   : static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Ids that a file such as /etc/subuid gives to the user, who stands there by name or number.
std::uint64_t subordinate_ids(const std::string& path, const std::string& name, uid_t uid) {
  const auto content = sys::read_file(path);
  std::istringstream lines(content ? *content : std::string());
  std::uint64_t total = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t last = line.rfind(':');
    if (first == std::string::npos || first == last) continue;
    const std::string owner = line.substr(0, first);
    if (owner != name && owner != std::to_string(uid)) continue;
    std::uint64_t count = 0;
    std::from_chars(line.data() + last + 1, line.data() + line.size(), count);
    total += count;
  }
  return total;
}

}  // namespace

std::optional<std::uint64_t> read_number(const std::string& path) {
  const std::string text = first_line(path);
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

KernelFacts probe_kernel() {
  KernelFacts facts;
  utsname name{};
  if (::uname(&name) == 0) {
    facts.release = name.release;
    facts.machine = name.machine;
  }
  facts.clone3 = TrialProcess(0, [](int, int) {}).clone();
  facts.epoll_pwait2 = try_epoll_pwait2();
  facts.tid_address = try_tid_address();
  facts.yama_ptrace_scope = read_int("/proc/sys/kernel/yama/ptrace_scope");
  facts.core_pattern = first_line("/proc/sys/kernel/core_pattern");
  facts.ksm_run = read_int("/sys/kernel/mm/ksm/run");
  facts.smt_active = read_int("/sys/devices/system/cpu/smt/active").value_or(0) == 1;
  facts.core_scheduling = try_core_scheduling();
  const auto swaps = sys::read_file("/proc/swaps");
  facts.swap = swaps && std::ranges::count(*swaps, '\n') > 1;  // below a line of titles
  ask_landlock(facts);
  facts.seccomp_filtered = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
  facts.system_administrator = has_capability(CAP_SYS_ADMIN);
  facts.memory_total = memory_total();
  return facts;
}

IdFacts probe_ids() {
  IdFacts facts;
  const NativeOptions defaults;
  facts.base = defaults.id_base;
  facts.count = defaults.id_count;
  facts.can_map = supervisor::can_map_ids(facts.base, facts.count);
  facts.can_give = has_capability(CAP_CHOWN);
  if (facts.can_map) {
    const TrialProcess process(CLONE_NEWUSER, [](int go, int) {
      char byte = 0;
      (void)sys::raw::read_all(go, &byte, 1);
    });
    if (process.clone().works())
      facts.range_map = process.map_ids(facts.base, facts.base, facts.count, false);
  }
  std::error_code error;
  for (const char* path : {"/usr/bin/newuidmap", "/bin/newuidmap", "/usr/local/bin/newuidmap"})
    if (facts.newuidmap.empty() && std::filesystem::exists(path, error)) facts.newuidmap = path;
  const passwd* user = ::getpwuid(::geteuid());
  const std::string name = user == nullptr ? std::string() : user->pw_name;
  facts.subordinate = std::min(subordinate_ids("/etc/subuid", name, ::geteuid()),
                               subordinate_ids("/etc/subgid", name, ::geteuid()));
  return facts;
}

}  // namespace executor::doctor
