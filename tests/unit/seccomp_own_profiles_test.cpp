// What the service's own processes may call, to the last entry: whoever gives one back, or takes a condition
// away, changes a list here and says why.
#include <doctest/doctest.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <array>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/sys.hpp"
#include "seccomp/profile.hpp"

namespace executor::seccomp {
namespace {

using Arguments = std::array<std::uint64_t, 6>;

Profile profile_of(const std::string& file) {
  const auto profile = parse_profile(sys::read_file(PROFILES "/" + file).value());
  REQUIRE_MESSAGE(profile.has_value(), file);
  return *profile;
}

std::set<std::string> allowed_in(const std::string& file) {
  std::set<std::string> names;
  for (const Rule& rule : profile_of(file).rules)
    if (rule.action == Action::allow) names.insert(rule.names.begin(), rule.names.end());
  return names;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> found;
  for (std::string word; stream >> word;) found.insert(word);
  return found;
}

struct Tried {
  const char* call;
  Arguments arguments;
  bool passes = true;
};

void hold(const std::string& file, const std::vector<Tried>& table) {
  const Profile profile = profile_of(file);
  for (const Tried& tried : table) {
    std::string shown = file + ": " + tried.call;
    for (const std::uint64_t argument : tried.arguments) shown += " " + std::to_string(argument);
    const Decision decision = decide(profile, syscall_number(tried.call), tried.arguments);
    CHECK_MESSAGE((decision.action == Action::allow) == tried.passes, shown);
  }
}

TEST_CASE("init may reap, say once that it stands, and nothing else") {
  CHECK(allowed_in("init.json") == words("close rt_sigtimedwait wait4 write"));
  constexpr std::uint64_t kNoHangAll = 0x40000001;
  hold("init.json", {{"wait4", {~0ULL, 0, kNoHangAll}},
                     {"wait4", {~0ULL, 0, 0x40000000}, false},
                     {"write", {1, 4096, 8}},
                     {"write", {2, 4096, 8}, false},
                     {"write", {0, 4096, 8}, false}});
}

TEST_CASE("supervisor and zygotes may call these and no others") {
  CHECK(allowed_in("supervisor.json") ==
        words("access arch_prctl brk capget capset chdir clock_gettime clock_nanosleep clone clone3 close "
              "close_range dup2 epoll_create1 epoll_ctl epoll_pwait2 eventfd2 execve execveat exit_group "
              "fcntl futex get_robust_list getcwd getdents64 getegid geteuid getgid getpid getrandom gettid "
              "getuid ioctl kill lseek madvise memfd_create mkdirat mmap mount mprotect mremap munmap "
              "newfstatat openat pidfd_getfd pidfd_open pidfd_send_signal pipe2 pivot_root prctl pread64 "
              "prlimit64 read readlink recvfrom recvmsg restart_syscall rseq rt_sigaction rt_sigprocmask "
              "seccomp sendmsg sendto set_robust_list set_tid_address setdomainname setgroups sethostname "
              "setns setresgid setresuid setsid socketpair statfs sysinfo tgkill umask umount2 unlinkat "
              "unshare wait4 waitid write writev"));
}

TEST_CASE("a supervisor that is taken over makes no mount writable, no other namespace, nobody else") {
  constexpr std::uint64_t kOfPayload =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWNET;
  constexpr std::uint64_t kOfZygote = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
  constexpr std::uint64_t kNobody = 65534;
  hold("supervisor.json", {{"mount", {1, 1, 0, MS_BIND | MS_REC}},
                           {"mount", {1, 1, 1, MS_NOSUID | MS_NODEV | MS_NOEXEC}},
                           {"mount", {1, 1, 1, 0}, false},
                           {"mount", {1, 1, 0, MS_BIND}, false},
                           {"mount", {0, 1, 0, MS_REMOUNT}, false},
                           {"mount", {0, 1, 0, MS_REMOUNT | MS_BIND}, false},
                           {"mount", {1, 1, 0, MS_MOVE}, false},
                           {"mount", {0, 1, 0, MS_REC | MS_SHARED}, false},
                           {"umount2", {1, MNT_DETACH}},
                           {"umount2", {1, 0}, false},
                           {"umount2", {1, MNT_FORCE}, false},
                           {"setns", {1, CLONE_NEWPID}},
                           {"setns", {1, kOfPayload}},
                           {"setns", {1, 0}, false},
                           {"setns", {1, CLONE_NEWUSER}, false},
                           {"setns", {1, CLONE_NEWNS}, false},
                           {"unshare", {kOfZygote}},
                           {"unshare", {CLONE_NEWUSER}, false},
                           {"unshare", {kOfZygote | CLONE_NEWUSER}, false},
                           {"setresuid", {0, 0, 0}},
                           {"setresuid", {kNobody, kNobody, kNobody}},
                           {"setresuid", {1, 1, 1}, false},
                           {"setresuid", {kNobody, kNobody, 0}, false},
                           {"setresgid", {0, 0, 0}},
                           {"setresgid", {kNobody, kNobody, kNobody}},
                           {"setresgid", {5, 5, 5}, false},
                           {"setgroups", {0, 0}},
                           {"setgroups", {1, 4096}, false}});
}

TEST_CASE("a supervisor that is taken over sends two signals, and gets no other kind of descriptor") {
  constexpr std::uint64_t kNewListener = 8;
  hold("supervisor.json", {{"pidfd_send_signal", {3, 9, 0, 0}},
                           {"pidfd_send_signal", {3, 19, 0, 0}},
                           {"pidfd_send_signal", {3, 10, 0, 0}, false},
                           {"pidfd_send_signal", {3, 9, 0, 4}, false},  // a whole process group
                           {"pidfd_open", {3, 0}},
                           {"pidfd_open", {3, 0x80}, false},  // of a thread
                           {"pidfd_getfd", {3, 4, 0}},
                           {"pidfd_getfd", {3, 4, 1}, false},
                           {"seccomp", {1, 0, 4096}},
                           {"seccomp", {1, kNewListener, 4096}},
                           {"seccomp", {0, 0, 0}, false},
                           {"seccomp", {1, 1, 4096}, false},
                           {"sendmsg", {3, 4096, MSG_NOSIGNAL}},
                           {"sendmsg", {3, 4096, MSG_NOSIGNAL | MSG_OOB}, false},
                           {"recvmsg", {3, 4096, MSG_CMSG_CLOEXEC}},
                           {"recvmsg", {3, 4096, 0}, false},
                           {"close_range", {3, ~0U, 0}},
                           {"close_range", {3, ~0U, 2}},
                           {"close_range", {3, ~0U, 4}, false},
                           {"epoll_pwait2", {3, 4096, 64, 0, 0}},
                           {"epoll_pwait2", {3, 4096, 64, 0, 4096}, false},
                           {"memfd_create", {4096, 3}},
                           {"memfd_create", {4096, 1}},
                           {"memfd_create", {4096, 4}, false},   // in huge pages
                           {"memfd_create", {4096, 16}, false},  // executable
                           {"get_robust_list", {0, 4096, 4096}},
                           {"get_robust_list", {1, 4096, 4096}, false},
                           {"sethostname", {4096, 7}},
                           {"sethostname", {4096, 8}, false},
                           {"setdomainname", {4096, 0}},
                           {"setdomainname", {4096, 1}, false}});
}

TEST_CASE("the front may call these and no others") {
  CHECK(allowed_in("front.json") ==
        words("accept access brk clock_gettime clock_nanosleep clone close connect epoll_ctl epoll_wait exit "
              "exit_group fcntl fstat futex getdents64 getegid geteuid getgid getpeername getpid getrandom "
              "getsockname "
              "getsockopt gettid gettimeofday getuid ioctl lseek madvise mkdir mmap mprotect mremap munmap "
              "newfstatat openat poll ppoll pread64 read readlink readlinkat readv recvfrom recvmsg rename "
              "restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sendmmsg sendmsg sendto "
              "set_robust_list setsockopt shutdown socket sysinfo timerfd_settime uname unlink write "
              "writev"));
}

TEST_CASE("a front that is taken over has sockets of TCP, UDP and this host alone") {
  constexpr std::uint64_t kMptcp = 262;
  constexpr std::uint64_t kSctp = 132;
  constexpr std::uint64_t kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  hold("front.json", {{"socket", {AF_UNIX, SOCK_STREAM, 0}},
                      {"socket", {AF_UNIX, SOCK_STREAM | kFlags, 0}},
                      {"socket", {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0}},
                      {"socket", {AF_UNIX, SOCK_SEQPACKET, 0}, false},
                      {"socket", {AF_INET, SOCK_STREAM, 6}},
                      {"socket", {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}},
                      {"socket", {AF_INET, SOCK_DGRAM | kFlags, 0}},
                      {"socket", {AF_INET6, SOCK_STREAM, 6}},
                      {"socket", {AF_INET6, SOCK_STREAM, 0}},
                      {"socket", {AF_INET6, SOCK_DGRAM | kFlags, 0}},
                      {"socket", {AF_INET, SOCK_STREAM, kMptcp}, false},
                      {"socket", {AF_INET, SOCK_STREAM, kSctp}, false},
                      {"socket", {AF_INET6, SOCK_STREAM, kMptcp}, false},
                      {"socket", {AF_INET, SOCK_DGRAM, 1}, false},  // pings
                      {"socket", {AF_INET, SOCK_RAW, 0}, false},
                      {"socket", {AF_INET, SOCK_STREAM | 1ULL << 32, 6}, false},
                      {"socket", {AF_NETLINK, SOCK_RAW, 0}, false},
                      {"socket", {AF_VSOCK, SOCK_STREAM, 0}, false}});
}

TEST_CASE("a front that is taken over sets five options of sockets and reads three") {
  hold("front.json", {{"setsockopt", {3, 6, 1}},
                      {"setsockopt", {3, 1, 9}},
                      {"setsockopt", {3, 1, 7}},
                      {"setsockopt", {3, 0, 11}},
                      {"setsockopt", {3, 41, 25}},
                      {"setsockopt", {3, 6, 31}, false},  // TCP_ULP: TLS in the kernel
                      {"setsockopt", {3, 1, 26}, false},  // SO_ATTACH_FILTER
                      {"setsockopt", {3, 1, 50}, false},  // SO_ATTACH_BPF
                      {"setsockopt", {3, 1, 60}, false},  // SO_ZEROCOPY
                      {"setsockopt", {3, 0, 64}, false},  // IPT_SO_SET_REPLACE
                      {"getsockopt", {3, 1, 4}},
                      {"getsockopt", {3, 1, 7}},
                      {"getsockopt", {3, 1, 17}},
                      {"getsockopt", {3, 6, 11}, false},  // TCP_INFO
                      {"getsockopt", {3, 0, 64}, false}});
}

TEST_CASE("a front that is taken over gets no code but a file's, and no rare kind of lock or advice") {
  constexpr std::uint64_t kReadExecute = 5;
  hold("front.json", {{"mmap", {0, 4096, 3, 0x22}},
                      {"mmap", {0, 4096, kReadExecute, 2}},
                      {"mmap", {0, 4096, kReadExecute, 0x22}, false},
                      {"mmap", {0, 4096, 3, 0x40022}, false},
                      {"mmap", {0, 4096, 7, 2}, false},
                      {"mprotect", {4096, 4096, 3}},
                      {"mprotect", {4096, 4096, kReadExecute}, false},
                      {"madvise", {4096, 4096, 4}},
                      {"madvise", {4096, 4096, 12}, false},  // MADV_MERGEABLE
                      {"futex", {4096, 128}},
                      {"futex", {4096, 129}},
                      {"futex", {4096, 9 | 128 | 256}},
                      {"futex", {4096, 3}, false},   // FUTEX_REQUEUE
                      {"futex", {4096, 6}, false},   // FUTEX_LOCK_PI
                      {"futex", {4096, 11}, false},  // FUTEX_WAIT_REQUEUE_PI
                      {"clone", {0x3d0f00}},
                      {"clone", {17}, false},
                      {"ioctl", {3, 21505}, false}});
}

TEST_CASE("a program with processes makes them as libraries do") {
  const std::string file = "python-processes.json";
  const std::set<std::string> wider = allowed_in(file);
  const std::set<std::string> strict = allowed_in("python.json");
  std::set<std::string> beyond;
  for (const std::string& name : wider)
    if (!strict.contains(name)) beyond.insert(name);
  CHECK(beyond ==
        words("arch_prctl execve execveat getpgid getsid set_tid_address setpgid setsid vfork wait4 "
              "waitid"));
  constexpr std::uint64_t kFork = 0x1200011;
  hold(file, {{"clone", {kFork}},
              {"clone", {CLONE_VM | CLONE_VFORK | 17}},
              {"clone", {0x3d0f00}},
              {"clone", {kFork | CLONE_PIDFD}, false},
              {"clone", {kFork | CLONE_PTRACE}, false},
              {"clone", {kFork | CLONE_UNTRACED}, false},
              {"clone", {kFork | CLONE_PARENT}, false},
              {"clone", {kFork | CLONE_IO}, false},
              {"clone", {kFork | CLONE_NEWUSER}, false},
              {"arch_prctl", {0x1002}},
              {"arch_prctl", {0x1001}, false},    // ARCH_SET_GS
              {"arch_prctl", {0x1012}, false},    // ARCH_SET_CPUID
              {"arch_prctl", {0x1023}, false},    // ARCH_REQ_XCOMP_PERM
              {"arch_prctl", {0x5001}, false}});  // ARCH_SHSTK_ENABLE
}

}  // namespace
}  // namespace executor::seccomp
