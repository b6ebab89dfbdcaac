#include "supervisor/steward.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "base/sys.hpp"
#include "cgroup/layout.hpp"
#include "sandbox/privileges.hpp"
#include "supervisor/protocol.hpp"

namespace executor::supervisor {

namespace {

using Capabilities = std::unique_ptr<_cap_struct, decltype(&cap_free)>;

Result<void> set_capabilities(std::initializer_list<cap_value_t> kept) {
  const Capabilities set(cap_init(), &cap_free);
  for (const cap_value_t capability : kept)
    for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE})
      cap_set_flag(set.get(), flag, 1, &capability, CAP_SET);
  if (!set || cap_reset_ambient() != 0 || cap_set_proc(set.get()) != 0)
    return errno_error("set capabilities", errno);
  return {};
}

Result<void> change_ids(uid_t uid, gid_t gid) {
  if (::setgroups(0, nullptr) != 0) return errno_error("drop supplementary groups", errno);
  if (::setresgid(gid, gid, gid) != 0) return errno_error("change group id", errno);
  if (::setresuid(uid, uid, uid) != 0) return errno_error("change user id", errno);
  return {};
}

/// Before the ids change: it takes CAP_SETPCAP. Without that no_new_privs alone has to do.
Result<void> give_up_bounding_set() {
  if (!sandbox::drop_bounding_set() && errno != EPERM) return errno_error("drop bounding set", errno);
  return {};
}

/// Whether our user namespace holds all of these ids; in a nested one, such as a container's, it may not.
bool range_is_mapped(const char* map, std::uint64_t base, std::uint64_t count) {
  std::ifstream lines(map);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t length = 0;
  while (lines >> inside >> outside >> length)
    if (base >= inside && base + count <= inside + length) return true;
  return false;
}

/// What the steward holds for every supervisor that it starts.
struct Estate {
  Estate(StewardPlan steward_plan, cgroup::Instance groups)
      : plan(std::move(steward_plan)), cgroups(std::move(groups)) {}
  StewardPlan plan;
  bool privileged = false;
  uid_t uid = ::geteuid();  ///< of the start, mapped to 0 in single-id mode
  gid_t gid = ::getegid();
  cgroup::Instance cgroups;
  UniqueFd supervisor_executable, zygote_executable, exec_zygote_executable, config, supervisor_procs, null;
  UniqueFd user_namespace;  ///< the outer one, once it exists
};

/// The last steps before the supervisor's own program: its descriptors, its cgroup, a clean environment.
[[noreturn]] void exec_supervisor(const Estate& estate, int front) {
  const auto require = [](bool done, const char* step) {
    if (done) return;
    std::perror(step);
    ::_exit(1);
  };
  if (estate.supervisor_procs)
    require(sys::raw::write_all(estate.supervisor_procs.get(), "0", 1), "supervisor: join cgroup");
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "supervisor: parent death signal");
  std::vector<int> wanted = {estate.null.get(),
                             estate.null.get(),
                             STDERR_FILENO,
                             front,
                             estate.config.get(),
                             estate.zygote_executable.get(),
                             estate.exec_zygote_executable.get()};
  for (const UniqueFd& directory : estate.cgroups.directories) wanted.push_back(directory.get());
  wanted.push_back(estate.supervisor_executable.get());
  constexpr int kAbove = 64;
  for (int& fd : wanted) require((fd = ::fcntl(fd, F_DUPFD, kAbove)) >= 0, "supervisor: descriptors");
  for (std::size_t i = 0; i < wanted.size(); ++i)
    require(::dup2(wanted[i], static_cast<int>(i)) >= 0, "supervisor: descriptors");
  const int executable = static_cast<int>(wanted.size()) - 1;
  require(::fcntl(executable, F_SETFD, FD_CLOEXEC) == 0 &&
              sys::raw::close_range(static_cast<unsigned>(executable) + 1, ~0U, 0) == 0 &&
              ::lseek(kConfigFd, 0, SEEK_SET) == 0,
          "supervisor: descriptors");
  char name[] = "executor-supervisor";
  char* const argv[] = {name, nullptr};
  char* const environment[] = {nullptr};
  ::execveat(executable, "", argv, environment, AT_EMPTY_PATH);
  require(false, "supervisor: exec");
  ::_exit(1);
}

