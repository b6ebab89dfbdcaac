// What observed facts mean: each layer of the host judged, with the exact remedy. Pure functions over
// HostFacts, so that hosts which lack something are described, not built, in tests.
#pragma once

#include <string>
#include <vector>

#include "app/doctor/facts.hpp"

namespace executor::doctor {

enum class State { ok, degraded, missing };

/// What uses a layer; decides with the configuration whether it is needed.
enum class Part { native, local, docker, redis, rabbitmq, service };

struct Check {
  std::string name{};
  State state = State::ok;
  std::string meaning{};  ///< one line
  std::string remedy{};   ///< a command or setting; empty where all is well
  std::string cause{};    ///< the missing check that this one only follows from; empty: none
  Part part = Part::native;
  std::string layer{};  ///< filled in by diagnose()
  bool needed = true;   ///< by the configured service; filled in by diagnose()
};

using Checks = std::vector<Check>;

Checks kernel_checks(const HostFacts& facts);
Checks namespace_checks(const HostFacts& facts);
Checks cgroup_checks(const HostFacts& facts);
Checks seccomp_checks(const HostFacts& facts);
Checks host_checks(const HostFacts& facts);
Checks installation_checks(const HostFacts& facts);
Checks service_checks(const HostFacts& facts);

// -- small words for all of them
Check ok(std::string name, std::string meaning);
Check degraded(std::string name, std::string meaning, std::string remedy);
Check missing(std::string name, std::string meaning, std::string remedy);
/// Not tried because `cause`, another check, is missing.
Check follows(std::string name, const std::string& cause);
Check of_part(Part part, Check check);
/// "Operation not permitted"; "not tried" where it was not.
std::string reason(const Trial& trial);
bool worked(const Told& told);
/// The failure in words; "not tried" where it was not.
std::string reason(const Told& told);
/// What lets a filter of a container or unit pass what is needed.
std::string filter_remedy();

}  // namespace executor::doctor
