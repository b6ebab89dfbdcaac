// Where the files of an installation stand: beside a build tree while developing, in the system's directories
// once installed. Read from the environment and /proc/self/exe at each call; nothing is kept. Thread-safe
// while nobody changes the environment.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace executor::rootfs {

/// The root of a runtime: $EXECUTOR_ROOTFS_DIR/<runtime>, else rootfs/<runtime> beside the build tree that
/// the running executable lies in (build/release/executor: build/rootfs/python), else
/// /var/lib/executor/rootfs/<runtime>.
[[nodiscard]] std::filesystem::path rootfs_directory(const std::string& runtime);

/// What holds the shipped data, rootfs/ and seccomp-profiles/: $EXECUTOR_DATA_DIR, else the source tree of
/// the build tree that the running executable lies in, else ../share/executor beside the executable's
/// directory, else /usr/share/executor.
[[nodiscard]] std::filesystem::path data_directory();

/// Where downloaded packages are kept: cache/debs beside the build tree, else executor/debs in
/// $XDG_CACHE_HOME, else in $HOME/.cache, else in /var/cache.
[[nodiscard]] std::filesystem::path package_cache_directory();

/// The nearest directory at or above `directory` that CMake has configured as a build tree.
[[nodiscard]] std::optional<std::filesystem::path> find_build_tree(std::filesystem::path directory);
/// The source tree that a build tree was configured for, if it holds the shipped data.
[[nodiscard]] std::optional<std::filesystem::path> source_tree_of(const std::filesystem::path& build_tree);

}  // namespace executor::rootfs
