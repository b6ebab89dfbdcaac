#include "rootfs/paths.hpp"

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

/// A variable's value; none when it is unset or empty.
std::optional<fs::path> environment_path(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

/// The build tree of the running executable.
std::optional<fs::path> own_build_tree() {
  std::error_code error;
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  return error ? std::nullopt : find_build_tree(executable.parent_path());
}

}  // namespace

std::optional<fs::path> find_build_tree(fs::path directory) {
  for (; directory.has_relative_path(); directory = directory.parent_path()) {
    std::error_code error;
    if (fs::exists(directory / "CMakeCache.txt", error)) return directory;
  }
  return std::nullopt;
}

std::optional<fs::path> source_tree_of(const fs::path& build_tree) {
  constexpr std::string_view kKey = "CMAKE_HOME_DIRECTORY:INTERNAL=";
  std::ifstream cache(build_tree / "CMakeCache.txt");
  for (std::string line; std::getline(cache, line);) {
    if (!line.starts_with(kKey)) continue;
    const fs::path source = line.substr(kKey.size());
    std::error_code error;
    if (fs::is_directory(source / "seccomp-profiles", error)) return source;
  }
  return std::nullopt;
}

fs::path rootfs_directory(const std::string& runtime) {
  if (const auto directory = environment_path("EXECUTOR_ROOTFS_DIR")) return *directory / runtime;
  if (const auto build = own_build_tree()) return build->parent_path() / "rootfs" / runtime;
  return fs::path("/var/lib/executor/rootfs") / runtime;
}

fs::path data_directory() {
  if (const auto directory = environment_path("EXECUTOR_DATA_DIR")) return *directory;
  if (const auto build = own_build_tree()) {
    if (const auto source = source_tree_of(*build)) return *source;
  }
  std::error_code error;
  const fs::path installed = fs::read_symlink("/proc/self/exe", error).parent_path() / "../share/executor";
  if (!error && fs::is_directory(installed / "seccomp-profiles", error)) return installed.lexically_normal();
  return "/usr/share/executor";
}

fs::path package_cache_directory() {
  if (const auto build = own_build_tree()) return build->parent_path() / "cache/debs";
  if (const auto cache = environment_path("XDG_CACHE_HOME")) return *cache / "executor/debs";
  if (const auto home = environment_path("HOME")) return *home / ".cache/executor/debs";
  return "/var/cache/executor/debs";
}

}  // namespace executor::rootfs
