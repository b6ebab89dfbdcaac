#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "app/doctor/probe.hpp"
#include "rootfs/manifest.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"

namespace executor::doctor {

namespace {

namespace fs = std::filesystem;

/// Type, mode, size and target of one recorded path, without reading the file.
std::optional<std::string> quick_difference(const fs::path& root, const std::string& path,
                                            const rootfs::PathRecord& record) {
  using rootfs::PathType;
  struct stat status {};
  if (::lstat((root / path).c_str(), &status) != 0) return "missing: " + path;
  const mode_t type = record.type == PathType::file        ? S_IFREG
                      : record.type == PathType::directory ? S_IFDIR
                                                           : S_IFLNK;
  if ((status.st_mode & S_IFMT) != type) return "type: " + path;
  std::error_code error;
  if (record.type == PathType::link)
    return fs::read_symlink(root / path, error) == record.target ? std::nullopt
                                                                 : std::optional("link: " + path);
  if ((status.st_mode & 07777) != record.mode) return "mode: " + path;
  if (record.type == PathType::file && static_cast<std::uint64_t>(status.st_size) != record.size)
    return "size: " + path;
  return std::nullopt;
}

std::vector<std::string> quick_check(const fs::path& root, const rootfs::Manifest& manifest) {
  std::vector<std::string> differences;
  for (const auto& [path, record] : manifest.paths)
    if (auto difference = quick_difference(root, path, record)) differences.push_back(std::move(*difference));
  std::error_code error;
  fs::recursive_directory_iterator entry(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().lexically_relative(root).string();
    if (!manifest.paths.contains(path)) differences.push_back("extra: " + path);
  }
  if (error) differences.push_back("unreadable: " + error.message());
  return differences;
}

std::vector<std::string> full_check(const fs::path& root, const rootfs::Manifest& manifest) {
  const auto differences = rootfs::check_tree(root, manifest);
  if (!differences) return {differences.error().message()};
  std::vector<std::string> lines;
  for (const rootfs::Difference& difference : *differences) lines.push_back(difference.message());
  return lines;
}

/// The first directory from the top that others may not pass.
std::string closed_directory(const fs::path& root) {
  fs::path so_far;
  for (const fs::path& part : fs::absolute(root)) {
    so_far /= part;
    struct stat status {};
    if (::stat(so_far.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) == 0) return so_far.string();
  }
  return {};
}

bool helper_found(const std::string& name) {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<fs::path> places = {own, own / ".." / "lib" / "executor"};
  if (const auto tree = rootfs::find_build_tree(own)) places.push_back(*tree);
  for (const fs::path& place : places)
    if (::access((place / name).c_str(), R_OK | X_OK) == 0) return true;
  return false;
}

InstallationFacts::Runtime probe_runtime(const rootfs::RuntimeManifest& runtime,
                                         const ProbeOptions& options) {
  const fs::path root = rootfs::rootfs_directory(runtime.name);
  InstallationFacts::Runtime facts{.name = runtime.name, .rootfs = root.string()};
  facts.built = rootfs::is_built(runtime);
  if (!facts.built) return facts;
  const auto manifest = rootfs::read_manifest(rootfs::manifest_path(root));
  facts.manifest = manifest ? std::string() : manifest.error().message();
  if (manifest) facts.differences = options.full ? full_check(root, *manifest) : quick_check(root, *manifest);
  return facts;
}

}  // namespace

InstallationFacts probe_installation(const ProbeOptions& options) {
  InstallationFacts facts;
  const fs::path root = rootfs::rootfs_directory("python");
  facts.rootfs = root.string();
  std::error_code error;
  facts.rootfs_present = fs::is_directory(root, error);
  facts.closed_directory = closed_directory(root);
  if (facts.rootfs_present) {
    const auto manifest = rootfs::read_manifest(rootfs::manifest_path(root));
    facts.manifest = manifest ? std::string() : manifest.error().message();
    if (manifest) {
      facts.paths = manifest->paths.size();
      facts.hashed = options.full;
      facts.differences = options.full ? full_check(root, *manifest) : quick_check(root, *manifest);
    }
  }
  const auto runtimes = rootfs::load_runtime_manifests();
  facts.runtime_manifests = runtimes ? std::string() : runtimes.error().message();
  if (runtimes)
    for (const rootfs::RuntimeManifest& runtime : *runtimes)
      if (runtime.name != "python") facts.runtimes.push_back(probe_runtime(runtime, options));
  for (const char* name : {"executor-supervisor", "executor-zygote-python", "executor-zygote-exec"})
    facts.helpers.push_back({name, helper_found(name)});
  return facts;
}

}  // namespace executor::doctor
