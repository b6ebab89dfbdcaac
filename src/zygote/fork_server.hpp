// What every zygote does: takes requests, forks a payload into the sandbox that each names, answers.
//
// For each request: join init's PID namespace (for the next child only), fork, go back. The child is the
// supervisor's own (CLONE_PARENT), born in its cgroup leaf where the kernel can do that, and blocks before it
// has read anything. Single-threaded, and without a heap from the first request on: a page that is written to
// between two forks is copied for each. A failure that leaves the zygote of no use ends it.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/sys.hpp"
#include "base/unique_fd.hpp"
#include "sandbox/payload.hpp"
#include "zygote/protocol.hpp"

namespace executor::zygote {

/// Says what failed, with errno, and ends the process.
[[noreturn]] void die(const char* what);

/// Says on the service's standard error what does not work, and goes on.
void complain(const char* what);

using Filter = std::vector<sock_filter>;

class ForkServer {
 public:
  /// What differs from one kind of zygote to another.
  struct Kind {
    /// The payload from its first instruction to its last. `hurried`: see ForkRequest.
    std::function<void(const sandbox::PayloadPlan& plan, const Filter& filter, bool hurried)> run_payload;
  };

  /// Takes over the descriptors of zygote/protocol.hpp, but for those of complaints and procfs.
  ForkServer();

  /// Ends when the supervisor's end of the socket is closed.
  [[noreturn]] void serve(const Kind& kind) const;

 private:
  [[nodiscard]] pid_t fork_payload(int leaf) const;
  [[nodiscard]] ForkReply answer(const Kind& kind, const ForkRequest& request,
                                 const sys::Descriptors& fds) const;
  void send(const ForkReply& reply) const;

  UniqueFd control_{kControlFd};
  UniqueFd own_pid_namespace_;
  Filter strict_;
  Filter processes_;
  void* tid_address_ = nullptr;  ///< where the C library keeps the main thread's id
  void* robust_list_ = nullptr;  ///< and its robust futex list, which a raw clone does not register again
  std::size_t robust_size_ = 0;
};

/// Blocks until a program is handed over on standard input; what follows it there is the program's own input.
HandOver read_hand_over();

/// Makes the file /tmp/<name> for the source; none with errno.
UniqueFd make_source_file(const std::string& name);

/// Writes the source and the further files; false with errno.
bool write_files(const HandOver& hand_over, UniqueFd source_file);

}  // namespace executor::zygote
