// Makes the root file system of a runtime from Debian packages: fetched, unpacked without running any script
// of theirs, pruned, compiled, normalised, recorded.
//
// Works as root and as an ordinary user. The new tree grows in a directory beside the old one and takes its
// place in one step at the very end; a build that fails leaves the old one as it was. The same packages give
// the same manifest. A tree that sandboxes run on keeps its content only until it is replaced: restart the
// service after a build.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "rootfs/archive.hpp"
#include "rootfs/manifest.hpp"

namespace executor::rootfs {

struct BuildOptions {
  std::string runtime = "python";
  std::filesystem::path recipe;  ///< directory with packages.txt, prune.txt, skeleton/
  std::filesystem::path output;  ///< the tree; its manifest is manifest_path(output)
  std::filesystem::path cache;   ///< made when it is missing
  VersionChoice versions = VersionChoice::listed_or_candidate;
  bool force = false;  ///< build although the tree is up to date, or replace a directory that is no such tree
};

struct BuildReport {
  Manifest manifest;
  bool built = false;  ///< false: the tree that stood there was made by the same lists and is whole
};

/// Blocks for seconds. `notice` gets what a person should know though the build goes on.
[[nodiscard]] Result<BuildReport> build_rootfs(const BuildOptions& options, const Notice& notice);

/// Why the root does not match what this executable embeds, one line each: the Python zygote and the standard
/// library of its root must be of one version.
[[nodiscard]] std::vector<std::string> version_warnings(const Manifest& manifest);
/// The same against a given version of libpython3.11-dev; an empty one warns of nothing.
[[nodiscard]] std::vector<std::string> version_warnings(const Manifest& manifest,
                                                        const std::string& embedded_python);

}  // namespace executor::rootfs
