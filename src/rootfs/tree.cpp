#include "rootfs/tree.hpp"

#include <fcntl.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <vector>

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

/// The one time that every path of a tree carries: 2020-01-01 00:00 UTC.
constexpr timespec kTreeTime{.tv_sec = 1'577'836'800, .tv_nsec = 0};

[[noreturn]] void throw_errno(const char* what, const fs::path& path) {
  throw fs::filesystem_error(what, path, std::error_code(errno, std::generic_category()));
}

/// Every path below the root, parents first; taken before anything is changed.
std::vector<fs::path> paths_below(const fs::path& root) {
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    paths.push_back(entry.path());
  return paths;
}

/// Moves the content of `from` into `to`, directory by directory.
void move_content(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const fs::path& path : std::vector<fs::path>(fs::directory_iterator(from), fs::directory_iterator())) {
    const fs::path place = to / path.filename();
    if (fs::is_directory(fs::symlink_status(path)) && fs::is_directory(fs::symlink_status(place))) {
      move_content(path, place);
    } else {
      fs::rename(path, place);
    }
  }
  fs::remove(from);
}

void remove_empty_directories(const fs::path& root) {
  std::vector<fs::path> paths = paths_below(root);
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {  // children before their parents
    if (fs::is_directory(fs::symlink_status(*path)) && fs::is_empty(*path)) fs::remove(*path);
  }
}

void normalise_path(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw_errno("stat", path);
  if (::lchown(path.c_str(), ::geteuid(), ::getegid()) != 0) throw_errno("chown", path);
  if (!S_ISLNK(status.st_mode)) {
    const bool passable = S_ISDIR(status.st_mode) || (status.st_mode & 0111U) != 0;
    if (::chmod(path.c_str(), passable ? 0755 : 0644) != 0) throw_errno("chmod", path);
  }
  const timespec times[2] = {kTreeTime, kTreeTime};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    throw_errno("set the time of", path);
}

}  // namespace

Result<ScratchDirectory> ScratchDirectory::make(const fs::path& prefix) {
  std::string name = prefix.string() + "XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return errno_error("make the directory \"" + name + "\"", errno);
  return ScratchDirectory(fs::path(name));
}

ScratchDirectory::ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code error;
  if (!path_.empty()) fs::remove_all(path_, error);
  if (error) std::fprintf(stderr, "cannot remove \"%s\": %s\n", path_.c_str(), error.message().c_str());
}

Result<UniqueFd> claim_directory(const fs::path& directory, const std::string& scratch_prefix) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_error("open \"" + directory.string() + "\"", errno);
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return errno_error("lock \"" + directory.string() + "\"", errno);
  }
  for (const fs::path& path :
       std::vector<fs::path>(fs::directory_iterator(directory), fs::directory_iterator())) {
    if (path.filename().string().starts_with(scratch_prefix)) fs::remove_all(path);
  }
  return fd;
}

void merge_usr(const fs::path& root) {
  for (const char* name : {"lib", "lib64", "bin", "sbin"}) {
    if (fs::is_directory(fs::symlink_status(root / name))) move_content(root / name, root / "usr" / name);
  }
  for (const char* name : {"lib", "lib64"}) fs::create_symlink(fs::path("usr") / name, root / name);
}

void prune(const fs::path& root, const PruneList& list) {
  for (const fs::path& path : paths_below(root)) {
    if (list.removes(path.lexically_relative(root).string())) fs::remove_all(path);
  }
  remove_empty_directories(root);
}

void add_skeleton(const fs::path& root, const fs::path& skeleton) {
  fs::copy(skeleton, root, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

void add_mount_points(const fs::path& root) {
  fs::create_directories(root / "tmp");
  fs::create_directories(root / "dev");
  if (!std::ofstream(root / "dev/null")) throw_errno("make", root / "dev/null");
}

void make_links_relative(const fs::path& root) {
  for (const fs::path& path : paths_below(root)) {
    if (!fs::is_symlink(fs::symlink_status(path))) continue;
    const fs::path target = fs::read_symlink(path);
    if (target.is_absolute()) {
      const fs::path inside = root / target.relative_path();
      // /lib and /lib64 are links themselves: the real directory is what ".." counts from
      const fs::path real = fs::weakly_canonical(inside.parent_path()) / inside.filename();
      fs::remove(path);
      fs::create_symlink(real.lexically_relative(fs::canonical(path.parent_path())), path);
    }
    if (!fs::exists(path)) fs::remove(path);
  }
}

void normalise(const fs::path& root) {
  for (const fs::path& path : paths_below(root)) normalise_path(path);
  normalise_path(root);
}

Result<void> exchange(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno == ENOENT && ::rename(from.c_str(), to.c_str()) == 0) return {};
  return errno_error("put the new tree at \"" + to.string() + "\"", errno);
}

}  // namespace executor::rootfs
