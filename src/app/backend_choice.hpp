// Which backend runs programs: each one that is allowed is tried for real, in the order native, docker,
// local, and the first that works is taken. It does not change while the service lives, and nothing weaker is
// taken but what the settings allow.
//
// Called once, before the first thread: the backends start processes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/front.hpp"
#include "backend/docker_host.hpp"
#include "backend/native_start.hpp"
#include "supervisor/steward.hpp"

namespace executor {

struct BackendChoice {
  BackendKind kind = BackendKind::native;
  std::vector<BackendNote> refused{};  ///< tried before it, in this order
  /// The processes behind native and local.
  std::optional<supervisor::StewardHandle> steward{};
  docker::Options docker{};
  std::vector<std::string> languages{"python"};  ///< that it runs
  std::vector<BackendNote> refused_languages{};  ///< that it might run, and what is missing
  bool drops = false;                            ///< the caller should become these ids now
  uid_t uid = 0;
  gid_t gid = 0;
};

/// The Error names each backend that was tried, the layer that failed, and what provides it.
Result<BackendChoice> choose_backend(const Config& config, const NativeOptions& native);

/// Writes into the configuration which languages that backend runs, and their sources' names.
void set_languages(const BackendChoice& choice, Config& config);

/// "native", "docker" or "local".
std::string_view to_string(BackendKind kind);

/// The factories of the front for this choice; the connection to its processes is moved out of it.
FrontParts front_parts(const Config& config, BackendChoice& choice);

}  // namespace executor
