// The steps that turn unpacked packages into a root: plain file operations on a tree that nobody else touches
// yet.
//
// They throw std::filesystem::filesystem_error or executor::Exception; build_rootfs() turns both into an
// Error.
#pragma once

#include <filesystem>
#include <string>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"
#include "rootfs/package_list.hpp"

namespace executor::rootfs {

/// A directory of one's own (mode 0700), removed with all it holds when its owner goes.
class [[nodiscard]] ScratchDirectory {
 public:
  /// A new directory whose name is `prefix` and six random letters.
  static Result<ScratchDirectory> make(const std::filesystem::path& prefix);
  ScratchDirectory(ScratchDirectory&& other) noexcept;
  ScratchDirectory& operator=(ScratchDirectory&& other) = delete;
  ~ScratchDirectory();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Waits until no other build works in `directory`, and holds it while the descriptor is open. Removes what
/// builds that were killed left there: entries whose name begins with `scratch_prefix`.
Result<UniqueFd> claim_directory(const std::filesystem::path& directory, const std::string& scratch_prefix);

/// Moves what packages put into /lib, /lib64, /bin and /sbin below /usr and leaves links for lib and lib64.
void merge_usr(const std::filesystem::path& root);

/// Removes what the list names, and directories that are empty then.
void prune(const std::filesystem::path& root, const PruneList& list);

/// Copies the files below `skeleton` into the root, over what is there.
void add_skeleton(const std::filesystem::path& root, const std::filesystem::path& skeleton);

/// The mount points of a sandbox: /tmp, /dev and the empty file /dev/null.
void add_mount_points(const std::filesystem::path& root);

/// Rewrites links to absolute paths as relative ones, so that no path in the tree leads out of it, and
/// removes links that lead nowhere.
void make_links_relative(const std::filesystem::path& root);

/// Owner: the caller. Modes: 0755 for directories and executables, 0644 otherwise, never setuid or setgid.
/// Times: one.
void normalise(const std::filesystem::path& root);

/// Puts the tree at `from` in the place of `to` in one step; what was there is at `from` afterwards, if
/// anything was.
Result<void> exchange(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace executor::rootfs