/// Runs inside the outer user namespace: becomes its root, makes the mount and PID namespaces with the
/// supervisor as pid 1, reports its pid and goes. The supervisor is the steward's own child (CLONE_PARENT).
[[noreturn]] void start_inside(const Estate& estate, int front, int report) {
  if (estate.privileged && ::setgroups(0, nullptr) != 0) ::_exit(1);
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) ::_exit(1);
  clone_args args{};
  args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_PARENT;
  const pid_t pid = sys::raw::clone_process(args);
  if (pid == 0) exec_supervisor(estate, front);
  const int reported = pid > 0 ? pid : -errno;
  (void)sys::raw::write_all(report, &reported, sizeof reported);
  ::_exit(pid > 0 ? 0 : 1);
}

/// Id maps of the outer namespace, written from outside by whoever may.
Result<void> map_ids(const Estate& estate, pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  if (estate.privileged) {
    const std::string map =
        "0 " + std::to_string(estate.plan.id_base) + " " + std::to_string(estate.plan.id_count) + "\n";
    if (auto r = sys::write_file(proc + "/uid_map", map); !r) return r;
    return sys::write_file(proc + "/gid_map", map);
  }
  if (auto r = sys::write_file(proc + "/setgroups", "deny"); !r) return r;
  if (auto r = sys::write_file(proc + "/uid_map", "0 " + std::to_string(estate.uid) + " 1\n"); !r) return r;
  return sys::write_file(proc + "/gid_map", "0 " + std::to_string(estate.gid) + " 1\n");
}

/// One supervisor: its pid, with its socket in `front_end`.
Result<pid_t> start_supervisor(Estate& estate, UniqueFd& front_end) {
  auto pair = sys::make_socket_pair(SOCK_STREAM);
  auto report = sys::make_pipe();
  auto go = sys::make_pipe();
  if (!pair || !report || !go) return errno_error("make sockets for supervisor", errno);
  const bool first = !estate.user_namespace;
  clone_args args{};
  args.flags = first ? CLONE_NEWUSER : 0;
  args.exit_signal = SIGCHLD;
  const pid_t inside = sys::raw::clone_process(args);
  if (inside < 0)
    return errno_error(
        "make user namespace (kernel.unprivileged_userns_clone, user.max_user_namespaces or an AppArmor "
        "restriction may forbid it; executor doctor says which)",
        errno);
  if (inside == 0) {
    char byte = 0;
    if (!sys::raw::read_all(go->read.get(), &byte, 1)) ::_exit(1);
    if (!first && ::setns(estate.user_namespace.get(), CLONE_NEWUSER) != 0) ::_exit(1);
    start_inside(estate, pair->second.get(), report->write.get());
  }
  const auto give_up = [&](const Error& error) {
    ::kill(inside, SIGKILL);
    ::waitpid(inside, nullptr, 0);
    return error;
  };
  if (first) {
    if (auto r = map_ids(estate, inside); !r) return give_up(r.error());
    auto fd = sys::open_at(AT_FDCWD, "/proc/" + std::to_string(inside) + "/ns/user", O_RDONLY);
    if (!fd) return give_up(fd.error());
    estate.user_namespace = std::move(*fd);
  }
  if (!sys::raw::write_all(go->write.get(), "g", 1)) return give_up(errno_error("release supervisor", errno));
  report->write.reset();
  int reported = -EPERM;
  (void)sys::raw::read_all(report->read.get(), &reported, sizeof reported);
  ::waitpid(inside, nullptr, 0);
  if (reported < 0) return errno_error("make outer mount and PID namespaces", -reported);
  front_end = std::move(pair->first);
  return reported;
}

Result<void> hand_to_front(int link, UniqueFd front_end) {
  const int fds[] = {front_end.get()};
  return sys::send_with_fds(link, "S", fds);
}

