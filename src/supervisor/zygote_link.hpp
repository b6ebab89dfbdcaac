// The supervisor's end of one zygote: starts it inside the outer namespaces, asks it for payloads.
//
// Single-threaded. The destructor ends the zygote and reaps it; payloads that it forked live on, they are
// children of the supervisor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"
#include "zygote/protocol.hpp"

namespace executor::supervisor {

class ZygoteLink {
 public:
  struct Plan {
    int executable = -1;                       ///< descriptor of the zygote's program
    std::string root;                          ///< staged root of its runtime
    std::vector<std::string> argv{"python3"};  ///< libc's own messages name the program after the first
    std::vector<std::string> environment;
    int proc = -1;                                  ///< directory of procfs
    int strict_filter = -1, processes_filter = -1;  ///< memory files with the compiled filters
  };

  static Result<ZygoteLink> start(const Plan& plan);
  ZygoteLink(ZygoteLink&&) = default;
  ZygoteLink& operator=(ZygoteLink&& other) noexcept;
  ZygoteLink(const ZygoteLink&) = delete;
  ZygoteLink& operator=(const ZygoteLink&) = delete;
  ~ZygoteLink();

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const UniqueFd& process() const { return process_; }
  Result<void> request(const zygote::ForkRequest& request, std::span<const int> fds);
  /// Whether something has stopped it, as SIGSTOP does.
  [[nodiscard]] bool is_stopped() const;
  /// What is known of the end of a zygote that is gone; one that is not is ended.
  [[nodiscard]] Error ending();
  /// One reply; EAGAIN when there is none, ECONNRESET when the zygote is gone.
  Result<zygote::ForkReply> receive();

 private:
  ZygoteLink(pid_t pid, UniqueFd process, UniqueFd socket)
      : pid_(pid), process_(std::move(process)), socket_(std::move(socket)) {}
  void end();

  pid_t pid_ = -1;
  UniqueFd process_;
  UniqueFd socket_;
};

}  // namespace executor::supervisor
