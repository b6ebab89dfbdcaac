#include "base/sys.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace executor::sys {

namespace {

constexpr std::size_t kMaxSmallFile = 1 << 20;

/// <linux/sched/types.h> declares this, and clashes with <sched.h> of glibc 2.36.
struct SchedulingAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

template <class Call>
auto retry_on_eintr(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace

namespace raw {

int pidfd_open(pid_t pid, unsigned flags) { return static_cast<int>(syscall(SYS_pidfd_open, pid, flags)); }

int pidfd_send_signal(int pidfd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U));
}

int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(syscall(SYS_pivot_root, new_root, put_old));
}

int close_range(unsigned first, unsigned last, unsigned flags) {
  return static_cast<int>(syscall(SYS_close_range, first, last, flags));
}

pid_t clone_process(clone_args& args) { return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args)); }

bool write_all(int fd, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = retry_on_eintr([&] { return ::write(fd, bytes, size); });
    if (n < 0) return false;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool read_all(int fd, void* data, std::size_t size) {
  auto* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t n = retry_on_eintr([&] { return ::read(fd, bytes, size); });
    if (n == 0) errno = 0;
    if (n <= 0) return false;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

int load_filter(const void* instructions, unsigned short count, unsigned flags) {
  struct {
    unsigned short length;
    const void* filter;
  } program{count, instructions};
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

}  // namespace raw

Result<Pipe> make_pipe(int extra_flags) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | extra_flags) != 0) return errno_error("make pipe", errno);
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return errno_error("make socket pair", errno);
  return std::pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<UniqueFd> open_at(int directory, const std::string& path, int flags, mode_t mode) {
  const int fd = retry_on_eintr([&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd < 0) return errno_error("open " + quoted(path), errno);
  return UniqueFd(fd);
}

Result<UniqueFd> make_memory_file(const char* name, std::string_view content) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno_error(std::string("make memory file ") + quoted(name), errno);
  if (!raw::write_all(fd.get(), content.data(), content.size()) || ::lseek(fd.get(), 0, SEEK_SET) < 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return errno_error(std::string("fill memory file ") + quoted(name), errno);
  return fd;
}

Result<UniqueFd> pidfd_open(pid_t pid) {
  const int fd = raw::pidfd_open(pid, 0);
  if (fd < 0) return errno_error("open pidfd of process " + std::to_string(pid), errno);
  return UniqueFd(fd);
}

Result<UniqueFd> pidfd_getfd(int pidfd, int fd) {
  const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, fd, 0U));
  if (copy < 0) return errno_error("take descriptor " + std::to_string(fd) + " of a process", errno);
  return UniqueFd(copy);
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return errno_error("set O_NONBLOCK", errno);
  return {};
}

Result<void> set_inheritable(int fd) {
  if (::fcntl(fd, F_SETFD, 0) != 0) return errno_error("clear FD_CLOEXEC", errno);
  return {};
}

Result<WaitStatus> wait_pidfd(int pidfd) {
  siginfo_t info{};
  rusage usage{};
  // __WALL: a payload's exit signal is 0, so it counts as a "clone" child
  const long status = retry_on_eintr(
      [&] { return syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL, &usage); });
  if (status != 0) return errno_error("wait for a process", errno);
  if (info.si_pid == 0) return WaitStatus{};
  const auto time = [](const timeval& spent) {
    return std::chrono::seconds(spent.tv_sec) + std::chrono::microseconds(spent.tv_usec);
  };
  return WaitStatus{info.si_code, info.si_status, static_cast<std::uint64_t>(usage.ru_maxrss) * 1024,
                    static_cast<std::uint64_t>(usage.ru_minflt), time(usage.ru_utime) + time(usage.ru_stime)};
}

bool place_file(const std::string& path, std::string_view content, mode_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  UniqueFd file(::open(path.c_str(), kFlags, mode));
  if (!file && errno == ENOENT) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
      ::mkdir(path.substr(0, slash).c_str(), 0755);
    file.reset(::open(path.c_str(), kFlags, mode));
  }
  return file && raw::write_all(file.get(), content.data(), content.size());
}

Result<std::string> read_file_at(int directory, const std::string& path) {
  auto fd = open_at(directory, path, O_RDONLY);
  if (!fd) return fd.error();
  std::string content;
  std::array<char, 4096> chunk;
  for (;;) {
    const ssize_t n = retry_on_eintr([&] { return ::read(fd->get(), chunk.data(), chunk.size()); });
    if (n < 0) return errno_error("read " + quoted(path), errno);
    if (n == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(n));
    if (content.size() > kMaxSmallFile) return errno_error("read " + quoted(path), EFBIG);
  }
}

Result<std::string> read_file(const std::string& path) { return read_file_at(AT_FDCWD, path); }

Result<void> write_file_at(int directory, const std::string& path, std::string_view content) {
  auto fd = open_at(directory, path, O_WRONLY);
  if (!fd) return fd.error();
  const ssize_t n = retry_on_eintr([&] { return ::write(fd->get(), content.data(), content.size()); });
  if (n == static_cast<ssize_t>(content.size())) return {};
  std::string shown(content.substr(0, 40));
  while (!shown.empty() && shown.back() == '\n') shown.pop_back();
  return errno_error("write " + quoted(shown) + " to " + quoted(path), n < 0 ? errno : EIO);
}

Result<void> write_file(const std::string& path, std::string_view content) {
  return write_file_at(AT_FDCWD, path, content);
}

Result<void> send_with_fds(int socket, std::string_view bytes, std::span<const int> fds) {
  if (fds.size() > kMaxFds) return errno_error("send descriptors", E2BIG);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg does not write through it
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  const ssize_t n = retry_on_eintr([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); });
  if (n < 0) return errno_error("send message", errno);
  if (static_cast<std::size_t>(n) != bytes.size()) return errno_error("send message", EMSGSIZE);
  return {};
}

Result<Received> receive_with_fds(int socket, std::span<char> buffer) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n = retry_on_eintr([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (n < 0) return errno_error("receive message", errno);
  Received received{static_cast<std::size_t>(n), {}};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) return errno_error("receive descriptors", EMFILE);
  return received;
}

void prefer_latency() {
  constexpr std::uint64_t kSliceNs = 200'000;
  SchedulingAttributes attributes{};
  attributes.size = sizeof attributes;
  attributes.policy = SCHED_OTHER;
  attributes.flags = SCHED_FLAG_RESET_ON_FORK;
  attributes.nice = ::getpriority(PRIO_PROCESS, 0);
  attributes.runtime = kSliceNs;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

std::chrono::nanoseconds monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::string random_hex(std::size_t count) {
  std::string bytes(count, '\0');
  // up to 256 bytes are never interrupted and never short once the pool is initialised
  while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
  }
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * count);
  for (const char byte : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

}  // namespace executor::sys
