// The front's own seccomp filter: once it listens, it can neither start a program nor make a process, and
// knows no system call that a server does not need. A front that is taken over reaches what it holds, and
// nothing more of the kernel.
//
// Not async-signal-safe. Source: seccomp(2); what is allowed and why: seccomp-profiles/front.json.
#pragma once

#include <linux/filter.h>

#include <utility>
#include <vector>

#include "executor/error.hpp"

namespace executor {

class Confinement {
 public:
  /// Reads and compiles the profile: while files can still be read, and while a mistake in it ends the start.
  static Result<Confinement> prepare();
  /// For every thread of this process and all that they start, for good; no_new_privs too.
  [[nodiscard]] Result<void> enter() const;

 private:
  explicit Confinement(std::vector<sock_filter> filter) : filter_(std::move(filter)) {}
  std::vector<sock_filter> filter_;
};

}  // namespace executor
