#include "rootfs/builder.hpp"

#include <fcntl.h>

#include "rootfs/digest.hpp"
#include "rootfs/interpreter.hpp"
#include "rootfs/json_reader.hpp"
#include "rootfs/package_list.hpp"
#include "rootfs/program.hpp"
#include "rootfs/tree.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

/// Counts up when the steps below change what they make of the same lists.
constexpr const char* kBuilderVersion = "1";

/// What a tree is made by.
struct Recipe {
  std::vector<PackageVersion> packages;
  PruneList prune;
  fs::path skeleton;
  std::string digest;
};

template <class T>
Result<T> parse_file(const fs::path& file, Result<T> (*parse)(std::string_view)) {
  Result<T> parsed = parse(read_text_file(file).value());
  if (!parsed) return parsed.error().context("read \"" + file.string() + "\"");
  return parsed;
}

std::string digest_of(const Recipe& recipe, const fs::path& directory) {
  std::string text = std::string("builder ") + kBuilderVersion + "\n";
  for (const char* name : {"packages.txt", "prune.txt"}) text += sha256_file(directory / name).value() + "\n";
  for (const auto& [name, record] : scan_tree(recipe.skeleton).value())
    text += name + " " + record.sha256 + "\n";
  return sha256(text);
}

Recipe load_recipe(const fs::path& directory) {
  Recipe recipe{.packages = parse_file(directory / "packages.txt", &parse_package_list).value(),
                .prune = parse_file(directory / "prune.txt", &parse_prune_list).value(),
                .skeleton = directory / "skeleton",
                .digest = {}};
  recipe.digest = digest_of(recipe, directory);
  return recipe;
}

bool stands(const fs::path& path) { return fs::exists(fs::symlink_status(path)); }

/// The manifest of a tree that needs no build: made by the same recipe, and nothing about it has changed.
Result<Manifest> up_to_date(const fs::path& output, const Recipe& recipe) {
  Result<Manifest> manifest = read_manifest(manifest_path(output));
  if (!manifest) return manifest;
  if (manifest->recipe != recipe.digest) return Error{"the lists have changed", {}};
  const auto differences = check_tree(output, *manifest);
  if (!differences) return differences.error();
  if (!differences->empty()) return Error{differences->front().message(), {}};
  return manifest;
}

void unpack(const std::vector<CachedPackage>& packages, const fs::path& root) {
  for (const CachedPackage& package : packages) {
    const auto run = run_host_program({.argv = {"dpkg-deb", "--extract", package.file, root}});
    if (!run) throw Exception(run.error().context("unpack \"" + package.name + "\""));
  }
}

/// ldconfig of the packages, set aside before pruning takes it.
fs::path keep_ldconfig(const fs::path& root, const fs::path& scratch) {
  fs::path kept = scratch / "ldconfig";
  fs::rename(root / "usr/sbin/ldconfig", kept);
  return kept;
}

void make_tree(const Recipe& recipe, const std::vector<CachedPackage>& packages, const fs::path& scratch,
               const fs::path& root) {
  fs::create_directory(root);
  unpack(packages, root);
  merge_usr(root);
  const fs::path ldconfig = keep_ldconfig(root, scratch);
  prune(root, recipe.prune);
  add_skeleton(root, recipe.skeleton);
  add_mount_points(root);
  make_links_relative(root);
  write_loader_cache(root, ldconfig).value();
  check_libraries(root).value();
  compile_python(root).value();
  normalise(root);
}

Manifest describe(const BuildOptions& options, const Recipe& recipe,
                  const std::vector<CachedPackage>& packages, const fs::path& root) {
  Manifest manifest{.runtime = options.runtime, .recipe = recipe.digest};
  for (const CachedPackage& package : packages) {
    manifest.packages.push_back({package.name, package.version, package.sha256});
  }
  manifest.paths = scan_tree(root).value();
  return manifest;
}

BuildReport build(const BuildOptions& options, const Notice& notice) {
  const Recipe recipe = load_recipe(options.recipe);
  const fs::path output = fs::absolute(options.output / "").lexically_normal().parent_path();
  const std::string prefix = "." + output.filename().string() + ".new.";
  fs::create_directories(output.parent_path());
  const UniqueFd claim = claim_directory(output.parent_path(), prefix).value();
  if (stands(output) && !options.force) {
    Result<Manifest> standing = up_to_date(output, recipe);
    if (standing) return {.manifest = std::move(*standing), .built = false};
    if (!stands(manifest_path(output)) && !fs::is_empty(output)) {
      throw Exception(Error{
          "\"" + output.string() + "\" is not empty and has no manifest beside it; --force replaces it", {}});
    }
    notice("building again: " + standing.error().message());
  }

  fs::create_directories(options.cache);
  const auto packages =
      fetch_packages(recipe.packages, fs::absolute(options.cache), options.versions, notice).value();

  const ScratchDirectory scratch = ScratchDirectory::make(output.parent_path() / prefix).value();
  const fs::path root = scratch.path() / "root";
  make_tree(recipe, packages, scratch.path(), root);
  Manifest manifest = describe(options, recipe, packages, root);
  exchange(root, output).value();
  write_manifest(manifest_path(output), manifest).value();
  return {.manifest = std::move(manifest), .built = true};
}

}  // namespace

Result<BuildReport> build_rootfs(const BuildOptions& options, const Notice& notice) {
  try {
    return build(options, notice);
  } catch (const Exception& error) {
    return Error{error.what(), {}};
  } catch (const fs::filesystem_error& error) {
    return Error{error.what(), {}};
  }
}

std::vector<std::string> version_warnings(const Manifest& manifest) {
  return version_warnings(manifest, EXECUTOR_EMBEDDED_PYTHON_VERSION);
}

std::vector<std::string> version_warnings(const Manifest& manifest, const std::string& embedded_python) {
  std::vector<std::string> warnings;
  for (const PackageRecord& package : manifest.packages) {
    if (package.name != "libpython3.11-minimal" || embedded_python.empty() ||
        package.version == embedded_python)
      continue;
    warnings.push_back("the root holds Python " + package.version + ", the zygote embeds " + embedded_python +
                       ": bring libpython3.11-dev and the root to one version, then build both again");
  }
  return warnings;
}

}  // namespace executor::rootfs