/// Waits until the supervisor has ended (true) or the front has closed the link (false).
bool supervisor_ended(int link, int supervisor) {
  pollfd fds[] = {{link, POLLIN, 0}, {supervisor, POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  return fds[1].revents != 0 && fds[0].revents == 0;
}

/// The front has gone: the supervisor sees that too and cleans up; one that hangs is killed.
void end_supervisor(pid_t pid, int pidfd) {
  constexpr int kGraceMs = 3000;
  pollfd fd{pidfd, POLLIN, 0};
  if (::poll(&fd, 1, kGraceMs) <= 0) sys::raw::pidfd_send_signal(pidfd, SIGKILL);
  ::waitpid(pid, nullptr, __WALL);
}

/// `removes`: no janitor does it.
[[noreturn]] void run_steward(Estate& estate, UniqueFd link, bool removes) {
  using Clock = std::chrono::steady_clock;
  int failures = 0;
  for (;;) {
    const auto started = Clock::now();
    UniqueFd front_end;
    auto pid = start_supervisor(estate, front_end);
    if (!pid) {
      const std::string frame = encode(failed_message(pid.error()));
      auto pair = sys::make_socket_pair(SOCK_STREAM);
      if (!pair || !sys::raw::write_all(pair->second.get(), frame.data(), frame.size())) ::_exit(1);
      front_end = std::move(pair->first);
    }
    if (!hand_to_front(link.get(), std::move(front_end))) break;
    // from here on nothing is needed that the start had; it is asked once, in the first round
    if (!set_capabilities({}) || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(1);
    if (pid) {
      auto pidfd = sys::pidfd_open(*pid);
      if (!pidfd) ::_exit(1);
      if (!supervisor_ended(link.get(), pidfd->get())) {
        end_supervisor(*pid, pidfd->get());
        break;
      }
      ::waitpid(*pid, nullptr, __WALL);
    }
    failures = Clock::now() - started < std::chrono::seconds(1) ? failures + 1 : 0;
    // the first restart is immediate; a supervisor that cannot start is tried ever more slowly
    pollfd front{link.get(), POLLIN, 0};
    if (::poll(&front, 1, std::min(5000, failures * failures * 100)) > 0) break;
  }
  if (removes) cgroup::remove(estate.cgroups.paths);
  ::_exit(0);
}

/// Loads a filter that leaves what removing directories takes; everything else ends the process.
bool allow_only_removal() {
  constexpr int kAllowed[] = {
      SYS_read, SYS_openat,     SYS_close, SYS_newfstatat, SYS_getdents64, SYS_fcntl,           SYS_unlinkat,
      SYS_brk,  SYS_exit_group, SYS_mmap,  SYS_munmap,     SYS_kill,       SYS_clock_nanosleep, SYS_write};
  std::vector<sock_filter> filter;
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4));  // seccomp_data.arch
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 1, 0));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, 0x80000000));  // SECCOMP_RET_KILL_PROCESS
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0));  // seccomp_data.nr
  for (const int number : kAllowed) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, 0x7fff0000));  // SECCOMP_RET_ALLOW
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, 0x80000000));
  return sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()), 0) == 0;
}

/// Root's directories can only be removed by root's id, and where even that may not write (the root of a v1
/// hierarchy is mode 0555) with CAP_DAC_OVERRIDE. This process has that and nothing else, and takes no input
/// but an end of file.
[[noreturn]] void run_janitor(const std::vector<std::string>& paths, int steward_alive) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  const bool owner_may = std::ranges::all_of(paths, [](const std::string& path) {
    struct stat parent {};
    return ::stat(path.substr(0, path.rfind('/')).c_str(), &parent) == 0 && (parent.st_mode & S_IWUSR) != 0;
  });
  const auto reduced = owner_may ? set_capabilities({}) : set_capabilities({CAP_DAC_OVERRIDE});
  if (!reduced || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !allow_only_removal()) ::_exit(1);
  char byte = 0;
  (void)sys::raw::read_all(steward_alive, &byte, 1);
  cgroup::remove(paths);
  ::_exit(0);
}

/// Returns the end of a pipe whose closing sets the janitor to work.
Result<UniqueFd> start_janitor(const Estate& estate, int ended) {
  auto alive = sys::make_pipe();
  if (!alive) return alive.error();
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork janitor", errno);
  if (pid == 0) {
    ::prctl(PR_SET_NAME, "executor-jantr");
    if (::dup2(alive->read.get(), 0) != 0 || ::dup2(ended, 1) != 1) ::_exit(1);
    sys::raw::close_range(3, ~0U, 0);
    run_janitor(estate.cgroups.paths, 0);
  }
  return std::move(alive->write);
}

