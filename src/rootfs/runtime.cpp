#include "rootfs/runtime.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "rootfs/json_reader.hpp"
#include "rootfs/paths.hpp"

namespace executor::rootfs {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& why) { throw Exception(Error{why, {}}); }

WarmMode warm_mode_from(const std::string& text) {
  if (text == "none") return WarmMode::none;
  if (text == "zygote") return WarmMode::zygote;
  if (text == "prestart") return WarmMode::prestart;
  refuse("\"warm\" is none of none, zygote, prestart: \"" + text + "\"");
}

/// A profile is looked up by its bare name.
std::string profile_from(std::string text) {
  if (text.empty() || text.starts_with('.') || text.find('/') != text.npos)
    refuse("\"" + text + "\" is no file name");
  return text;
}

std::vector<std::string> argv_from(const json& values, const std::string& key) {
  std::vector<std::string> argv;
  for (const json& value : values) {
    if (!value.is_string()) refuse("\"" + key + "\" holds something but strings");
    argv.push_back(value.get<std::string>());
  }
  if (argv.empty() || !argv[0].starts_with('/'))
    refuse("\"" + key + "\" does not begin with an absolute path");
  return argv;
}

std::map<std::string, std::string> environment_from(const json& values) {
  std::map<std::string, std::string> environment;
  for (const auto& [name, value] : values.items()) {
    if (!value.is_string()) refuse("\"" + name + "\" of \"environment\" is not a string");
    if (name.empty() || name.find('=') != name.npos) refuse("\"" + name + "\" is no name of a variable");
    environment.emplace(name, value.get<std::string>());
  }
  return environment;
}

RuntimeManifest runtime_from(const json& value) {
  JsonReader object(value, "the runtime");
  RuntimeManifest runtime;
  runtime.name = object.string("name");
  if (!is_runtime_name(runtime.name)) refuse("\"" + runtime.name + "\" is no name of a runtime");
  runtime.extension = object.string("extension");
  runtime.argv = argv_from(object.array("argv"), "argv");
  runtime.warm = warm_mode_from(object.string("warm"));
  if (runtime.warm == WarmMode::prestart)
    runtime.prestart_argv = argv_from(object.array("prestartArgv"), "prestartArgv");
  runtime.seccomp_profile = profile_from(object.string("seccompProfile"));
  runtime.processes_profile = profile_from(object.string("processesProfile"));
  runtime.environment = environment_from(object.object("environment"));
  object.finish();
  return runtime;
}

}  // namespace

bool is_runtime_name(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !text.empty() && text.size() <= 32 && text.find_first_not_of(kLetters) == text.npos &&
         text[0] >= 'a';
}

Result<RuntimeManifest> parse_runtime_manifest(std::string_view text) {
  return read_json<RuntimeManifest>(text, runtime_from);
}

Result<RuntimeManifest> load_runtime_manifest(const std::filesystem::path& file, const std::string& runtime) {
  const Result<std::string> text = read_text_file(file);
  if (!text) return text.error();
  Result<RuntimeManifest> manifest = parse_runtime_manifest(*text);
  if (!manifest) return manifest.error().context("read \"" + file.string() + "\"");
  if (manifest->name != runtime)
    return Error{"\"" + file.string() + "\" is of the runtime \"" + manifest->name + "\"", {}};
  return manifest;
}

Result<RuntimeManifest> load_runtime_manifest(const std::string& runtime) {
  if (!is_runtime_name(runtime)) return Error{"\"" + runtime + "\" is no name of a runtime", {}};
  return load_runtime_manifest(data_directory() / "rootfs" / runtime / "runtime.json", runtime);
}

Result<std::vector<RuntimeManifest>> load_runtime_manifests() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_directory() / "rootfs", error))
    if (std::filesystem::exists(entry.path() / "runtime.json", error))
      names.push_back(entry.path().filename());
  std::ranges::sort(names, {}, [](const std::string& name) { return std::pair(name != "python", name); });
  std::vector<RuntimeManifest> manifests;
  for (const std::string& name : names) {
    auto manifest = load_runtime_manifest(name);
    if (!manifest) return manifest.error();
    manifests.push_back(std::move(*manifest));
  }
  return manifests;
}

bool is_built(const RuntimeManifest& runtime) {
  std::error_code error;
  return std::filesystem::exists(rootfs_directory(runtime.name).string() + runtime.argv.front(), error);
}

}  // namespace executor::rootfs
