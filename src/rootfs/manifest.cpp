#include "rootfs/manifest.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "rootfs/digest.hpp"
#include "rootfs/json_reader.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kSchema = 1;
constexpr std::uint32_t kModeBits = 07777;

std::string octal(std::uint32_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

std::string_view name_of(PathType type) {
  switch (type) {
    case PathType::file:
      return "file";
    case PathType::directory:
      return "directory";
    case PathType::link:
      return "link";
  }
  return "";
}

Result<PathRecord> record_path(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno_error("stat \"" + path.string() + "\"", errno);
  PathRecord record{.mode = status.st_mode & kModeBits};
  if (S_ISDIR(status.st_mode)) {
    record.type = PathType::directory;
    return record;
  }
  if (S_ISLNK(status.st_mode)) {
    std::error_code error;
    record = {.type = PathType::link, .target = fs::read_symlink(path, error).string()};
    if (error) return Error{"read the link \"" + path.string() + "\"", error};
    return record;
  }
  if (!S_ISREG(status.st_mode)) return Error{"\"" + path.string() + "\" is no file, directory or link", {}};
  Result<std::string> digest = sha256_file(path);
  if (!digest) return digest.error();
  record.size = static_cast<std::uint64_t>(status.st_size);
  record.sha256 = std::move(*digest);
  return record;
}

bool has_file_capabilities(const fs::path& path) {
  return ::lgetxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

/// What is wrong with a path whatever the manifest says.
void check_privilege(const fs::path& root, const std::string& name, const PathRecord& found, uid_t owner,
                     std::vector<Difference>& differences) {
  using Kind = Difference::Kind;
  struct stat status {};
  if (::lstat((root / name).c_str(), &status) == 0 && status.st_uid != owner) {
    differences.push_back(
        {Kind::owner, name,
         "belongs to uid " + std::to_string(status.st_uid) + ", the root to uid " + std::to_string(owner)});
  }
  if ((found.mode & (S_ISUID | S_ISGID)) != 0)
    differences.push_back({Kind::privileged, name, "mode " + octal(found.mode)});
  if (found.type == PathType::file && has_file_capabilities(root / name)) {
    differences.push_back({Kind::privileged, name, "file capabilities"});
  }
}

void compare_path(const std::string& name, const PathRecord& found, const PathRecord& recorded,
                  std::vector<Difference>& differences) {
  using Kind = Difference::Kind;
  if (found.type != recorded.type) {
    differences.push_back(
        {Kind::type, name,
         "a " + std::string(name_of(found.type)) + ", recorded as a " + std::string(name_of(recorded.type))});
    return;
  }
  if (found.mode != recorded.mode) {
    differences.push_back(
        {Kind::mode, name, "mode " + octal(found.mode) + ", recorded as " + octal(recorded.mode)});
  }
  if (found.size != recorded.size || found.sha256 != recorded.sha256) {
    differences.push_back(
        {Kind::content, name,
         std::to_string(found.size) + " bytes, recorded as " + std::to_string(recorded.size)});
  }
  if (found.target != recorded.target) {
    differences.push_back(
        {Kind::target, name, "leads to \"" + found.target + "\", recorded as \"" + recorded.target + "\""});
  }
}

json path_to_json(const PathRecord& record) {
  json object{{"type", name_of(record.type)}};
  if (record.type == PathType::link) {
    object["target"] = record.target;
    return object;
  }
  object["mode"] = octal(record.mode);
  if (record.type == PathType::file) {
    object["size"] = record.size;
    object["sha256"] = record.sha256;
  }
  return object;
}

std::uint32_t mode_from(const std::string& text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > kModeBits) {
    throw Exception(Error{"\"" + text + "\" is no mode", {}});
  }
  return mode;
}

PathRecord path_from(const json& value) {
  JsonReader object(value, "a path");
  const std::string type = object.string("type");
  PathRecord record;
  if (type == "link") {
    record.type = PathType::link;
    record.target = object.string("target");
  } else if (type == "directory" || type == "file") {
    record.type = type == "file" ? PathType::file : PathType::directory;
    record.mode = mode_from(object.string("mode"));
  } else {
    throw Exception(Error{"\"" + type + "\" is no type of path", {}});
  }
  if (record.type == PathType::file) {
    record.size = object.unsigned_integer("size");
    record.sha256 = object.string("sha256");
  }
  object.finish();
  return record;
}

Manifest manifest_from(const json& value) {
  JsonReader object(value, "the manifest");
  if (object.unsigned_integer("schema") != kSchema)
    throw Exception(Error{"the schema is not 1: build the root again", {}});
  Manifest manifest{.runtime = object.string("runtime"), .recipe = object.string("recipe")};
  for (const json& entry : object.array("packages")) {
    JsonReader package(entry, "a package");
    manifest.packages.push_back(
        {package.string("name"), package.string("version"), package.string("sha256")});
    package.finish();
  }
  for (const auto& [name, entry] : object.object("paths").items())
    manifest.paths.emplace(name, path_from(entry));
  if (object.unsigned_integer("size") != manifest.total_size())
    throw Exception(Error{"the sizes do not add up", {}});
  object.finish();
  return manifest;
}

}  // namespace

