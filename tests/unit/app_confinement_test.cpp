#include "app/confinement.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace executor {
namespace {

/// The errno that a call gets in a confined child; 0 where it is let through, -1 where the child could not
/// tell.
template <class Call>
int confined(Call call) {
  const auto confinement = Confinement::prepare();
  REQUIRE(confinement.has_value());
  const pid_t child = ::fork();
  if (child == 0) {
    if (!confinement->enter()) ::_exit(255);
    errno = 0;
    // not _exit(): before a call that is known not to return, the address sanitizer makes one that the front
    // does not
    ::syscall(SYS_exit_group, call() == -1 ? errno : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

TEST_CASE("a confined front can start no program and make no process") {
  char name[] = "/bin/true";
  char* const argv[] = {name, nullptr};
  CHECK(confined([&] { return ::syscall(SYS_execve, name, argv, nullptr); }) == EPERM);
  CHECK(confined([&] { return ::syscall(SYS_execveat, AT_FDCWD, name, argv, nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_fork); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_vfork); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_clone3, nullptr, 0); }) == ENOSYS);
}

TEST_CASE(
    "a confined front reaches no other process, no namespace and no kernel interface beyond a server's") {
  CHECK(confined([] { return ::syscall(SYS_kill, 1, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_ptrace, 0, 0, 0, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_bpf, 0, nullptr, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }) == EPERM);
  CHECK(confined([] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }) == EPERM);
  CHECK(confined([] { return ::listen(0, 1); }) == EPERM);
}

TEST_CASE("a confined front gets no memory that is writable and executable") {
  const auto map = [](int protection) {
    return ::syscall(SYS_mmap, nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0;
  };
  CHECK(confined([&] { return map(PROT_READ | PROT_WRITE); }) == 0);
  CHECK(confined([&] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }) == EPERM);
  CHECK(confined([&] { return ::syscall(SYS_mprotect, nullptr, 4096, PROT_READ | PROT_EXEC); }) == EPERM);
}

TEST_CASE("a confined front has sockets of TCP, UDP and this host, and few options of theirs") {
  constexpr int kMptcp = 262;
  constexpr int kUpperLayer = 31;  // TCP_ULP
  CHECK(confined([] { return ::socket(AF_INET, SOCK_RAW, 0); }) == EPERM);
  CHECK(confined([] { return ::socket(AF_INET, SOCK_STREAM, kMptcp); }) == EPERM);
  CHECK(confined([] { return ::socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); }) == EPERM);
  CHECK(confined([] { return ::socket(AF_UNIX, SOCK_SEQPACKET, 0); }) == EPERM);
  const auto set = [](int level, int option) {
    const int on = 1;
    return ::setsockopt(::socket(AF_INET, SOCK_STREAM, 0), level, option, &on, sizeof on);
  };
  CHECK(confined([&] { return set(IPPROTO_TCP, TCP_NODELAY); }) == 0);
  CHECK(confined([&] { return set(SOL_SOCKET, SO_KEEPALIVE); }) == 0);
  CHECK(confined([&] { return set(IPPROTO_TCP, kUpperLayer); }) == EPERM);
  CHECK(confined([&] { return set(SOL_SOCKET, SO_ATTACH_FILTER); }) == EPERM);
}

TEST_CASE("a confined front makes no further event loops, copies of descriptors or pairs") {
  CHECK(confined([] { return ::syscall(SYS_epoll_create1, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_eventfd2, 0, 0); }) == EPERM);
  CHECK(confined([] { return ::syscall(SYS_dup, 0); }) == EPERM);
  int ends[2];
  CHECK(confined([&] { return ::pipe2(ends, O_CLOEXEC); }) == EPERM);
  CHECK(confined([&] { return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends); }) == EPERM);
}

TEST_CASE("what a server does goes on") {
  CHECK(confined([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : -1; }) == 0);
  CHECK(confined([] { return ::open("/dev/null", O_RDWR) >= 0 ? 0 : -1; }) == 0);
  CHECK(confined([] { return ::getpid() > 0 ? 0 : -1; }) == 0);
}

}  // namespace
}  // namespace executor
