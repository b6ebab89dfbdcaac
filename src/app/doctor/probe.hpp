// Observes this host. Everything is tried for real and taken back: when probe_host() returns, no process,
// mount, group or file of it is left.
//
// Blocks the caller, for a few seconds at most where servers do not answer. To be called before the first
// thread exists (it forks).
#pragma once

#include "app/doctor/facts.hpp"

namespace executor::doctor {

struct ProbeOptions {
  bool full = false;  ///< also hash the contents of the root
};

HostFacts probe_host(const Config& config, const ProbeOptions& options);

// -- its parts, one file each
KernelFacts probe_kernel();
NamespaceFacts probe_namespaces();
IdFacts probe_ids();
/// `ids` decides who the groups are given to, as at the start of the service.
CgroupFacts probe_cgroup(const IdFacts& ids);
SeccompFacts probe_seccomp();
InstallationFacts probe_installation(const ProbeOptions& options);
ServiceFacts probe_service(const Config& config);

/// A kernel file that holds one number; nothing where there is none.
std::optional<std::uint64_t> read_number(const std::string& path);

}  // namespace executor::doctor
