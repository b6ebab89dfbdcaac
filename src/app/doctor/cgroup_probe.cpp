// Makes a group with limits as a start of the service does, looks at it, and puts everything back: also the
// controllers and the group that cgroup v2's rule against processes in inner groups makes prepare() change.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "app/doctor/probe.hpp"
#include "app/doctor/trial_process.hpp"
#include "base/sys.hpp"
#include "cgroup/hierarchy.hpp"
#include "cgroup/layout.hpp"

namespace executor::doctor {

namespace {

namespace fs = std::filesystem;

/// An interrupt in the middle would leave a group behind: it waits until the end.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalsHeld() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_{};
};

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> found;
  for (std::string word; stream >> word;) found.insert(word);
  return found;
}

std::set<std::string> enabled_below(const std::string& group) {
  const auto content = sys::read_file(group + "/cgroup.subtree_control");
  return words(content ? *content : std::string());
}

/// What prepare() may change beside the groups that it makes (cgroup v2 only).
class UnifiedState {
 public:
  explicit UnifiedState(const cgroup::Placement& placement) {
    if (placement.version != 2) return;
    own_ = placement.groups.front();
    service_existed_ = exists(own_ + "/service");
    for (const std::string& group : {own_, placement.unified_root})
      enabled_.emplace_back(group, enabled_below(group));
  }
  ~UnifiedState() {
    if (own_.empty()) return;
    for (const auto& [group, before] : enabled_)
      for (const std::string& controller : enabled_below(group))
        if (!before.contains(controller))
          (void)sys::write_file(group + "/cgroup.subtree_control", "-" + controller);
    if (service_existed_ || !exists(own_ + "/service")) return;
    (void)sys::write_file(own_ + "/cgroup.procs", "0");
    (void)::rmdir((own_ + "/service").c_str());
  }
  UnifiedState(const UnifiedState&) = delete;
  UnifiedState& operator=(const UnifiedState&) = delete;

 private:
  static bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

  std::string own_{};
  bool service_existed_ = false;
  std::vector<std::pair<std::string, std::set<std::string>>> enabled_{};
};

/// The groups of this very process among those that prepare() makes, also where it failed half-way.
std::vector<std::string> own_instances(const cgroup::Placement& placement) {
  const std::string prefix = "executor." + std::to_string(::getpid()) + ".";
  std::vector<std::string> groups = placement.groups;
  if (!placement.unified_root.empty()) groups.push_back(placement.unified_root);
  std::vector<std::string> found;
  for (const std::string& group : groups) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(group, error))
      if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path().string());
  }
  return found;
}

Told told(const Error& error) { return error.message(); }

Trial be_born_in(const cgroup::Leaf& leaf) {
  if (leaf.clone_into() >= 0)
    return TrialProcess(
               0, [](int, int) {}, leaf.clone_into())
        .clone();
  Trial attached;
  const TrialProcess process(0, [files = leaf.attach_files()](int, int report) {
    Trial done{0};
    for (const int file : files)
      if (done.works()) done = tried(::write(file, "0", 1));
    (void)sys::raw::write_all(report, &done, sizeof done);
  });
  if (!process.clone().works()) return process.clone();
  return process.receive(&attached, sizeof attached) ? attached : Trial{};
}

void try_leaf(cgroup::Instance& instance, CgroupFacts& facts) {
  const Limits limits;
  const std::string leaf_path = instance.paths.front() + "/sandbox-doctor";
  const auto hierarchy = cgroup::make_hierarchy(instance.version, std::move(instance.directories));
  const auto leaf = hierarchy->make_leaf("doctor", {limits.memory_max, limits.nano_cpus, limits.pids_max});
  facts.limits = leaf ? Told("") : told(leaf.error());
  if (!leaf) return;
  facts.kill_file = ::access((leaf_path + "/cgroup.kill").c_str(), F_OK) == 0;
  facts.peak_file = ::access((leaf_path + "/memory.peak").c_str(), F_OK) == 0;
  facts.birth = be_born_in(**leaf);
  (void)(*leaf)->remove();
}

/// The smallest limit from our own group upwards, where it is below what the machine has.
std::optional<std::uint64_t> memory_limit(const cgroup::Placement& placement) {
  const char* const file = placement.version == 2 ? "memory.max" : "memory.limit_in_bytes";
  constexpr std::uint64_t kNone = 1ULL << 60;  // v1 writes "none" as a huge number
  std::optional<std::uint64_t> smallest;
  for (fs::path group = placement.groups.front(); group.has_relative_path(); group = group.parent_path()) {
    const auto limit = read_number((group / file).string());
    if (limit && *limit < smallest.value_or(kNone)) smallest = limit;
  }
  return smallest;
}

void read_unified(CgroupFacts& facts) {
  const auto groups = sys::read_file("/proc/self/cgroup");
  const auto mounts = sys::read_file("/proc/self/mountinfo");
  if (!groups || !mounts) return;
  const std::string own = cgroup::own_unified_group(*groups, *mounts);
  facts.unified_mounted = !own.empty();
  const auto controllers = sys::read_file(own + "/cgroup.controllers");
  facts.group_writable = ::faccessat(AT_FDCWD, (own + "/cgroup.procs").c_str(), W_OK, AT_EACCESS) == 0 &&
                         ::faccessat(AT_FDCWD, own.c_str(), W_OK, AT_EACCESS) == 0;
  const auto processes = sys::read_file(own + "/cgroup.procs");
  const auto lines = processes ? std::ranges::count(*processes, '\n') : 0;
  facts.other_processes = lines > 0 ? static_cast<std::size_t>(lines) - 1 : 0;
  if (facts.unified_mounted && controllers)
    facts.controllers = controllers->substr(0, controllers->find('\n'));
}

}  // namespace

CgroupFacts probe_cgroup(const IdFacts& ids) {
  CgroupFacts facts;
  read_unified(facts);
  const auto placement = cgroup::find_placement();
  facts.placement = placement ? Told("") : told(placement.error());
  if (!placement) return facts;
  facts.version = placement->version;
  facts.memory_limit = memory_limit(*placement);

  const SignalsHeld held;
  const UnifiedState before(*placement);
  const bool own_ids = ids.can_map && ids.range_map.works();
  std::size_t removed = 0;
  auto instance = cgroup::prepare(*placement, own_ids ? ids.base : ::geteuid(),
                                  own_ids ? ids.base : ::getegid(), removed);
  facts.delegation = instance ? Told("") : told(instance.error());
  if (instance) try_leaf(*instance, facts);
  cgroup::remove(own_instances(*placement));
  return facts;
}

}  // namespace executor::doctor
