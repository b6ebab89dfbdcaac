#include "app/doctor/diagnosis.hpp"

#include <algorithm>
#include <utility>

namespace executor::doctor {

namespace {

bool is_needed(Part part, const Config& config) {
  switch (part) {
    case Part::native:
      return config.backend == BackendKind::automatic || config.backend == BackendKind::native;
    case Part::local:
      return config.backend == BackendKind::local;
    case Part::docker:
      return config.backend == BackendKind::docker;
    case Part::redis:
      return config.queue == QueueKind::redis;
    case Part::rabbitmq:
      return config.queue == QueueKind::rabbitmq;
    case Part::service:
      break;
  }
  return true;
}

bool usable(const Checks& checks, Part part) {
  return std::ranges::none_of(
      checks, [part](const Check& check) { return check.part == part && check.state == State::missing; });
}

/// The local runner shares the filters and the rootfs with the native backend.
bool local_usable(const Checks& checks) {
  return usable(checks, Part::local) && std::ranges::none_of(checks, [](const Check& check) {
           return check.state == State::missing &&
                  (check.layer == "seccomp" || check.layer == "installation");
         });
}

std::string choose_backend(const Checks& checks, const HostFacts& facts) {
  const BackendKind wanted = facts.config.backend;
  const auto may = [wanted](BackendKind kind) { return wanted == kind || wanted == BackendKind::automatic; };
  if (may(BackendKind::native) && usable(checks, Part::native)) return "native";
  if (may(BackendKind::docker) && facts.abilities.docker_backend && usable(checks, Part::docker))
    return "docker";
  const bool local_allowed = wanted == BackendKind::local || facts.config.local_fallback;
  if (may(BackendKind::local) && local_allowed && facts.abilities.local_backend && local_usable(checks))
    return "local";
  return "none";
}

/// A cause that is not missing explains nothing: then the check stands for itself.
void drop_false_causes(Checks& checks) {
  const auto is_missing = [&checks](const std::string& name) {
    return std::ranges::any_of(
        checks, [&name](const Check& check) { return check.name == name && check.state == State::missing; });
  };
  for (Check& check : checks)
    if (check.cause == check.name || !is_missing(check.cause)) check.cause.clear();
}

}  // namespace

bool Diagnosis::whole() const {
  return std::ranges::none_of(
      checks, [](const Check& check) { return check.needed && check.state == State::missing; });
}

Diagnosis diagnose(const HostFacts& facts) {
  Diagnosis diagnosis;
  const auto add = [&](const char* layer, Checks checks) {
    for (Check& check : checks) {
      check.layer = layer;
      check.needed = is_needed(check.part, facts.config);
      diagnosis.checks.push_back(std::move(check));
    }
  };
  add("kernel", kernel_checks(facts));
  add("namespaces", namespace_checks(facts));
  add("cgroup", cgroup_checks(facts));
  add("seccomp", seccomp_checks(facts));
  add("host", host_checks(facts));
  add("installation", installation_checks(facts));
  add("service", service_checks(facts));
  drop_false_causes(diagnosis.checks);
  diagnosis.backend = choose_backend(diagnosis.checks, facts);
  diagnosis.id_mode = facts.ids.can_map && facts.ids.range_map.works() ? "range" : "single";
  diagnosis.cgroup_version = worked(facts.cgroup.limits) ? facts.cgroup.version : 0;
  return diagnosis;
}

std::string_view to_string(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::degraded:
      return "degraded";
    case State::missing:
      break;
  }
  return "missing";
}

// -- what checks are made of

Check ok(std::string name, std::string meaning) {
  return {.name = std::move(name), .state = State::ok, .meaning = std::move(meaning)};
}

Check degraded(std::string name, std::string meaning, std::string remedy) {
  return {.name = std::move(name),
          .state = State::degraded,
          .meaning = std::move(meaning),
          .remedy = std::move(remedy)};
}

Check missing(std::string name, std::string meaning, std::string remedy) {
  return {.name = std::move(name),
          .state = State::missing,
          .meaning = std::move(meaning),
          .remedy = std::move(remedy)};
}

Check follows(std::string name, const std::string& cause) {
  Check check = missing(std::move(name), "not tried: needs " + cause, "see " + cause);
  check.cause = cause;
  return check;
}

Check of_part(Part part, Check check) {
  check.part = part;
  return check;
}

std::string reason(const Trial& trial) {
  if (!trial.tried()) return "not tried";
  return std::error_code(trial.error, std::generic_category()).message();
}

bool worked(const Told& told) { return told && told->empty(); }

std::string reason(const Told& told) { return told.value_or("not tried"); }

std::string filter_remedy() {
  return "container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined; unit: "
         "no "
         "RestrictNamespaces= and no SystemCallFilter= that lacks @mount, clone3, unshare, setns and seccomp";
}

}  // namespace executor::doctor
