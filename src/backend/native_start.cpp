#include "backend/native_start.hpp"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "backend/installed.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"

namespace executor {

namespace {

namespace fs = std::filesystem;

Result<supervisor::RuntimeConfig> runtime_config(const std::string& name) {
  const auto manifest = rootfs::load_runtime_manifest(name);
  if (!manifest) return manifest.error();
  supervisor::RuntimeConfig runtime;
  runtime.name = name;
  runtime.rootfs = rootfs::rootfs_directory(name).string();
  std::error_code error;
  if (!fs::exists(runtime.rootfs + manifest->argv.front(), error))
    return errno_error("find the root file system of \"" + name + "\" in \"" + runtime.rootfs +
                           "\" (executor rootfs build makes it)",
                       ENOENT);
  auto strict = installed_profile(manifest->seccomp_profile);
  if (!strict) return strict.error();
  auto processes = installed_profile(manifest->processes_profile);
  if (!processes) return processes.error();
  runtime.strict_profile = std::move(*strict);
  runtime.processes_profile = std::move(*processes);
  for (const auto& [variable, value] : manifest->environment)
    runtime.environment.push_back(std::string(variable).append("=").append(value));
  return runtime;
}

}  // namespace

ServiceIds service_ids() {
  if (::geteuid() != 0) return {::geteuid(), ::getegid()};
  if (const passwd* user = ::getpwnam("executor")) return {user->pw_uid, user->pw_gid};
  return {};
}

Result<supervisor::StewardHandle> start_native(const NativeOptions& options) {
  supervisor::StewardPlan plan;
  auto runtime = runtime_config("python");
  if (!runtime) return runtime.error();
  plan.config.runtimes.push_back(std::move(*runtime));
  auto init = installed_profile("init.json");
  if (!init) return init.error();
  plan.config.init_profile = std::move(*init);
  auto own = installed_profile("supervisor.json");
  if (!own) return own.error();
  plan.config.supervisor_profile = std::move(*own);
  plan.config.warm_pool = options.warm_pool;
  // besides those in use: as many on their way out, and the validator's
  plan.config.max_live = 2 * (options.concurrency + options.warm_pool) + 16;
  plan.config.defaults = options.defaults;
  plan.config.audit = options.audit;
  auto supervisor = installed_program("executor-supervisor");
  if (!supervisor) return supervisor.error();
  auto zygote = installed_program("executor-zygote-python");
  if (!zygote) return zygote.error();
  plan.supervisor_path = std::move(*supervisor);
  plan.zygote_path = std::move(*zygote);
  plan.id_base = options.id_base;
  plan.id_count = options.id_count;
  const ServiceIds ids = service_ids();
  plan.service_uid = ids.uid;
  plan.service_gid = ids.gid;
  return supervisor::start_steward(std::move(plan));
}

}  // namespace executor