Result<void> become_service_user(const StewardPlan& plan) {
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return errno_error("keep capabilities", errno);
  if (auto r = give_up_bounding_set(); !r) return r;
  if (auto r = change_ids(plan.service_uid, plan.service_gid); !r) return r;
  if (auto r = set_capabilities({CAP_SETUID, CAP_SETGID}); !r) return r;
  // else /proc/<child>/uid_map would belong to root
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return errno_error("become dumpable", errno);
  return {};
}

[[noreturn]] void steward_main(Estate& estate, UniqueFd link, const UniqueFd& ended) {
  ::setsid();  // a terminal's Ctrl-C is for the front, which then ends the rest in order
  ::prctl(PR_SET_NAME, "executor-steward");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  UniqueFd janitor;
  if (::geteuid() == 0) {
    auto started = start_janitor(estate, ended.get());
    if (!started) ::_exit(1);
    janitor = std::move(*started);
  }
  if (estate.privileged && !become_service_user(estate.plan)) ::_exit(1);
  run_steward(estate, std::move(link), !janitor);
}

/// A kind of namespace whose limit is 0 is switched off, and named; one that is used up shows where it is
/// needed.
Result<void> check_namespaces() {
  constexpr std::pair<const char*, const char*> kKinds[] = {
      {"user", "user"}, {"mount", "mnt"}, {"PID", "pid"},       {"network", "net"},
      {"IPC", "ipc"},   {"UTS", "uts"},   {"cgroup", "cgroup"},
  };
  for (const auto& [name, sysctl] : kKinds) {
    const std::string setting = std::string("max_") + sysctl + "_namespaces";
    const auto limit = sys::read_file("/proc/sys/user/" + setting);
    if (limit && *limit == "0\n")
      return errno_error(
          std::string("make ") + name + " namespace (user." + setting + " is 0; sysctl sets it)", ENOSPC);
  }
  return {};
}

bool readable(int fd) {
  constexpr int kLongestMs = 60'000;
  pollfd wanted{fd, POLLIN, 0};
  int n = 0;
  while ((n = ::poll(&wanted, 1, kLongestMs)) < 0 && errno == EINTR) {
  }
  return n > 0;
}

/// The first supervisor's socket once it has said that it can build sandboxes; that word stays in the socket.
Result<UniqueFd> wait_for_supervisor(int link) {
  const auto gone = [] {
    return errno_error("start supervisor (its own words stand above, if it had any)", ECHILD);
  };
  char byte = 0;
  auto received = readable(link) ? sys::receive_with_fds(link, {&byte, 1})
                                 : errno_error("wait for supervisor", ETIMEDOUT);
  if (!received) return received.error();
  if (received->fds.size() != 1) return gone();
  UniqueFd socket = std::move(received->fds.front());
  // looked at, not taken; a first word is small, and a socket of this kind delivers one send in one piece
  std::string bytes(64 * kKiB, '\0');
  std::size_t have = 0;
  for (;;) {
    if (!readable(socket.get())) return errno_error("wait for supervisor", ETIMEDOUT);
    const ssize_t n = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_PEEK);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || static_cast<std::size_t>(n) == have)
      return gone();  // its end, within or before its first word
    have = static_cast<std::size_t>(n);
    FrameSplitter frames;
    frames.append({bytes.data(), have});
    const auto frame = frames.next();
    if (!frame) continue;
    if (frame->type == MessageType::ready) return socket;
    const auto failure = decode<FailedMessage>(frame->body);
    if (frame->type != MessageType::failed || !failure) return gone();
    return error_of(*failure);
  }
}

}  // namespace

bool can_map_ids(std::uint32_t base, std::uint32_t count) {
  const Capabilities own(cap_get_proc(), &cap_free);
  for (const cap_value_t capability : {CAP_SETUID, CAP_SETGID}) {
    cap_flag_value_t value = CAP_CLEAR;
    if (!own || cap_get_flag(own.get(), capability, CAP_EFFECTIVE, &value) != 0 || value != CAP_SET)
      return false;
  }
  return range_is_mapped("/proc/self/uid_map", base, count) &&
         range_is_mapped("/proc/self/gid_map", base, count);
}

