// The lists of a runtime's recipe: packages.txt (Debian package and version) and prune.txt (what is taken out
// again). Values; thread-safe; errors name the line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"

namespace executor::rootfs {

/// A Debian package in a version, e.g. "zlib1g" "1:1.2.13.dfsg-1".
struct PackageVersion {
  std::string name;
  std::string version;
  friend bool operator==(const PackageVersion&, const PackageVersion&) = default;
};

/// "name version" a line; empty lines and lines that begin with # are skipped. A package listed twice, an
/// empty list, and letters that Debian allows in neither are errors.
[[nodiscard]] Result<std::vector<PackageVersion>> parse_package_list(std::string_view text);

/// Patterns of fnmatch(3) with FNM_PATHNAME over paths relative to the root.
struct PruneList {
  std::vector<std::string> remove;
  std::vector<std::string> keep;  ///< the lines after !; they win

  /// Whether the path `relative` (no slash in front) goes.
  [[nodiscard]] bool removes(const std::string& relative) const;
};
[[nodiscard]] Result<PruneList> parse_prune_list(std::string_view text);

}  // namespace executor::rootfs
