#include "backend/native_start.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "backend/installed.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"

namespace executor {

namespace {

constexpr const char* kEmbedded = "python";

supervisor::Start start_of(rootfs::WarmMode warm) {
  switch (warm) {
    case rootfs::WarmMode::zygote:
      return supervisor::Start::zygote;
    case rootfs::WarmMode::prestart:
      return supervisor::Start::prestart;
    case rootfs::WarmMode::none:
      break;
  }
  return supervisor::Start::on_demand;
}

Result<supervisor::RuntimeConfig> runtime_config(const rootfs::RuntimeManifest& manifest) {
  supervisor::RuntimeConfig runtime;
  runtime.name = manifest.name;
  runtime.rootfs = rootfs::rootfs_directory(manifest.name).string();
  if (!rootfs::is_built(manifest))
    return errno_error("find the root file system of \"" + manifest.name + "\" in \"" + runtime.rootfs +
                           "\" (executor rootfs build makes it)",
                       ENOENT);
  if ((manifest.warm == rootfs::WarmMode::zygote) != (manifest.name == kEmbedded))
    return errno_error(
        "start \"" + manifest.name + "\": the zygote embeds " + kEmbedded + " and nothing else", EINVAL);
  runtime.start = start_of(manifest.warm);
  runtime.command = manifest.warm == rootfs::WarmMode::prestart ? manifest.prestart_argv : manifest.argv;
  runtime.source = "main." + manifest.extension;
  auto strict = installed_profile(manifest.seccomp_profile);
  if (!strict) return strict.error();
  auto processes = installed_profile(manifest.processes_profile);
  if (!processes) return processes.error();
  runtime.strict_profile = std::move(*strict);
  runtime.processes_profile = std::move(*processes);
  for (const auto& [variable, value] : manifest.environment)
    runtime.environment.push_back(std::string(variable).append("=").append(value));
  return runtime;
}

}  // namespace

ServiceIds service_ids() {
  if (::geteuid() != 0) return {::geteuid(), ::getegid()};
  if (const passwd* user = ::getpwnam("executor")) return {user->pw_uid, user->pw_gid};
  return {};
}

Result<std::vector<rootfs::RuntimeManifest>> native_runtimes() {
  auto manifests = rootfs::load_runtime_manifests();
  if (!manifests) return manifests;
  if (manifests->empty() || manifests->front().name != kEmbedded)
    return rootfs::load_runtime_manifest(kEmbedded).error();
  std::erase_if(*manifests, [](const rootfs::RuntimeManifest& manifest) {
    return manifest.name != kEmbedded && !rootfs::is_built(manifest);
  });
  return manifests;
}

Result<supervisor::StewardHandle> start_native(const NativeOptions& options) {
  supervisor::StewardPlan plan;
  const auto manifests = native_runtimes();
  if (!manifests) return manifests.error();
  for (const rootfs::RuntimeManifest& manifest : *manifests) {
    auto runtime = runtime_config(manifest);
    if (!runtime) return runtime.error();
    plan.config.runtimes.push_back(std::move(*runtime));
  }
  auto init = installed_profile("init.json");
  if (!init) return init.error();
  plan.config.init_profile = std::move(*init);
  auto own = installed_profile("supervisor.json");
  if (!own) return own.error();
  plan.config.supervisor_profile = std::move(*own);
  plan.config.warm_pool = options.warm_pool;
  plan.config.pool_idle = options.pool_idle;
  // besides those in use: as many on their way out, and the validator's
  const auto others = static_cast<std::uint32_t>(manifests->size() - 1);
  plan.config.max_live = 2 * (options.concurrency + options.warm_pool) + others * options.warm_pool + 16;
  plan.config.defaults = options.defaults;
  plan.config.audit = options.audit;
  auto supervisor = installed_program("executor-supervisor");
  if (!supervisor) return supervisor.error();
  auto zygote = installed_program("executor-zygote-python");
  if (!zygote) return zygote.error();
  plan.supervisor_path = std::move(*supervisor);
  plan.zygote_path = std::move(*zygote);
  auto exec_zygote = installed_program("executor-zygote-exec");
  if (!exec_zygote) return exec_zygote.error();
  plan.exec_zygote_path = std::move(*exec_zygote);
  plan.id_base = options.id_base;
  plan.id_count = options.id_count;
  const ServiceIds ids = service_ids();
  plan.service_uid = ids.uid;
  plan.service_gid = ids.gid;
  return supervisor::start_steward(std::move(plan));
}

}  // namespace executor
