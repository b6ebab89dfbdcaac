// Hybrid and legacy hosts: one directory per sandbox in each of four hierarchies. A process cannot be born
// into a v1 group, so a new payload attaches itself, long before it is handed a program.
#include <fcntl.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>

#include "base/sys.hpp"
#include "cgroup/files.hpp"
#include "cgroup/versions.hpp"

namespace executor::cgroup {

namespace {

enum Controller : std::size_t { memory, pids, cpu, cpuacct, controller_count };
using Directories = std::array<UniqueFd, controller_count>;

class LeafV1 final : public Leaf {
 public:
  LeafV1(const Directories& parents, std::string name) : parents_(parents), name_(std::move(name)) {}
  ~LeafV1() override {
    kill();
    (void)remove();
  }

  Result<void> make() {
    for (std::size_t i = 0; i < controller_count; ++i) {
      auto directory = make_directory(parents_[i].get(), name_);
      if (!directory) return directory.error();
      directories_[i] = std::move(*directory);
      // not cgroup.procs: a thread that moves itself alone does not stop the host's forks and exits meanwhile
      auto tasks = open_to_stay(directories_[i].get(), "tasks", O_WRONLY);
      if (!tasks) return tasks.error();
      tasks_[i] = std::move(*tasks);
    }
    // opened now: they are read between a program's end and its answer
    const auto open = [](UniqueFd& to, const UniqueFd& directory, const char* name) -> Result<void> {
      auto file = open_to_stay(directory.get(), name, O_RDONLY);
      if (!file) return file.error();
      to = std::move(*file);
      return {};
    };
    if (auto r = open(cpu_usage_, directories_[cpuacct], "cpuacct.usage"); !r) return r;
    if (auto r = open(memory_peak_, directories_[memory], "memory.max_usage_in_bytes"); !r) return r;
    if (auto r = open(memory_now_, directories_[memory], "memory.usage_in_bytes"); !r) return r;
    return open(oom_control_, directories_[memory], "memory.oom_control");
  }

  Result<void> set_limits(const LeafLimits& limits) override {
    if (limits.memory_max != limits_.memory_max)
      if (auto r = set_memory(std::to_string(limits.memory_max)); !r) return r;
    const auto pids_max = std::to_string(limits.pids_max);
    if (limits.pids_max != limits_.pids_max)
      if (auto r = sys::write_file_at(directories_[pids].get(), "pids.max", pids_max); !r) return r;
    limits_ = limits;
    return sys::write_file_at(directories_[cpu].get(), "cpu.cfs_quota_us",
                              std::to_string(quota_us(limits.nano_cpus)));
  }

  Result<std::chrono::nanoseconds> cpu_time() const override {
    auto content = read_again(cpu_usage_.get());
    if (!content) return content.error();
    auto ns = single_value(*content);
    if (!ns) return ns.error();
    return std::chrono::nanoseconds(*ns);
  }

  Result<LeafUsage> usage() const override {
    LeafUsage usage;
    auto peak = read_again(memory_peak_.get());
    if (!peak) return peak.error();
    auto bytes = single_value(*peak);
    if (!bytes) return bytes.error();
    usage.memory_peak = *bytes;
    auto control = read_again(oom_control_.get());
    if (!control) return control.error();
    auto kills = flat_keyed_value(*control, "oom_kill");
    if (!kills) return kills.error();
    usage.oom_kills = *kills - oom_kills_before_;
    return usage;
  }

  bool renew(const LeafLimits& limits) override {
    if (oom_event_) return false;  // what it was registered for cannot be taken back
    const auto inside = sys::read_file_at(directories_[pids].get(), "cgroup.procs");
    if (!inside || !inside->empty()) return false;
    const auto content = read_again(memory_now_.get());
    const auto charged = content ? single_value(*content) : content.error();
    if (!charged || *charged > kNothingToSpeakOf) return false;
    const auto before = usage();
    if (!before) return false;
    oom_kills_before_ += before->oom_kills;
    // setting the quota also gives back what the last sandbox had used up of its period
    return sys::write_file_at(directories_[memory].get(), "memory.max_usage_in_bytes", "0") &&
           sys::write_file_at(directories_[cpuacct].get(), "cpuacct.usage", "0") && set_limits(limits);
  }

