// From settings to a running native backend: finds the installed parts, starts the steward, and gives up the
// start's privileges. Called once, before the first thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "executor/limits.hpp"
#include "rootfs/runtime.hpp"
#include "supervisor/steward.hpp"

namespace executor {

struct NativeOptions {
  std::uint32_t concurrency = 1;                                 ///< runs at once
  std::uint32_t warm_pool = 1;                                   ///< sandboxes kept ready
  std::chrono::nanoseconds pool_idle = std::chrono::minutes(5);  ///< without a run so long, fewer are
  Limits defaults{};                                             ///< what warm sandboxes are built with
  supervisor::Audit audit = supervisor::Audit::none;
  std::uint32_t id_base = 1'900'000'000;  ///< first host id of the range, where a range can be mapped
  std::uint32_t id_count = 65'536;
};

/// Ids that the service runs as when it was started with privileges. As root: user "executor" where it
/// exists, else nobody. With CAP_SETUID and CAP_SETGID alone: those that it has.
struct ServiceIds {
  uid_t uid = 65534;
  gid_t gid = 65534;
};
ServiceIds service_ids();

/// What the native backend can run on this host: Python, and every other runtime whose root has been built.
Result<std::vector<rootfs::RuntimeManifest>> native_runtimes();

/// Starts the steward with the native runtimes. The caller drops its own privileges when the handle says so.
Result<supervisor::StewardHandle> start_native(const NativeOptions& options);

}  // namespace executor
