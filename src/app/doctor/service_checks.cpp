#include <cerrno>

#include "app/doctor/checks.hpp"

namespace executor::doctor {

namespace {

Check port_check(const HostFacts& facts) {
  constexpr const char* kName = "port";
  const Config& config = facts.config;
  const std::string port = std::to_string(config.port);
  const std::string address = config.host + ":" + port;
  const Trial& trial = facts.service.port;
  if (trial.works()) return ok(kName, address + " is free");
  if (facts.service.port_is_ours) return ok(kName, address + " is served by an executor already");
  const std::string meaning = address + ": " + reason(trial);
  if (trial.error == EADDRINUSE)
    return missing(kName, meaning,
                   "another EXECUTOR_PORT, or end what has it: ss -ltnp \"sport = :" + port + "\"");
  if (trial.error == EACCES || trial.error == EPERM)
    return missing(kName, meaning,
                   "EXECUTOR_PORT=4060 (below 1024: AmbientCapabilities=CAP_NET_BIND_SERVICE)");
  return missing(kName, meaning, "EXECUTOR_HOST=127.0.0.1, or another address that \"ip address\" lists");
}

Check log_check(const HostFacts& facts) {
  constexpr const char* kName = "log file";
  const Config& config = facts.config;
  if (!config.log_to_file) return ok(kName, "standard output alone");
  if (facts.service.log.works() && !facts.service.log_rotates)
    return degraded(kName,
                    config.log_file +
                        " can be written, but its directory does not belong to the service's user: it is "
                        "never rotated",
                    "LOG_FILE=/var/log/executor/executor.log, after: install -d -o executor -g executor "
                    "/var/log/executor");
  if (facts.service.log.works()) return ok(kName, config.log_file + " can be written");
  return missing(
      kName,
      config.log_file + " cannot be written in \"" + facts.service.log_directory +
          "\": " + reason(facts.service.log),
      "LOG_FILE=/var/log/executor/executor.log (a directory of the service's user), or LOG_TO_FILE=false");
}

/// The server's words when it wants other credentials.
bool is_about_credentials(const std::string& text) {
  return text.find("NOAUTH") != std::string::npos || text.find("WRONGPASS") != std::string::npos ||
         text.find("invalid password") != std::string::npos;
}

Check redis_check(const ServiceFacts& service) {
  if (worked(service.redis)) return ok("Redis", "answers PING");
  const std::string meaning = reason(service.redis);
  if (is_about_credentials(meaning))
    return missing("Redis", meaning, "EXECUTOR_REDIS_URL=redis://USER:PASSWORD@HOST:6379");
  return missing(
      "Redis", meaning,
      "systemctl start redis-server, or EXECUTOR_REDIS_URL=redis://HOST:PORT, or EXECUTOR_QUEUE=embedded");
}

Check rabbitmq_check(const HostFacts& facts) {
  if (facts.config.queue == QueueKind::rabbitmq && !facts.abilities.rabbitmq_queue)
    return missing("RabbitMQ", "this version has no such queue", "EXECUTOR_QUEUE=redis");
  if (worked(facts.service.rabbitmq)) return ok("RabbitMQ", "takes connections");
  return missing("RabbitMQ", reason(facts.service.rabbitmq),
                 "systemctl start rabbitmq-server, or EXECUTOR_RABBITMQ_URL=amqp://HOST:PORT");
}

Check docker_check(const HostFacts& facts) {
  const std::string socket = facts.config.docker_socket;
  if (facts.config.backend == BackendKind::docker && !facts.abilities.docker_backend)
    return missing("Docker", "this version has no such backend", "EXECUTOR_BACKEND=auto");
  if (worked(facts.service.docker))
    return ok("Docker", facts.abilities.docker_backend ? "answers, for when namespaces are not to be had"
                                                       : "answers; this version does not use it");
  return missing("Docker", reason(facts.service.docker),
                 "systemctl start docker, or DOCKER_SOCKET_PATH; permission: usermod -aG docker USER");
}

}  // namespace

Checks service_checks(const HostFacts& facts) {
  return {of_part(Part::service, port_check(facts)), of_part(Part::service, log_check(facts)),
          of_part(Part::redis, redis_check(facts.service)), of_part(Part::rabbitmq, rabbitmq_check(facts)),
          of_part(Part::docker, docker_check(facts))};
}

}  // namespace executor::doctor