  Result<int> watch_oom() override {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return errno_error("make eventfd", errno);
    const std::string request = std::to_string(event.get()) + " " + std::to_string(oom_control_.get());
    if (auto r = sys::write_file_at(directories_[memory].get(), "cgroup.event_control", request); !r)
      return r.error();
    oom_event_ = std::move(event);
    return oom_event_.get();
  }

  int clone_into() const override { return -1; }

  std::vector<int> attach_files() const override {
    std::vector<int> files;
    for (const UniqueFd& file : tasks_) files.push_back(file.get());
    return files;
  }

  void kill() override {
    if (directories_[pids]) kill_listed(directories_[pids].get());
  }

  Result<void> remove() override {
    for (std::size_t i = 0; i < controller_count; ++i) {
      if (!directories_[i]) continue;
      if (auto r = remove_directory(parents_[i].get(), name_); !r) return r;
      directories_[i].reset();
      tasks_[i].reset();
    }
    return {};
  }

 private:
  /// memory + swap may never be below memory alone, so the order depends on the direction.
  Result<void> set_memory(const std::string& bytes) {
    const int fd = directories_[memory].get();
    const char* const limit = "memory.limit_in_bytes";
    const char* const with_swap = "memory.memsw.limit_in_bytes";
    auto first = sys::write_file_at(fd, limit, bytes);
    if (!first && first.error().code == std::errc::device_or_resource_busy) return first;  // more is in use
    auto swap = sys::write_file_at(fd, with_swap, bytes);
    if (!swap &&
        swap.error().code == std::errc::no_such_file_or_directory)  // no swap accounting: do not swap
      swap = sys::write_file_at(fd, "memory.swappiness", "0");
    if (!swap) return swap;
    return first ? first : sys::write_file_at(fd, limit, bytes);
  }

  const Directories& parents_;
  std::string name_;
  Directories directories_{};
  Directories tasks_{};
  UniqueFd cpu_usage_{}, memory_peak_{}, memory_now_{}, oom_control_{};
  LeafLimits limits_{};  ///< as the kernel has them; zero, which is no limit of ours, before the first
  std::uint64_t oom_kills_before_ = 0;
  UniqueFd oom_event_{};
};

class HierarchyV1 final : public Hierarchy {
 public:
  explicit HierarchyV1(std::vector<UniqueFd> directories) {
    for (std::size_t i = 0; i < controller_count; ++i) directories_[i] = std::move(directories.at(i));
  }

  Result<std::unique_ptr<Leaf>> make_leaf(const std::string& name, const LeafLimits& limits) override {
    auto leaf = std::make_unique<LeafV1>(directories_, leaf_name(name));
    if (auto r = leaf->make(); !r) return r.error();
    if (auto r = leaf->set_limits(limits); !r) return r.error();
    return std::unique_ptr<Leaf>(std::move(leaf));
  }

  Result<std::size_t> sweep() override {
    std::size_t removed = 0;
    for (const UniqueFd& directory : directories_) {
      auto here = remove_subgroups(directory.get());
      if (!here) return here.error();
      removed = std::max(removed, *here);
    }
    return removed;
  }

  int version() const override { return 1; }

 private:
  Directories directories_;
};

}  // namespace

std::unique_ptr<Hierarchy> make_hierarchy_v1(std::vector<UniqueFd> directories) {
  return std::make_unique<HierarchyV1>(std::move(directories));
}

std::unique_ptr<Hierarchy> make_hierarchy(int version, std::vector<UniqueFd> directories) {
  return version == 2 ? make_hierarchy_v2(std::move(directories)) : make_hierarchy_v1(std::move(directories));
}

}  // namespace executor::cgroup
