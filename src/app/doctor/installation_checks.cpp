#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

Check rootfs_check(const HostFacts& facts) {
  constexpr const char* kName = "rootfs";
  const InstallationFacts& files = facts.installation;
  const std::string where = "\"" + files.rootfs + "\"";
  if (!files.rootfs_present) return missing(kName, where + " is not there", "executor rootfs build");
  if (!worked(files.manifest))
    return missing(kName, where + " has no readable manifest: " + reason(files.manifest),
                   "executor rootfs build --force");
  if (!files.differences.empty())
    return missing(kName,
                   where + " differs from its manifest in " + std::to_string(files.differences.size()) +
                       " paths, first " + files.differences.front(),
                   "executor rootfs check lists them, executor rootfs build makes it again");
  if (facts.ids.can_map && !files.closed_directory.empty())
    return missing(kName, "the sandboxes' ids may not pass \"" + files.closed_directory + "\"",
                   "chmod o+x " + files.closed_directory + ", or EXECUTOR_ROOTFS_DIR elsewhere");
  return ok(kName, std::to_string(files.paths) + " paths as recorded in " + where +
                       (files.hashed ? ", contents too" : " (contents: executor rootfs check)"));
}

Check helper_check(const InstallationFacts& files) {
  constexpr const char* kName = "helper programs";
  std::string names;
  for (const InstallationFacts::Helper& helper : files.helpers) {
    if (!helper.found)
      return missing(kName, helper.name + " is not beside the executor program",
                     "install the package again, or build the target " + helper.name);
    names += (names.empty() ? "" : ", ") + helper.name;
  }
  return ok(kName, names);
}

/// A runtime beside Python: without it programs in its language are refused, and nothing else.
Check runtime_check(const InstallationFacts::Runtime& runtime) {
  const std::string name = "rootfs " + runtime.name;
  const std::string build = "executor rootfs build --runtime " + runtime.name;
  const std::string where = "\"" + runtime.rootfs + "\"";
  if (!runtime.built)
    return degraded(name, where + " is not there: programs in " + runtime.name + " are refused", build);
  if (!worked(runtime.manifest))
    return missing(name, where + " has no readable manifest: " + reason(runtime.manifest),
                   build + " --force");
  if (!runtime.differences.empty())
    return missing(name,
                   where + " differs from its manifest in " + std::to_string(runtime.differences.size()) +
                       " paths, first " + runtime.differences.front(),
                   build);
  return ok(name, "as recorded in " + where);
}

}  // namespace

Checks installation_checks(const HostFacts& facts) {
  const InstallationFacts& files = facts.installation;
  Checks checks{rootfs_check(facts), helper_check(files)};
  for (const InstallationFacts::Runtime& runtime : files.runtimes) checks.push_back(runtime_check(runtime));
  if (files.runtime_manifests && !worked(files.runtime_manifests))
    checks.push_back(missing("runtimes", reason(files.runtime_manifests),
                             "install the package again, or mend what rootfs/*/runtime.json says"));
  return checks;
}

}  // namespace executor::doctor
