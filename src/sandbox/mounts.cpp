#include "sandbox/mounts.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/sys.hpp"

namespace executor::sandbox {

namespace {

// glibc 2.36 declares these calls in <sys/mount.h>, which clashes with <linux/mount.h> on older headers
int open_tree_clone(const char* path) {
  return static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

bool attach(int tree, const std::string& path) {
  return ::syscall(SYS_move_mount, tree, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

bool add_attributes(int tree, std::uint64_t attributes) {
  mount_attr change{};
  change.attr_set = attributes;
  return ::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &change, sizeof change) == 0;
}

/// A detached copy of the mount that shows `path`, with further restrictions.
Result<UniqueFd> restricted_copy(const std::string& path, std::uint64_t attributes) {
  UniqueFd tree(open_tree_clone(path.c_str()));
  if (!tree) return errno_error("copy mount of \"" + path + "\"", errno);
  if (!add_attributes(tree.get(), attributes))
    return errno_error("restrict mount of \"" + path + "\"", errno);
  return tree;
}

constexpr std::uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;

}  // namespace

std::string staged_root(const std::string& runtime) { return "/" + runtime; }

Result<void> stage_roots(const std::vector<StagedRuntime>& runtimes) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return errno_error("make mounts private", errno);
  std::vector<UniqueFd> roots;
  for (const StagedRuntime& runtime : runtimes) {
    auto root = restricted_copy(runtime.rootfs, kReadOnly | MOUNT_ATTR_NODEV);
    if (!root) return root.error();
    roots.push_back(std::move(*root));
  }
  // any directory serves as the place to stand on: it is left behind a moment later
  const std::string stage = runtimes.at(0).rootfs;
  if (::mount("stage", stage.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0755") != 0)
    return errno_error("mount stage on \"" + stage + "\"", errno);
  for (std::size_t i = 0; i < runtimes.size(); ++i) {
    auto null = restricted_copy("/dev/null", kReadOnly | MOUNT_ATTR_NOEXEC);
    if (!null) return null.error();
    const std::string root = stage + staged_root(runtimes[i].name);
    if (::mkdir(root.c_str(), 0755) != 0) return errno_error("make directory \"" + root + "\"", errno);
    if (!attach(roots[i].get(), root)) return errno_error("mount rootfs on \"" + root + "\"", errno);
    if (!attach(null->get(), root + "/dev/null")) return errno_error("mount /dev/null in rootfs", errno);
  }
  if (::mount(nullptr, stage.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr) != 0)
    return errno_error("make stage read-only", errno);
  if (!enter_root(stage.c_str())) return errno_error("pivot_root to stage", errno);
  if (!detach_old_root()) return errno_error("detach the host's root", errno);
  return {};
}

Result<ProcDirectory> open_proc() {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  if (context && ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)));
    if (mount) return ProcDirectory{std::move(mount), true};
  }
  auto directory = sys::open_at(AT_FDCWD, "/proc", O_DIRECTORY | O_PATH);
  if (!directory) return directory.error();
  return ProcDirectory{std::move(*directory), false};
}

bool bind_root(const char* root) { return ::mount(root, root, nullptr, MS_BIND | MS_REC, nullptr) == 0; }

bool mount_work_directory(const char* path, const char* options) {
  return ::mount("work", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0;
}

bool enter_root(const char* root) { return ::chdir(root) == 0 && sys::raw::pivot_root(".", ".") == 0; }

bool detach_old_root() { return ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0; }

bool check_root() {
  struct stat here {};
  struct stat above {};
  if (::stat(".", &here) != 0 || ::stat("..", &above) != 0) return false;
  errno = EXDEV;
  return here.st_ino == above.st_ino && here.st_dev == above.st_dev;
}

}  // namespace executor::sandbox
