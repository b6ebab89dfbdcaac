#include "cgroup/layout.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <sstream>

#include "base/sys.hpp"
#include "cgroup/files.hpp"

namespace executor::cgroup {

namespace {

constexpr std::array kControllersV1 = {"memory", "pids", "cpu", "cpuacct"};
constexpr const char* kInstancePrefix = "executor.";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

struct Mount {
  std::string root;
  std::string point;
};

/// Mount of each v1 controller by its name, and of cgroup2 under the empty name.
std::map<std::string, Mount> cgroup_mounts(std::string_view mountinfo) {
  std::map<std::string, Mount> mounts;
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3) continue;
    const Mount mount{before[3], before[4]};
    if (after[0] == "cgroup2") mounts.emplace("", mount);
    if (after[0] == "cgroup")
      for (const std::string& option : split(after[2], ',')) mounts.emplace(option, mount);
  }
  return mounts;
}

/// Our own path in each v1 controller's hierarchy, and in the unified one under the empty name.
std::map<std::string, std::string> own_paths(std::string_view proc_cgroup) {
  std::map<std::string, std::string> paths;
  for (const std::string& line : split(proc_cgroup, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string path = line.substr(second + 1);
    if (line.starts_with("0:")) paths[""] = path;
    for (const std::string& name : split(line.substr(first + 1, second - first - 1), ','))
      paths.emplace(name, path);
  }
  return paths;
}

bool has_controllers(std::string_view listed) {
  const auto available = split(listed.substr(0, listed.find('\n')), ' ');
  return std::ranges::all_of(std::array{"memory", "pids", "cpu"}, [&](const char* name) {
    return std::ranges::find(available, name) != available.end();
  });
}

std::string group_path(const Mount& mount, std::string path) {
  if (mount.root != "/" && path.starts_with(mount.root)) path.erase(0, mount.root.size());
  return path == "/" || path.empty() ? mount.point : mount.point + path;
}

Result<std::string> start_time(pid_t pid) {
  auto stat = sys::read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return stat.error();
  const auto fields = split(stat->substr(stat->rfind(')') + 2), ' ');
  constexpr std::size_t kStartTime = 19;  // field 22, counted from the state behind the name
  if (fields.size() <= kStartTime) return errno_error("read start time", EINVAL);
  return fields[kStartTime];
}

bool instance_is_alive(const std::string& name) {
  const auto parts = split(name, '.');
  pid_t pid = 0;
  if (parts.size() != 3 ||
      std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), pid).ec != std::errc{})
    return true;  // not one of ours
  const auto started = start_time(pid);
  return started && *started == parts[2];
}

Result<std::size_t> sweep_dead_instances(const std::string& group) {
  std::size_t removed = 0;
  auto directory = sys::open_at(AT_FDCWD, group, O_DIRECTORY | O_RDONLY);
  if (!directory) return directory.error();
  for (const std::string& name : subgroups(directory->get())) {
    if (!name.starts_with(kInstancePrefix) || instance_is_alive(name)) continue;
    auto dead = sys::open_at(directory->get(), name, O_DIRECTORY | O_RDONLY);
    if (!dead) continue;
    if (auto r = remove_subgroups(dead->get()); r) removed += *r;
    (void)remove_directory(directory->get(), name);
  }
  return removed;
}

/// Without CAP_CHOWN an owner can still share a file with a group that it belongs to.
bool share_with_group(int directory, const char* path, gid_t gid) {
  constexpr auto kKeep = static_cast<uid_t>(-1);
  struct stat file {};
  if (::fchownat(directory, path, kKeep, gid, 0) != 0 || ::fstatat(directory, path, &file, 0) != 0)
    return false;
  const mode_t owners = file.st_mode & S_IRWXU;
  return ::fchmodat(directory, path, (file.st_mode & ALLPERMS) | owners >> 3, 0) == 0;
}

Result<void> give(int directory, const std::string& path, uid_t uid, gid_t gid) {
  if (::fchownat(directory, path.c_str(), uid, gid, 0) == 0) return {};
  if (errno == EPERM && share_with_group(directory, path.c_str(), gid)) return {};
  return errno_error("give cgroup file \"" + path + "\" to uid " + std::to_string(uid), errno);
}

Result<void> enable_controllers(const std::string& group) {
  return sys::write_file(group + "/cgroup.subtree_control", "+cpu +memory +pids");
}

/// v2 allows no process in a group with controllers enabled below: move ourselves one group down where the
/// group is ours alone, else work from the root of the hierarchy (where the kernel makes an exception, and
/// only root may).
Result<std::string> make_room(const Placement& placement) {
  std::string group = placement.groups.at(0);
  if (group != placement.unified_root) {
    const std::string service = group + "/service";
    if ((::mkdir(service.c_str(), 0755) == 0 || errno == EEXIST) &&
        sys::write_file(service + "/cgroup.procs", "0") && enable_controllers(group))
      return group;
    (void)sys::write_file(group + "/cgroup.procs", "0");
    ::rmdir(service.c_str());
    group = placement.unified_root;
  }
  if (auto r = enable_controllers(group); !r)
    return r.error().context("no delegated cgroup: run as a systemd service with Delegate=yes, or as root");
  return group;
}

