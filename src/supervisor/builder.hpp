// Builds sandboxes: leaf, pipes, init, id maps; then the payload by way of a zygote; then a look from
// outside whether every layer is really on. Holds what all sandboxes of one runtime share. A runtime is known
// by its place in the configuration.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cgroup/hierarchy.hpp"
#include "sandbox/init.hpp"
#include "sandbox/mounts.hpp"
#include "supervisor/config.hpp"
#include "supervisor/sandbox.hpp"
#include "supervisor/zygote_link.hpp"

namespace executor::supervisor {

/// Executables of the zygotes.
struct ZygotePrograms {
  UniqueFd python, exec;
};

class Builder {
 public:
  /// Reads profiles, compiles filters, stages the roots (afterwards the host's files are out of sight).
  static Result<std::unique_ptr<Builder>> make(Config config, ZygotePrograms programs,
                                               std::unique_ptr<cgroup::Hierarchy> hierarchy);

  Result<ZygoteLink> start_zygote(std::size_t runtime) const;
  /// Clones init; init_ready follows on the report pipe.
  Result<std::unique_ptr<Sandbox>> start(std::uint32_t number, std::uint32_t slot, std::size_t runtime,
                                         bool processes);
  /// Asks the zygote for the payload; payload_ready follows on the report pipe, its pid in the zygote's
  /// reply. `hurried`: programs wait for sandboxes.
  Result<void> request_payload(Sandbox& sandbox, ZygoteLink& zygote, bool hurried) const;
  /// The zygote has answered with the payload's pid.
  Result<void> adopt_payload(Sandbox& sandbox, pid_t pid) const;
  /// From outside: filter on, no_new_privs set, no capability in any set, pid 2. Takes the seccomp listener.
  Result<void> arm(Sandbox& sandbox);

  /// Keeps the leaf of a sandbox that is gone for the next one: making and removing a group costs more than
  /// most programs. False where it cannot be made as good as new, or enough are kept; then it is still
  /// `leaf`.
  bool keep_leaf(std::unique_ptr<cgroup::Leaf>& leaf);
  [[nodiscard]] bool has_spare_leaves() const { return !spare_leaves_.empty(); }
  void remove_spare_leaves() { spare_leaves_.clear(); }

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] cgroup::Hierarchy& hierarchy() const { return *hierarchy_; }
  /// Whether the sandbox's pid 1 has ended or is about to: then what killed the payload was no doing of its
  /// own.
  [[nodiscard]] bool init_is_ending(const Sandbox& sandbox) const;
  [[nodiscard]] std::vector<std::string> isolation() const;
  /// Memory that is this process's alone; 0 where the kernel does not say. Takes a walk over its page tables.
  [[nodiscard]] std::uint64_t private_bytes(pid_t pid, const UniqueFd& pidfd) const;
  [[nodiscard]] std::uint64_t own_private_bytes() const;

 private:
  /// What the sandboxes of one runtime share.
  struct Runtime {
    sandbox::InitPlan init;
    UniqueFd strict_filter, processes_filter;
  };

  Builder(Config config, ZygotePrograms programs, std::unique_ptr<cgroup::Hierarchy> hierarchy);
  Result<void> load_profiles();
  [[nodiscard]] cgroup::LeafLimits leaf_limits() const;
  Result<std::unique_ptr<cgroup::Leaf>> take_leaf(std::uint32_t number);
  Result<void> write_id_maps(const Sandbox& sandbox) const;
  [[nodiscard]] std::uint64_t private_bytes_at(const std::string& path) const;
  Result<std::string> proc_path(pid_t pid, const UniqueFd& pidfd) const;

  Config config_;
  ZygotePrograms programs_;
  std::unique_ptr<cgroup::Hierarchy> hierarchy_;
  Limits limits_of_new_;  ///< of a sandbox before it is given a program
  std::vector<std::unique_ptr<cgroup::Leaf>> spare_leaves_;
  sandbox::ProcDirectory proc_;
  long our_filters_ = -1;  ///< seccomp filters of this process; -1: not looked yet
  std::vector<Runtime> runtimes_;
};

}  // namespace executor::supervisor
