#include "app/rootfs_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "rootfs/builder.hpp"
#include "rootfs/manifest.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"

namespace executor {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::size_t kDifferencesShown = 50;

struct Options {
  std::string runtime;  ///< empty: all of them
  fs::path directory;
  fs::path cache;
  bool force = false;
  bool exact = false;
  bool any_version = false;
};

void complain(const std::string& text) { std::fprintf(stderr, "rootfs: %s\n", text.c_str()); }

/// 1234567 as "1,234,567".
std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string summary(const rootfs::Manifest& manifest, Clock::duration took) {
  char figures[128];
  std::snprintf(figures, sizeof figures, "%.1f MiB, %s files, %zu packages, %.1f s",
                static_cast<double>(manifest.total_size()) / (1024.0 * 1024.0),
                grouped(manifest.file_count()).c_str(), manifest.packages.size(),
                std::chrono::duration<double>(took).count());
  return "rootfs " + manifest.runtime + ": " + figures;
}

fs::path directory_of(const Options& options) {
  return options.directory.empty() ? rootfs::rootfs_directory(options.runtime) : options.directory;
}

int build(const Options& options) {
  using rootfs::VersionChoice;
  const Clock::time_point start = Clock::now();
  // a runtime without a readable runtime.json could be built but never run
  if (const auto runtime = rootfs::load_runtime_manifest(options.runtime); !runtime) {
    complain(runtime.error().message());
    return kFailed;
  }
  const rootfs::BuildOptions wanted{
      .runtime = options.runtime,
      .recipe = rootfs::data_directory() / "rootfs" / options.runtime,
      .output = directory_of(options),
      .cache = options.cache.empty() ? rootfs::package_cache_directory() : options.cache,
      .versions = options.exact         ? VersionChoice::listed
                  : options.any_version ? VersionChoice::candidate
                                        : VersionChoice::listed_or_candidate,
      .force = options.force || options.any_version};
  const auto report = rootfs::build_rootfs(wanted, complain);
  if (!report) {
    complain(report.error().message());
    return kFailed;
  }
  for (const std::string& warning : rootfs::version_warnings(report->manifest))
    complain("warning: " + warning);
  const std::string text = summary(report->manifest, Clock::now() - start);
  std::printf("%s%s\n%s\n", text.c_str(), report->built ? "" : ", up to date", wanted.output.c_str());
  return 0;
}

int check(const Options& options) {
  const Clock::time_point start = Clock::now();
  const fs::path directory = directory_of(options);
  const auto manifest = rootfs::read_manifest(rootfs::manifest_path(directory));
  if (!manifest) {
    complain(manifest.error().message());
    return kFailed;
  }
  const auto differences = rootfs::check_tree(directory, *manifest);
  if (!differences) {
    complain(differences.error().message());
    return kFailed;
  }
  for (const std::string& warning : rootfs::version_warnings(*manifest)) complain("warning: " + warning);
  if (differences->empty()) {
    std::printf("%s, as recorded\n", summary(*manifest, Clock::now() - start).c_str());
    return 0;
  }
  const std::size_t shown = std::min(differences->size(), kDifferencesShown);
  for (std::size_t i = 0; i < shown; ++i) std::printf("%s\n", (*differences)[i].message().c_str());
  std::printf("rootfs %s: %zu differences in %s\n", manifest->runtime.c_str(), differences->size(),
              directory.c_str());
  return kFailed;
}

/// What was asked for; a directory of one's own is Python's unless a runtime is named, and no choice at all
/// is every runtime that has a manifest, to be checked only where its root stands. Python is never left out.
Result<std::vector<std::string>> runtimes_of(const Options& options, bool builds) {
  if (!options.runtime.empty()) return std::vector<std::string>{options.runtime};
  if (!options.directory.empty()) return std::vector<std::string>{"python"};
  const auto manifests = rootfs::load_runtime_manifests();
  if (!manifests) return manifests.error();
  if (manifests->empty())
    return Error{"no runtime stands in \"" + (rootfs::data_directory() / "rootfs").string() + "\"", {}};
  std::vector<std::string> names;
  for (const rootfs::RuntimeManifest& manifest : *manifests)
    if (builds || manifest.name == "python" || rootfs::is_built(manifest)) names.push_back(manifest.name);
  return names;
}

}  // namespace

int rootfs_command(const std::vector<std::string>& args) {
  Options options;
  CLI::App app("Makes or verifies the root file systems that programs run in", "executor rootfs");
  app.require_subcommand(1);

  CLI::App* build_app = app.add_subcommand("build", "Make a root from Debian packages");
  build_app->add_option("--runtime", options.runtime, "Name of the runtime; all of them unless given");
  build_app->add_option("--output", options.directory, "The tree to make; its manifest stands beside it");
  build_app->add_option("--cache", options.cache, "Where downloaded packages are kept");
  build_app->add_flag("--force", options.force,
                      "Build although the tree is up to date, or replace a foreign directory");
  CLI::Option* exact =
      build_app->add_flag("--exact", options.exact, "Fail where a listed version is not to be had");
  build_app
      ->add_flag("--any-version", options.any_version,
                 "Take apt's candidates in place of the listed versions")
      ->excludes(exact);

  CLI::App* check_app = app.add_subcommand("check", "Hold a root against its manifest");
  check_app->add_option("--runtime", options.runtime,
                        "Name of the runtime; all whose root stands unless given");
  check_app->add_option("--dir", options.directory, "The tree to check");

  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));  // CLI11 takes the last argument first
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (!options.runtime.empty() && !rootfs::is_runtime_name(options.runtime)) {
    complain("\"" + options.runtime + "\" is no name of a runtime");
    return kUsage;
  }
  const auto runtimes = runtimes_of(options, build_app->parsed());
  if (!runtimes) {
    complain(runtimes.error().message());
    return kFailed;
  }
  int status = 0;
  for (const std::string& runtime : *runtimes) {
    Options one = options;
    one.runtime = runtime;
    status = std::max(status, build_app->parsed() ? build(one) : check(one));
  }
  return status;
}

}  // namespace executor