/// In a group without the controllers (a login session's) only root may go on, from the top of the hierarchy.
std::string unified_candidate(std::string_view proc_cgroup, std::string_view mountinfo) {
  const std::string own = own_unified_group(proc_cgroup, mountinfo);
  if (own.empty()) return {};
  const auto controllers = sys::read_file(own + "/cgroup.controllers");
  return controllers && has_controllers(*controllers) ? own : cgroup_mounts(mountinfo).at("").point;
}

}  // namespace

std::string own_unified_group(std::string_view proc_cgroup, std::string_view mountinfo) {
  const auto mounts = cgroup_mounts(mountinfo);
  const auto paths = own_paths(proc_cgroup);
  if (!mounts.contains("") || !paths.contains("")) return {};
  return group_path(mounts.at(""), paths.at(""));
}

Result<Placement> find_placement(std::string_view proc_cgroup, std::string_view mountinfo,
                                 std::string_view unified_controllers) {
  const auto mounts = cgroup_mounts(mountinfo);
  const auto paths = own_paths(proc_cgroup);
  if (has_controllers(unified_controllers))
    return Placement{2, {own_unified_group(proc_cgroup, mountinfo)}, mounts.at("").point};
  Placement placement{1, {}, {}};
  for (const char* controller : kControllersV1) {
    if (!mounts.contains(controller) || !paths.contains(controller))
      return Error("find cgroup controller \"" + std::string(controller) +
                       "\": neither a unified hierarchy with it nor a mounted v1 controller (see cgroups(7))",
                   std::make_error_code(std::errc::not_supported));
    placement.groups.push_back(group_path(mounts.at(controller), paths.at(controller)));
  }
  return placement;
}

Result<Placement> find_placement() {
  auto proc_cgroup = sys::read_file("/proc/self/cgroup");
  if (!proc_cgroup) return proc_cgroup.error();
  auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) return mountinfo.error();
  const std::string candidate = unified_candidate(*proc_cgroup, *mountinfo);
  auto controllers =
      candidate.empty() ? Result<std::string>("") : sys::read_file(candidate + "/cgroup.controllers");
  auto placement = find_placement(*proc_cgroup, *mountinfo, controllers ? *controllers : "");
  if (placement && placement->version == 2) placement->groups = {candidate};
  return placement;
}

Result<Instance> prepare(const Placement& placement, uid_t owner_uid, gid_t owner_gid, std::size_t& removed) {
  const auto started = start_time(::getpid());
  if (!started) return started.error();
  const std::string name = kInstancePrefix + std::to_string(::getpid()) + "." + *started;
  std::vector<std::string> groups = placement.groups;
  if (placement.version == 2) {
    auto group = make_room(placement);
    if (!group) return group.error();
    groups = {*group};
  }
  Instance instance;
  instance.version = placement.version;
  const auto give_up = [&](const Error& error) {
    remove(instance.paths);
    return error;
  };
  for (const std::string& group : groups) {
    if (auto swept = sweep_dead_instances(group); swept) removed = std::max(removed, *swept);
    std::string path(group);
    path.append("/").append(name);
    auto directory = make_directory(AT_FDCWD, path);
    if (!directory)
      return give_up(directory.error().context(
          "no delegated cgroup: run as a systemd service with Delegate=yes, or as root"));
    instance.paths.push_back(path);
    instance.directories.push_back(std::move(*directory));
    if (auto r = give(instance.directories.back().get(), ".", owner_uid, owner_gid); !r)
      return give_up(r.error());
  }
  if (placement.version == 2) {
    const int fd = instance.directories.front().get();
    for (const char* file : {"cgroup.procs", "cgroup.subtree_control"})
      if (auto r = give(fd, file, owner_uid, owner_gid); !r) return give_up(r.error());
    if (auto r = enable_controllers(instance.paths.front()); !r) return give_up(r.error());
    auto supervisor = make_directory(fd, "supervisor");
    if (!supervisor) return give_up(supervisor.error());
    for (const char* file : {".", "cgroup.procs"})
      if (auto r = give(supervisor->get(), file, owner_uid, owner_gid); !r) return give_up(r.error());
    instance.supervisor_procs = instance.paths.front() + "/supervisor/cgroup.procs";
  }
  return instance;
}

void remove(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    auto directory = sys::open_at(AT_FDCWD, path, O_DIRECTORY | O_RDONLY);
    if (!directory) continue;
    (void)remove_subgroups(directory->get());
    (void)wait_and_remove(AT_FDCWD, path);
  }
}

}  // namespace executor::cgroup