Result<StewardHandle> start_steward(StewardPlan plan) {
  const bool privileged = can_map_ids(plan.id_base, plan.id_count);
  if (auto r = check_namespaces(); !r) return r.error();
  auto placement = cgroup::find_placement();
  if (!placement) return placement.error();
  const uid_t owner = privileged ? plan.id_base : ::geteuid();
  const gid_t owner_group = privileged ? plan.id_base : ::getegid();
  // with CAP_SETGID alone the cgroups are shared with the supervisor's group; change_ids() leaves it again
  if (privileged && ::geteuid() != 0 && ::setgroups(1, &owner_group) != 0)
    return errno_error("join the supervisor's group", errno);
  std::size_t removed = 0;
  auto cgroups = cgroup::prepare(*placement, owner, owner_group, removed);
  if (!cgroups) return cgroups.error();
  plan.config.cgroup_version = placement->version;
  plan.config.id_count = privileged ? plan.id_count : 1;

  Estate estate(std::move(plan), std::move(*cgroups));
  const auto give_up = [&](const Error& error) {
    cgroup::remove(estate.cgroups.paths);
    return error;
  };
  estate.privileged = privileged;
  auto supervisor = sys::open_at(AT_FDCWD, estate.plan.supervisor_path, O_RDONLY);
  if (!supervisor) return give_up(supervisor.error());
  auto zygote = sys::open_at(AT_FDCWD, estate.plan.zygote_path, O_RDONLY);
  if (!zygote) return give_up(zygote.error());
  auto exec_zygote = sys::open_at(AT_FDCWD, estate.plan.exec_zygote_path, O_RDONLY);
  if (!exec_zygote) return give_up(exec_zygote.error());
  ArchiveWriter writer;
  writer(estate.plan.config);
  auto config = sys::make_memory_file("supervisor-config", writer.bytes());
  if (!config) return give_up(config.error());
  auto null = sys::open_at(AT_FDCWD, "/dev/null", O_RDWR);
  if (!null) return give_up(null.error());
  estate.supervisor_executable = std::move(*supervisor);
  estate.zygote_executable = std::move(*zygote);
  estate.exec_zygote_executable = std::move(*exec_zygote);
  estate.config = std::move(*config);
  estate.null = std::move(*null);
  if (!estate.cgroups.supervisor_procs.empty()) {
    auto procs = sys::open_at(AT_FDCWD, estate.cgroups.supervisor_procs, O_WRONLY);
    if (!procs) return give_up(procs.error());
    estate.supervisor_procs = std::move(*procs);
  }
  auto pair = sys::make_socket_pair(SOCK_SEQPACKET);
  auto ended = sys::make_pipe();
  if (!pair || !ended) return give_up(errno_error("make sockets for steward", errno));
  const pid_t pid = ::fork();
  if (pid < 0) return give_up(errno_error("fork steward", errno));
  if (pid == 0) {
    pair->first.reset();
    ended->read.reset();
    steward_main(estate, std::move(pair->second), ended->write);
  }
  pair->second.reset();
  ended->write.reset();
  StewardHandle handle{
      {std::move(pair->first), {}, removed}, std::move(ended->read), privileged, placement->version};
  auto first = wait_for_supervisor(handle.connection.link.get());
  if (!first) {
    wait_for_end(handle);
    return first.error();
  }
  handle.connection.first = std::move(*first);
  return handle;
}

void wait_for_end(StewardHandle& handle) {
  handle.connection.link.reset();
  constexpr int kLongestMs = 6000;
  pollfd fd{handle.ended.get(), POLLIN, 0};
  ::poll(&fd, 1, kLongestMs);
}

Result<void> drop_privileges(uid_t uid, gid_t gid) {
  if (auto r = give_up_bounding_set(); !r) return r;
  if (auto r = change_ids(uid, gid); !r) return r;
  if (auto r = set_capabilities({}); !r) return r;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("set no_new_privs", errno);
  return {};
}

}  // namespace executor::supervisor
