// Gets Debian packages: from a cache directory, else by apt-get download, which checks them against the
// signed lists.
//
// A package in the cache stands beside a file with its SHA-256, written when apt had checked it; it is used
// again without network, and without apt, only while the two agree. Blocks the caller. One download at a time
// works in a cache directory, others wait; packages appear in it by rename.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "rootfs/package_list.hpp"

namespace executor::rootfs {

/// Which version of a listed package is taken.
enum class VersionChoice {
  listed_or_candidate,  ///< the listed one; apt's candidate where no source has the listed one any more
  listed,               ///< the listed one or an error
  candidate,            ///< apt's candidate
};

struct CachedPackage {
  std::string name;
  std::string version;
  std::string sha256;
  std::filesystem::path file;
};

/// Called with one line for a person.
using Notice = std::function<void(const std::string&)>;

/// The packages in the order of `list`; every version that is not the listed one is noticed.
[[nodiscard]] Result<std::vector<CachedPackage>> fetch_packages(const std::vector<PackageVersion>& list,
                                                                const std::filesystem::path& cache,
                                                                VersionChoice choice, const Notice& notice);

/// What a .deb is called in the cache: name_version_architecture.deb, with %3a for a colon.
[[nodiscard]] std::string package_file_name(const PackageVersion& package, const std::string& architecture);

/// The (name, version) pairs in what `apt-cache madison` prints; lines of source packages are skipped.
[[nodiscard]] std::vector<PackageVersion> parse_madison(std::string_view text);

/// The packages in what `apt-get download --print-uris` prints.
[[nodiscard]] std::vector<PackageVersion> parse_uris(std::string_view text);

}  // namespace executor::rootfs
