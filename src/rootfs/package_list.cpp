#include "rootfs/package_list.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace executor::rootfs {
namespace {

constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
constexpr std::string_view kVersionLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-~:";
constexpr std::string_view kDigits = "0123456789";

/// A first character other than a letter or digit would be an option to apt-get.
bool is_package_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kNameLetters) == text.npos && std::isalnum(text[0]) != 0;
}

bool is_version(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kVersionLetters) == text.npos &&
         kDigits.find(text[0]) != kDigits.npos;
}

/// Calls `take(line number, words)` for every line with content.
template <class Take>
Result<void> for_each_line(std::string_view text, Take take) {
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (std::string problem = take(words); !problem.empty()) {
      return Error{"line " + std::to_string(number) + ": " + problem, {}};
    }
  }
  return {};
}

}  // namespace

Result<std::vector<PackageVersion>> parse_package_list(std::string_view text) {
  std::vector<PackageVersion> packages;
  std::set<std::string> seen;
  const Result<void> parsed = for_each_line(text, [&](const std::vector<std::string>& words) -> std::string {
    if (words.size() != 2) return "a package name and a version are expected";
    if (!is_package_name(words[0])) return "\"" + words[0] + "\" is no Debian package name";
    if (!is_version(words[1])) return "\"" + words[1] + "\" is no Debian version";
    if (!seen.insert(words[0]).second) return "\"" + words[0] + "\" is listed twice";
    packages.push_back({words[0], words[1]});
    return "";
  });
  if (!parsed) return parsed.error();
  if (packages.empty()) return Error{"no package is listed", {}};
  return packages;
}

bool PruneList::removes(const std::string& relative) const {
  const auto matches = [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), relative.c_str(), FNM_PATHNAME) == 0;
  };
  return std::any_of(remove.begin(), remove.end(), matches) &&
         std::none_of(keep.begin(), keep.end(), matches);
}

Result<PruneList> parse_prune_list(std::string_view text) {
  PruneList list;
  const Result<void> parsed = for_each_line(text, [&](const std::vector<std::string>& words) -> std::string {
    if (words.size() != 1) return "one pattern is expected";
    const bool keeps = words[0].starts_with('!');
    const std::string pattern = words[0].substr(keeps ? 1 : 0);
    if (pattern.empty() || pattern.starts_with('/')) return "\"" + words[0] + "\" is no path below the root";
    (keeps ? list.keep : list.remove).push_back(pattern);
    return "";
  });
  if (!parsed) return parsed.error();
  return list;
}

}  // namespace executor::rootfs
