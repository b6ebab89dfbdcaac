#include "rootfs/archive.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "rootfs/digest.hpp"
#include "rootfs/program.hpp"
#include "rootfs/tree.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScratchPrefix = ".download.";

fs::path digest_file(const fs::path& package) { return package.string() + ".sha256"; }

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::optional<PackageVersion> parse_file_name(const std::string& file) {
  const std::size_t first = file.find('_');
  const std::size_t second = first == file.npos ? file.npos : file.find('_', first + 1);
  if (second == file.npos) return std::nullopt;
  const std::string version = file.substr(first + 1, second - first - 1);
  return PackageVersion{file.substr(0, first), replace_all(version, "%3a", ":")};
}

std::optional<CachedPackage> find_cached(const fs::path& cache, const PackageVersion& package) {
  for (const char* architecture : {"amd64", "all"}) {
    const fs::path file = cache / package_file_name(package, architecture);
    std::string recorded;
    if (!(std::ifstream(digest_file(file)) >> recorded)) continue;
    const Result<std::string> digest = sha256_file(file);
    if (digest && *digest == recorded) return CachedPackage{package.name, package.version, recorded, file};
  }
  return std::nullopt;
}

/// Runs apt over `packages` as name=version, or as name where the version is empty.
Result<std::string> run_apt(std::vector<std::string> argv, const std::vector<PackageVersion>& packages,
                            const fs::path& directory = "/") {
  for (const PackageVersion& package : packages) {
    argv.push_back(package.version.empty() ? package.name : package.name + "=" + package.version);
  }
  return run_host_program({.argv = std::move(argv), .working_directory = directory});
}

std::vector<PackageVersion> without_versions(std::vector<PackageVersion> packages) {
  for (PackageVersion& package : packages) package.version.clear();
  return packages;
}

/// Which versions the host's apt sources offer.
Result<std::vector<PackageVersion>> offered_versions(const std::vector<PackageVersion>& packages) {
  const Result<std::string> printed = run_apt({"apt-cache", "madison"}, without_versions(packages));
  if (!printed) return printed.error().context("ask apt for versions");
  std::vector<PackageVersion> offered = parse_madison(*printed);
  for (const PackageVersion& package : packages) {
    const auto same_name = [&](const PackageVersion& other) { return other.name == package.name; };
    if (std::none_of(offered.begin(), offered.end(), same_name)) {
      return Error{"apt offers no package \"" + package.name +
                       "\": has \"apt-get update\" been run, and is this Debian 12?",
                   {}};
    }
  }
  return offered;
}

/// apt's candidate of each name.
Result<std::map<std::string, std::string>> candidates(const std::vector<PackageVersion>& packages) {
  std::map<std::string, std::string> versions;
  if (packages.empty()) return versions;
  const Result<std::string> printed =
      run_apt({"apt-get", "download", "--print-uris"}, without_versions(packages));
  if (!printed) return printed.error().context("ask apt for candidates");
  for (const PackageVersion& package : parse_uris(*printed)) versions[package.name] = package.version;
  for (const PackageVersion& package : packages) {
    if (!versions.contains(package.name))
      return Error{"apt has no candidate of \"" + package.name + "\"", {}};
  }
  return versions;
}

/// What is really to be had of `missing`, by the choice.
Result<std::vector<PackageVersion>> choose_versions(const std::vector<PackageVersion>& missing,
                                                    VersionChoice choice, const Notice& notice) {
  std::vector<PackageVersion> gone;
  if (choice == VersionChoice::candidate) {
    gone = missing;
  } else {
    const Result<std::vector<PackageVersion>> offered = offered_versions(missing);
    if (!offered) return offered.error();
    std::copy_if(missing.begin(), missing.end(), std::back_inserter(gone),
                 [&](const PackageVersion& package) {
                   return std::find(offered->begin(), offered->end(), package) == offered->end();
                 });
  }
  if (choice == VersionChoice::listed && !gone.empty()) {
    return Error{"apt no longer offers \"" + gone[0].name + "\" in the listed version " + gone[0].version,
                 {}};
  }
  const auto versions = candidates(gone);
  if (!versions) return versions.error();

  std::vector<PackageVersion> chosen = missing;
  for (PackageVersion& package : chosen) {
    const auto candidate = versions->find(package.name);
    if (candidate == versions->end() || candidate->second == package.version) continue;
    notice(package.name + " " + candidate->second + " is taken, " + package.version + " is listed");
    package.version = candidate->second;
  }
  return chosen;
}

/// Downloads into a directory of its own inside the cache, then moves each package to its place.
Result<void> download(const std::vector<PackageVersion>& packages, const fs::path& cache) {
  const UniqueFd claim = claim_directory(cache, kScratchPrefix).value();
  const ScratchDirectory scratch = ScratchDirectory::make(cache / kScratchPrefix).value();
  const Result<std::string> run = run_apt({"apt-get", "download", "--quiet=2"}, packages, scratch.path());
  if (!run) return run.error().context("download packages");
  for (const fs::directory_entry& entry : fs::directory_iterator(scratch.path())) {
    const Result<std::string> digest = sha256_file(entry.path());
    if (!digest) return digest.error();
    const fs::path place = cache / entry.path().filename();
    fs::rename(entry.path(), place);
    std::ofstream record(digest_file(place));
    record << *digest << '\n' << std::flush;
    if (!record) return Error{"write \"" + digest_file(place).string() + "\"", {}};
  }
  return {};
}

}  // namespace

std::string package_file_name(const PackageVersion& package, const std::string& architecture) {
  return package.name + "_" + replace_all(package.version, ":", "%3a") + "_" + architecture + ".deb";
}

std::vector<PackageVersion> parse_madison(std::string_view text) {
  std::vector<PackageVersion> offered;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, bar, version;
    if (!line.ends_with(" Packages") || !(words >> name >> bar >> version) || bar != "|") continue;
    offered.push_back({name, version});
  }
  return offered;
}

std::vector<PackageVersion> parse_uris(std::string_view text) {
  std::vector<PackageVersion> packages;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string uri, file;
    if (!(words >> uri >> file) || !uri.starts_with('\'')) continue;
    if (auto package = parse_file_name(file)) packages.push_back(*package);
  }
  return packages;
}

Result<std::vector<CachedPackage>> fetch_packages(const std::vector<PackageVersion>& list,
                                                  const fs::path& cache, VersionChoice choice,
                                                  const Notice& notice) {
  std::vector<PackageVersion> missing;
  std::copy_if(list.begin(), list.end(), std::back_inserter(missing), [&](const PackageVersion& package) {
    return choice == VersionChoice::candidate || !find_cached(cache, package);
  });
  std::map<std::string, std::string> versions;
  for (const PackageVersion& package : list) versions[package.name] = package.version;
  if (!missing.empty()) {
    const auto chosen = choose_versions(missing, choice, notice);
    if (!chosen) return chosen.error();
    std::vector<PackageVersion> wanted;
    for (const PackageVersion& package : *chosen) {
      versions[package.name] = package.version;
      if (!find_cached(cache, package)) wanted.push_back(package);
    }
    if (!wanted.empty()) {
      if (const Result<void> done = download(wanted, cache); !done) return done.error();
    }
  }

  std::vector<CachedPackage> packages;
  for (const PackageVersion& package : list) {
    auto cached = find_cached(cache, {package.name, versions[package.name]});
    if (!cached)
      return Error{"apt-get left no package \"" + package.name + " " + versions[package.name] + "\"", {}};
    packages.push_back(std::move(*cached));
  }
  return packages;
}

}  // namespace executor::rootfs
