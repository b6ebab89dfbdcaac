// Control groups as the sandbox uses them: one leaf per sandbox, with limits, usage and an OOM counter.
// cgroup v2 is the real thing; v1 controllers (hybrid hosts) stand behind the same interface.
//
// A Hierarchy works on directory descriptors that were opened before the supervisor gave up its view of the
// host, so no path is looked up later. Single-threaded; nothing here is async-signal-safe but the use of the
// returned descriptors. Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of Linux 6.18.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"

namespace executor::cgroup {

struct LeafLimits {
  std::uint64_t memory_max = 0;  ///< bytes; swap is off
  std::uint64_t nano_cpus = 0;   ///< quota, 1e9 = one CPU
  std::uint32_t pids_max = 0;    ///< tasks: processes and threads
  friend bool operator==(const LeafLimits&, const LeafLimits&) = default;
};

struct LeafUsage {
  std::uint64_t memory_peak = 0;  ///< bytes
  std::uint64_t oom_kills = 0;    ///< processes killed by the OOM killer in this leaf
};

/// One sandbox's group in every hierarchy in use. The destructor kills what is left and removes the
/// directories if they are empty by then; remove() is the way to know.
class Leaf {
 public:
  virtual ~Leaf() = default;

  virtual Result<void> set_limits(const LeafLimits& limits) = 0;
  [[nodiscard]] virtual Result<std::chrono::nanoseconds> cpu_time() const = 0;
  [[nodiscard]] virtual Result<LeafUsage> usage() const = 0;

  /// v1: a descriptor of the leaf that becomes readable when the OOM killer has to act, so that the caller
  /// can end the other processes. v2: -1, as the kernel ends the whole group itself.
  virtual Result<int> watch_oom() = 0;
  /// v2: the directory for CLONE_INTO_CGROUP. v1: -1.
  [[nodiscard]] virtual int clone_into() const = 0;
  /// v1: the file "tasks" of each controller; a new process, of a single thread, writes "0" into each, first
  /// of all. v2: none.
  [[nodiscard]] virtual std::vector<int> attach_files() const = 0;
  /// Makes the leaf as good as new for another sandbox: no process inside, nothing to speak of charged,
  /// counters at zero, these limits. False where that is not so or the kernel cannot do it; then the leaf is
  /// of no further use but to be removed.
  virtual bool renew(const LeafLimits& limits) = 0;
  /// Kills every process inside (v2: cgroup.kill; v1: by the pids listed).
  virtual void kill() = 0;
  /// Removes the group. EBUSY (with nothing lost) while a process is still inside; further calls are
  /// harmless.
  virtual Result<void> remove() = 0;
};

class Hierarchy {
 public:
  virtual ~Hierarchy() = default;
  virtual Result<std::unique_ptr<Leaf>> make_leaf(const std::string& name, const LeafLimits& limits) = 0;
  /// Kills and removes every leaf that stands here already; the number of them. For the start, before the
  /// first leaf.
  virtual Result<std::size_t> sweep() = 0;
  /// 1 or 2.
  [[nodiscard]] virtual int version() const = 0;
};

/// `directories`: v2: the instance directory alone; v1: memory, pids, cpu, cpuacct in this order.
std::unique_ptr<Hierarchy> make_hierarchy(int version, std::vector<UniqueFd> directories);

// -- parsing of the kernel's small files, pure
/// The value behind `key` in a flat-keyed file ("usage_usec 123\n…").
Result<std::uint64_t> flat_keyed_value(std::string_view content, std::string_view key);
/// A file that holds one number, or "max" (the largest value).
Result<std::uint64_t> single_value(std::string_view content);

}  // namespace executor::cgroup
