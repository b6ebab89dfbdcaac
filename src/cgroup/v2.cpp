// The unified hierarchy: one directory per sandbox, processes born into it by CLONE_INTO_CGROUP.
#include <fcntl.h>
#include <unistd.h>

#include "base/sys.hpp"
#include "cgroup/files.hpp"
#include "cgroup/versions.hpp"

namespace executor::cgroup {

namespace {

class LeafV2 final : public Leaf {
 public:
  LeafV2(int parent, std::string name, UniqueFd directory)
      : parent_(parent), name_(std::move(name)), directory_(std::move(directory)) {}
  ~LeafV2() override {
    if (!directory_) return;
    kill();
    (void)remove();
  }

  /// Opens what is read on the way of a run, and sets what never changes.
  Result<void> prepare() {
    if (auto r = sys::write_file_at(directory_.get(), "memory.oom.group", "1"); !r) return r.error();
    // absent where the kernel does not account swap, and then there is no swap to use
    auto swap = sys::write_file_at(directory_.get(), "memory.swap.max", "0");
    if (!swap && swap.error().code != std::errc::no_such_file_or_directory) return swap.error();
    // opened now: they are read between a program's end and its answer
    auto cpu = open_to_stay(directory_.get(), "cpu.stat", O_RDONLY);
    if (!cpu) return cpu.error();
    cpu_stat_ = std::move(*cpu);
    auto events = open_to_stay(directory_.get(), "memory.events", O_RDONLY);
    if (!events) return events.error();
    memory_events_ = std::move(*events);
    // memory.peak came with Linux 5.19; before it the maximum resident set stands alone. Since 6.12 a write
    // puts it back for those who read it by the same descriptor.
    auto peak = open_to_stay(directory_.get(), "memory.peak", O_RDWR);
    if (!peak) peak = open_to_stay(directory_.get(), "memory.peak", O_RDONLY);
    if (peak) memory_peak_ = std::move(*peak);
    return {};
  }

  Result<void> set_limits(const LeafLimits& limits) override {
    const int fd = directory_.get();
    if (auto r = sys::write_file_at(fd, "memory.max", std::to_string(limits.memory_max)); !r) return r;
    if (auto r = sys::write_file_at(fd, "pids.max", std::to_string(limits.pids_max + kInit)); !r) return r;
    return sys::write_file_at(fd, "cpu.max",
                              std::to_string(quota_us(limits.nano_cpus)) + " " + std::to_string(kPeriodUs));
  }

  Result<std::chrono::nanoseconds> cpu_time() const override {
    auto content = read_again(cpu_stat_.get());
    if (!content) return content.error();
    auto usec = flat_keyed_value(*content, "usage_usec");
    if (!usec) return usec.error();
    return std::chrono::microseconds(*usec - cpu_usec_before_);
  }

  Result<LeafUsage> usage() const override {
    LeafUsage usage;
    auto events = read_again(memory_events_.get());
    if (!events) return events.error();
    auto kills = flat_keyed_value(*events, "oom_kill");
    if (!kills) return kills.error();
    usage.oom_kills = *kills - oom_kills_before_;
    if (auto content = read_again(memory_peak_.get()); content)
      if (auto peak = single_value(*content); peak) usage.memory_peak = *peak;
    return usage;
  }

  bool renew(const LeafLimits& limits) override {
    const auto inside = sys::read_file_at(directory_.get(), "cgroup.procs");
    if (!inside || !inside->empty()) return false;
    const auto content = sys::read_file_at(directory_.get(), "memory.current");
    const auto charged = content ? single_value(*content) : content.error();
    if (!charged || *charged > kNothingToSpeakOf) return false;
    if (!memory_peak_ || ::write(memory_peak_.get(), "0", 1) != 1) return false;
    const auto time = cpu_time();
    const auto before = usage();
    if (!time || !before) return false;
    cpu_usec_before_ += static_cast<std::uint64_t>(*time / std::chrono::microseconds(1));
    oom_kills_before_ += before->oom_kills;
    // setting the quota also gives back what the last sandbox had used up of its period
    return static_cast<bool>(set_limits(limits));
  }

  Result<int> watch_oom() override { return -1; }
  int clone_into() const override { return directory_.get(); }
  std::vector<int> attach_files() const override { return {}; }
  void kill() override { (void)sys::write_file_at(directory_.get(), "cgroup.kill", "1"); }

  Result<void> remove() override {
    if (!directory_) return {};
    auto done = remove_directory(parent_, name_);
    if (done) directory_.reset();
    return done;
  }

 private:
  static constexpr std::uint32_t kInit = 1;  // the sandbox's pid 1 lives in the leaf too

  int parent_;
  std::string name_;
  UniqueFd directory_;
  UniqueFd cpu_stat_{}, memory_events_{}, memory_peak_{};
  std::uint64_t cpu_usec_before_ = 0, oom_kills_before_ = 0;
};

class HierarchyV2 final : public Hierarchy {
 public:
  explicit HierarchyV2(UniqueFd directory) : directory_(std::move(directory)) {}

  Result<std::unique_ptr<Leaf>> make_leaf(const std::string& name, const LeafLimits& limits) override {
    const std::string leaf_directory = leaf_name(name);
    auto directory = make_directory(directory_.get(), leaf_directory);
    if (!directory) return directory.error();
    auto leaf = std::make_unique<LeafV2>(directory_.get(), leaf_directory, std::move(*directory));
    if (auto r = leaf->prepare(); !r) return r.error();
    if (auto r = leaf->set_limits(limits); !r) return r.error();
    return std::unique_ptr<Leaf>(std::move(leaf));
  }

  Result<std::size_t> sweep() override {
    std::size_t removed = 0;
    for (const std::string& name : subgroups(directory_.get())) {
      if (!name.starts_with(kLeafPrefix)) continue;
      auto group = sys::open_at(directory_.get(), name, O_DIRECTORY | O_RDONLY);
      if (!group) continue;
      (void)sys::write_file_at(group->get(), "cgroup.kill", "1");
      if (auto r = wait_and_remove(directory_.get(), name); !r) return r.error();
      ++removed;
    }
    return removed;
  }

  int version() const override { return 2; }

 private:
  UniqueFd directory_;
};

}  // namespace

std::unique_ptr<Hierarchy> make_hierarchy_v2(std::vector<UniqueFd> directories) {
  return std::make_unique<HierarchyV2>(std::move(directories.at(0)));
}

}  // namespace executor::cgroup
