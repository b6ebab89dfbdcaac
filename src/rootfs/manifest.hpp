// The manifest of a root: what every path must be, and the comparison of a tree with it.
//
// Values; thread-safe as such. Reading a tree follows no link. The JSON beside a tree is written and read
// here only; reading is strict: unknown keys, missing keys and wrong types are errors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "executor/error.hpp"

namespace executor::rootfs {

enum class PathType { file, directory, link };

/// What one path is. `mode` holds the permission bits with setuid, setgid and sticky; 0 for a link.
struct PathRecord {
  PathType type = PathType::file;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;  ///< bytes; files only
  std::string sha256{};    ///< files only
  std::string target{};    ///< links only
  friend bool operator==(const PathRecord&, const PathRecord&) = default;
};

/// A package that the tree was made of.
struct PackageRecord {
  std::string name;
  std::string version;
  std::string sha256;  ///< of the .deb
  friend bool operator==(const PackageRecord&, const PackageRecord&) = default;
};

struct Manifest {
  std::string runtime;
  std::string recipe;  ///< SHA-256 over the lists that the tree was made by
  std::vector<PackageRecord> packages{};
  std::map<std::string, PathRecord> paths{};  ///< relative, without "./"
  friend bool operator==(const Manifest&, const Manifest&) = default;

  /// Bytes of all files.
  [[nodiscard]] std::uint64_t total_size() const;
  [[nodiscard]] std::size_t file_count() const;
};

/// What is wrong with one path, for a person: "changed: usr/bin/x (…)".
struct Difference {
  enum class Kind { missing, extra, type, mode, privileged, owner, content, target };
  Kind kind;
  std::string path;
  std::string detail;
  [[nodiscard]] std::string message() const;
};

/// Where the manifest of the tree at `root` stands: beside it, <root>.manifest.json.
[[nodiscard]] std::filesystem::path manifest_path(const std::filesystem::path& root);

/// Records every path below the root. Devices, sockets and pipes are errors.
[[nodiscard]] Result<std::map<std::string, PathRecord>> scan_tree(const std::filesystem::path& root);

/// Holds the tree against the manifest; empty when they agree. Owners are checked too: all one, the root's
/// own. A file with setuid or setgid bit or with file capabilities is `privileged` whatever the manifest
/// says.
[[nodiscard]] Result<std::vector<Difference>> check_tree(const std::filesystem::path& root,
                                                         const Manifest& manifest);

[[nodiscard]] std::string to_json(const Manifest& manifest);
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view json);
[[nodiscard]] Result<Manifest> read_manifest(const std::filesystem::path& file);
/// Replaces the file in one step.
[[nodiscard]] Result<void> write_manifest(const std::filesystem::path& file, const Manifest& manifest);

}  // namespace executor::rootfs
