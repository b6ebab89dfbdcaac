#include "app/doctor/probe.hpp"

namespace executor::doctor {

HostFacts probe_host(const Config& config, const ProbeOptions& options) {
  HostFacts facts;
  facts.config = config;
  // this version: every backend, ids by capabilities, embedded and Redis queues
  facts.abilities = {.docker_backend = true, .local_backend = true};
  facts.kernel = probe_kernel();
  facts.namespaces = probe_namespaces();
  facts.ids = probe_ids();
  facts.cgroup = probe_cgroup(facts.ids);
  facts.seccomp = probe_seccomp();
  facts.installation = probe_installation(options);
  facts.service = probe_service(config);  // last: resolvers start threads
  return facts;
}

}  // namespace executor::doctor
