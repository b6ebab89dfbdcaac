// A child process that a trial is made in: ended and reaped on every path, however its trial went.
// One thread. Sources: clone(2), pidfd_open(2).
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <functional>

#include "app/doctor/facts.hpp"
#include "base/unique_fd.hpp"

namespace executor::doctor {

class [[nodiscard]] TrialProcess {
 public:
  /// What runs in the child; it ends with _exit(). `go` reads one byte for each release(), then end of file;
  /// `report` carries results to receive().
  using Body = std::function<void(int go, int report)>;

  /// Clones with the given CLONE_ flags (and into the group `cgroup` where it is no -1). error() says how it
  /// went; after a failure there is no child.
  TrialProcess(std::uint64_t flags, const Body& body, int cgroup = -1);
  ~TrialProcess();
  TrialProcess(const TrialProcess&) = delete;
  TrialProcess& operator=(const TrialProcess&) = delete;

  [[nodiscard]] Trial clone() const { return clone_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

  /// Writes the id maps "0 <first> <count>" of a child in a new user namespace; `deny_groups` as an
  /// unprivileged process has to.
  [[nodiscard]] Trial map_ids(std::uint32_t uid, std::uint32_t gid, std::uint32_t count,
                              bool deny_groups) const;
  void release() const;
  /// Fills `data` with what the child reports; false when it ends or takes longer than two seconds.
  bool receive(void* data, std::size_t size) const;
  /// Lets the child see end of file on `go` and waits for it.
  void finish();

 private:
  Trial clone_{};
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd go_;
  UniqueFd report_;
};

/// The errno of the call just made, by what it returned: negative on failure. (As an argument beside the
/// call, errno might be read before it.)
inline Trial tried(long returned) { return {returned < 0 ? errno : 0}; }

}  // namespace executor::doctor
