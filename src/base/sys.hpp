// Each system call of the sandbox wrapped once: EINTR retried, descriptors close-on-exec, errno turned into
// an Error.
//
// Thread safety: as the calls themselves. Functions in `namespace raw` are async-signal-safe and allocate
// nothing: they return -1 with errno, for use between clone and the seccomp filter. Everything else may
// allocate. Sources: the man pages of the calls; clone3 needs Linux 5.7 (CLONE_INTO_CGROUP),
// epoll_pwait2 5.11.
#pragma once

#include <linux/sched.h>
#include <sys/types.h>

#include <boost/container/static_vector.hpp>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"

struct rusage;

namespace executor::sys {

namespace raw {
int pidfd_open(pid_t pid, unsigned flags);
int pidfd_send_signal(int pidfd, int signal);
int pivot_root(const char* new_root, const char* put_old);
int close_range(unsigned first, unsigned last, unsigned flags);
/// clone3 without CLONE_VM: returns twice like fork; the child runs on a copy of the caller's stack.
pid_t clone_process(clone_args& args);
/// Writes all bytes; false with errno otherwise.
bool write_all(int fd, const void* data, std::size_t size);
/// Reads exactly `size` bytes; false with errno, or errno 0 at end of file.
bool read_all(int fd, void* data, std::size_t size);
/// Loads a compiled filter with the given SECCOMP_FILTER_FLAG_*: 0 or the listener's descriptor, -1 with
/// errno.
int load_filter(const void* instructions, unsigned short count, unsigned flags);
}  // namespace raw

Result<Pipe> make_pipe(int extra_flags = 0);
/// Two connected AF_UNIX sockets of the given type (SOCK_STREAM, SOCK_SEQPACKET).
Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type);
Result<UniqueFd> open_at(int directory, const std::string& path, int flags, mode_t mode = 0);
/// A sealed memory file that holds `content`.
Result<UniqueFd> make_memory_file(const char* name, std::string_view content);
Result<UniqueFd> pidfd_open(pid_t pid);
/// A duplicate of descriptor `fd` of another process; needs ptrace access to it (Linux 5.6).
Result<UniqueFd> pidfd_getfd(int pidfd, int fd);
Result<void> set_nonblocking(int fd);
Result<void> set_inheritable(int fd);

/// A wait status as waitid(2) reports it, with the child's resource usage.
struct WaitStatus {
  int code = 0;    ///< CLD_EXITED, CLD_KILLED, CLD_DUMPED
  int status = 0;  ///< exit status or signal
  std::uint64_t maxrss_bytes = 0;
  std::uint64_t minor_faults = 0;
  std::chrono::nanoseconds cpu_time{};  ///< user and system
};
/// Reaps the process behind `pidfd` (a child of the caller) if it has ended; code 0 when it still runs.
Result<WaitStatus> wait_pidfd(int pidfd);

/// The whole of a small file (at most 1 MiB).
/// Makes a file that is not there yet, and the directories on its way; false with errno.
bool place_file(const std::string& path, std::string_view content, mode_t mode);
Result<std::string> read_file_at(int directory, const std::string& path);
Result<std::string> read_file(const std::string& path);
/// One write() of `content` into an existing file.
Result<void> write_file_at(int directory, const std::string& path, std::string_view content);
Result<void> write_file(const std::string& path, std::string_view content);

inline constexpr std::size_t kMaxFds = 16;
/// What comes with one message, without memory on the heap.
using Descriptors = boost::container::static_vector<UniqueFd, kMaxFds>;

/// Sends bytes with descriptors attached (at most kMaxFds) as one message.
Result<void> send_with_fds(int socket, std::string_view bytes, std::span<const int> fds);
struct Received {
  std::size_t size = 0;  ///< 0 at end of stream
  Descriptors fds;
};
/// Receives into `buffer`; the error's code is EAGAIN when a non-blocking socket has nothing.
Result<Received> receive_with_fds(int socket, std::span<char> buffer);

/// Asks the scheduler for short slices of time: a thread that only passes messages on runs as soon as it is
/// woken, beside others that compute. Not inherited by children. Ignored before Linux 6.12. Source:
/// sched_setattr(2).
void prefer_latency();

/// CLOCK_MONOTONIC.
std::chrono::nanoseconds monotonic_now();
/// `count` random bytes in lower-case hex, from getrandom(2).
std::string random_hex(std::size_t count);

}  // namespace executor::sys