std::uint64_t Manifest::total_size() const {
  std::uint64_t sum = 0;
  for (const auto& [name, record] : paths) sum += record.size;
  return sum;
}

std::size_t Manifest::file_count() const {
  std::size_t count = 0;
  for (const auto& [name, record] : paths) count += record.type == PathType::file ? 1 : 0;
  return count;
}

std::string Difference::message() const {
  static constexpr std::array<std::string_view, 8> kNames = {"missing",    "extra", "type",    "mode",
                                                             "privileged", "owner", "content", "link"};
  const std::string text = std::string(kNames.at(static_cast<std::size_t>(kind))) + ": " + path;
  return detail.empty() ? text : text + " (" + detail + ")";
}

fs::path manifest_path(const fs::path& root) {
  const fs::path plain = root.has_filename() ? root : root.parent_path();
  return plain.string() + ".manifest.json";
}

Result<std::map<std::string, PathRecord>> scan_tree(const fs::path& root) {
  std::map<std::string, PathRecord> paths;
  std::error_code error;
  fs::recursive_directory_iterator entry(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    Result<PathRecord> record = record_path(entry->path());
    if (!record) return record.error();
    paths.emplace(entry->path().lexically_relative(root).string(), std::move(*record));
  }
  if (error) return Error{"read the tree \"" + root.string() + "\"", error};
  return paths;
}

Result<std::vector<Difference>> check_tree(const fs::path& root, const Manifest& manifest) {
  struct stat status {};
  if (::stat(root.c_str(), &status) != 0) return errno_error("stat \"" + root.string() + "\"", errno);
  const auto found = scan_tree(root);
  if (!found) return found.error();
  std::vector<Difference> differences;
  for (const auto& [name, record] : *found) {
    check_privilege(root, name, record, status.st_uid, differences);
    const auto recorded = manifest.paths.find(name);
    if (recorded == manifest.paths.end()) {
      differences.push_back({Difference::Kind::extra, name, ""});
    } else {
      compare_path(name, record, recorded->second, differences);
    }
  }
  for (const auto& [name, record] : manifest.paths) {
    if (!found->contains(name)) differences.push_back({Difference::Kind::missing, name, ""});
  }
  return differences;
}

std::string to_json(const Manifest& manifest) {
  json packages = json::array();
  for (const PackageRecord& package : manifest.packages) {
    packages.push_back({{"name", package.name}, {"version", package.version}, {"sha256", package.sha256}});
  }
  json paths = json::object();
  for (const auto& [name, record] : manifest.paths) paths[name] = path_to_json(record);
  const json object{{"schema", kSchema},    {"runtime", manifest.runtime},   {"recipe", manifest.recipe},
                    {"packages", packages}, {"size", manifest.total_size()}, {"paths", paths}};
  return object.dump(1) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) { return read_json<Manifest>(text, manifest_from); }

Result<Manifest> read_manifest(const fs::path& file) {
  const Result<std::string> text = read_text_file(file);
  if (!text) return text.error();
  Result<Manifest> manifest = parse_manifest(*text);
  if (!manifest) return manifest.error().context("read \"" + file.string() + "\"");
  return manifest;
}

Result<void> write_manifest(const fs::path& file, const Manifest& manifest) {
  const fs::path fresh = file.string() + ".new";
  std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
  stream << to_json(manifest);
  stream.close();
  if (!stream) return errno_error("write \"" + fresh.string() + "\"", errno);
  if (std::rename(fresh.c_str(), file.c_str()) != 0)
    return errno_error("rename \"" + fresh.string() + "\"", errno);
  return {};
}

}  // namespace executor::rootfs
