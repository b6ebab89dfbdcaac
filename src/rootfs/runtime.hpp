// The manifest of a runtime: what a program of one language needs to be started. A runtime is data, not code.
// Values; thread-safe. Reading is strict: unknown keys, missing keys and wrong types are errors that name the
// key.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"

namespace executor::rootfs {

/// How sandboxes are made ahead for a runtime.
enum class WarmMode {
  none,      ///< each run starts the interpreter
  zygote,    ///< forked from a fork server that embeds the interpreter
  prestart,  ///< the interpreter is started ahead and waits before user code
};

struct RuntimeManifest {
  std::string name;                          ///< also the name of its root and of its folder of lists
  std::string extension;                     ///< of a source file, without dot
  std::vector<std::string> argv;             ///< as seen from inside the root; argv[0] is absolute
  std::vector<std::string> prestart_argv{};  ///< for prestart: the same, with the boot script
  WarmMode warm = WarmMode::none;
  std::string seccomp_profile;                     ///< file name in seccomp-profiles/
  std::string processes_profile;                   ///< the same for programs that may start processes
  std::map<std::string, std::string> environment;  ///< the whole environment of a program
};

[[nodiscard]] Result<RuntimeManifest> parse_runtime_manifest(std::string_view json);
/// rootfs/<runtime>/runtime.json in data_directory(); its name must be `runtime`.
[[nodiscard]] Result<RuntimeManifest> load_runtime_manifest(const std::string& runtime);
[[nodiscard]] Result<RuntimeManifest> load_runtime_manifest(const std::filesystem::path& file,
                                                            const std::string& runtime);

/// Every runtime that has a manifest in data_directory(), Python first, the others by name. The first
/// manifest that cannot be read is the Error.
[[nodiscard]] Result<std::vector<RuntimeManifest>> load_runtime_manifests();

/// Whether its root stands in rootfs_directory(), as far as its first program shows.
[[nodiscard]] bool is_built(const RuntimeManifest& runtime);

/// Whether the text may name a runtime: lower-case letters, digits and hyphens, a letter first, at most 32.
[[nodiscard]] bool is_runtime_name(std::string_view text);

}  // namespace executor::rootfs
