#include "app/backend_choice.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>

#include "app/docker_channel.hpp"
#include "backend/docker.hpp"
#include "backend/docker_start.hpp"
#include "backend/local_start.hpp"
#include "backend/native.hpp"
#include "base/archive.hpp"
#include "base/sys.hpp"
#include "validation/sandbox_channel.hpp"
#include "validation/sandbox_validator.hpp"

namespace executor {

namespace {

namespace asio = boost::asio;
using std::chrono::minutes;

constexpr std::size_t kLargestCode = 512 * kKiB;  // a source of 64 KiB, the most that is compiled, has less

/// The rights that the service keeps: none, where it was started with those that it takes to change its ids.
void keep_rights(BackendChoice& choice, gid_t gid) {
  const ServiceIds ids = service_ids();
  choice.drops = supervisor::can_map_ids(ids.uid, 1);
  choice.uid = ids.uid;
  choice.gid = gid;
}

Result<void> try_native(const NativeOptions& options, BackendChoice& choice) {
  auto handle = start_native(options);
  if (!handle) return handle.error();
  const ServiceIds ids = service_ids();
  choice.drops = handle->privileged;
  choice.uid = ids.uid;
  choice.gid = ids.gid;
  choice.steward.emplace(std::move(*handle));
  const auto runtimes = native_runtimes();
  if (!runtimes) return runtimes.error();
  choice.languages.clear();
  for (const rootfs::RuntimeManifest& runtime : *runtimes) choice.languages.push_back(runtime.name);
  return {};
}

/// A child's whole course: the words of `attempt` go up the pipe, behind a byte that says whether it worked.
[[noreturn]] void tell(int pipe, const Result<std::string>& outcome) {
  const std::string text = outcome ? "+" + *outcome : "-" + outcome.error().message();
  const bool told = sys::raw::write_all(pipe, text.data(), text.size());
  ::_exit(told ? 0 : 1);
}

/// With the rights that the front will have, and in a process that leaves nothing in this one.
Result<DockerTrial> try_docker_apart(const BackendChoice& choice) {
  auto pipe = sys::make_pipe();
  if (!pipe) return pipe.error();
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork to try Docker", errno);
  if (pid == 0) {
    if (choice.drops)
      if (auto dropped = supervisor::drop_privileges(choice.uid, choice.gid); !dropped)
        tell(pipe->write.get(), dropped.error());
    const auto trial = try_docker(choice.docker, minutes(15));
    if (!trial) tell(pipe->write.get(), trial.error());
    ArchiveWriter words;
    for (const auto& [language, lacks] : *trial) words(language, lacks);
    tell(pipe->write.get(), words.take());
  }
  pipe->write.reset();
  std::string text;
  char byte = 0;
  while (sys::raw::read_all(pipe->read.get(), &byte, 1)) text += byte;
  ::waitpid(pid, nullptr, 0);
  if (text.empty()) return errno_error("try Docker", ECHILD);
  if (text.front() == '-') return Error(text.substr(1), {});
  DockerTrial trial;
  ArchiveReader words(std::string_view(text).substr(1));
  while (words.ok() && !words.finished()) {
    std::string language;
    std::string lacks;
    words(language, lacks);
    trial[language] = lacks;
  }
  return trial;
}

Result<void> try_docker_backend(const Config& config, BackendChoice& choice) {
  std::map<std::string, std::string> images{{"python", config.docker_image}};
  if (config.docker_image_javascript != "none") images["javascript"] = config.docker_image_javascript;
  auto options = docker_options(config.docker_socket, images);
  if (!options) return options.error();
  choice.docker = std::move(*options);
  keep_rights(choice, docker_group(config.docker_socket, service_ids().gid));
  const auto trial = try_docker_apart(choice);
  if (!trial) return trial.error();
  choice.languages.clear();
  for (const docker::RuntimeOptions& runtime : choice.docker.runtimes) {
    const auto lacks = trial->find(runtime.name);
    if (lacks != trial->end() && lacks->second.empty())
      choice.languages.push_back(runtime.name);
    else
      choice.refused_languages.push_back({runtime.name, lacks == trial->end() ? "not tried" : lacks->second});
  }
  return {};
}

Result<void> try_local(BackendChoice& choice) {
  keep_rights(choice, service_ids().gid);
  auto handle = start_local(choice.drops, choice.uid, choice.gid);
  if (!handle) return handle.error();
  choice.steward.emplace(std::move(*handle));
  return {};
}

Result<void> try_backend(BackendKind kind, const Config& config, const NativeOptions& native,
                         BackendChoice& choice) {
  switch (kind) {
    case BackendKind::automatic:
    case BackendKind::native:
      return try_native(native, choice);
    case BackendKind::docker:
      return try_docker_backend(config, choice);
    case BackendKind::local:
      break;
  }
  return try_local(choice);
}

std::vector<BackendKind> allowed(const Config& config) {
  if (config.backend != BackendKind::automatic) return {config.backend};
  std::vector<BackendKind> kinds{BackendKind::native, BackendKind::docker};
  if (config.local_fallback) kinds.push_back(BackendKind::local);
  return kinds;
}

std::string remedy(const Config& config, BackendKind kind) {
  switch (kind) {
    case BackendKind::docker:
      return "systemctl start docker, DOCKER_SOCKET_PATH (now " + config.docker_socket +
             "), usermod -aG docker USER, docker pull " + config.docker_image;
    case BackendKind::local:
      return "a kernel with Landlock (CONFIG_SECURITY_LANDLOCK=y, and landlock in lsm=)";
    case BackendKind::automatic:
    case BackendKind::native:
      break;
  }
  return "executor doctor says what this host lacks and what provides it";
}

Error nothing_works(const Config& config, const std::vector<BackendNote>& refused) {
  std::string text = refused.size() == 1 ? "" : "no backend can run programs on this host";
  for (const BackendNote& note : refused) {
    const BackendKind kind = note.name == "native"   ? BackendKind::native
                             : note.name == "docker" ? BackendKind::docker
                                                     : BackendKind::local;
    text += (text.empty() ? "" : "\n") + note.name + ": " + note.why + "\n  remedy: " + remedy(config, kind);
  }
  if (config.backend == BackendKind::automatic && !config.local_fallback)
    text += "\nlocal: not allowed by EXECUTOR_LOCAL_FALLBACK";
  return {text, {}};
}

/// `code_max` is for a backend whose programs are run by the interpreter that parses them.
std::unique_ptr<Validator> make_validator(asio::io_context& context, OpenChannel channels,
                                          const Config& config, std::size_t code_max) {
  SandboxValidatorOptions options;
  options.policy = {config.validation, config.allowed_modules, config.allowed_builtins};
  options.code_max = code_max;
  auto validator =
      std::make_unique<SandboxValidator>(context.get_executor(), std::move(channels), std::move(options));
  validator->start();
  return validator;
}

/// The supervisor's client, made once and shared by backend and validator.
class Clients {
 public:
  explicit Clients(supervisor::Connection connection) : connection_(std::move(connection)) {}
  std::shared_ptr<supervisor::Client> get(asio::io_context& context) {
    if (!client_) client_ = std::make_shared<supervisor::Client>(context, std::move(connection_));
    return client_;
  }

 private:
  supervisor::Connection connection_;
  std::shared_ptr<supervisor::Client> client_;
};

/// The parts alone own the client, so that it ends with the front and never after its io_context.
void use_supervisor(const Config& config, supervisor::Connection connection, FrontParts& parts) {
  const auto clients = std::make_shared<Clients>(std::move(connection));
  parts.watch = [clients](asio::io_context& context, std::function<void()> lost) {
    clients->get(context)->on_abandoned = std::move(lost);
  };
  parts.backend = [clients, name = parts.backend_name](asio::io_context& context) {
    return std::unique_ptr<Backend>(std::make_unique<NativeBackend>(clients->get(context), name));
  };
  parts.parser = [clients](asio::io_context& context) {
    return NativeBackend(clients->get(context)).status();
  };
  const std::size_t code_max = config.compile_once && parts.backend_name == "native" ? kLargestCode : 0;
  parts.validator = [clients, config, code_max](asio::io_context& context) {
    return make_validator(context, sandbox_channels(context, clients->get(context)), config, code_max);
  };
}

/// Backend and validator have an acquaintance with the engine each; containers are made ahead for programs
/// alone.
void use_docker(const Config& config, const docker::Options& options, FrontParts& parts) {
  const auto hosts = std::make_shared<std::vector<std::shared_ptr<docker::Host>>>();
  const auto make = [options, hosts](asio::io_context& context, std::size_t warm = 0,
                                     const Limits& limits = {}) {
    docker::Options own = options;
    own.warm = warm;
    own.warm_limits = limits;
    return hosts->emplace_back(docker::Host::make(context, std::move(own)).value());
  };
  parts.backend = [make, config](asio::io_context& context) -> std::unique_ptr<Backend> {
    return std::make_unique<DockerBackend>(make(context, config.docker_warm, spec_limits(config).defaults));
  };
  parts.validator = [make, config](asio::io_context& context) {
    return make_validator(context, docker_channels(make(context)), config, 0);
  };
  parts.give_back = [hosts] {
    for (const auto& host : *hosts) host->stop_warming();
  };
  parts.settled = [hosts] { return std::ranges::all_of(*hosts, &docker::Host::settled); };
}

}  // namespace

Result<BackendChoice> choose_backend(const Config& config, const NativeOptions& native) {
  BackendChoice choice;
  for (const BackendKind kind : allowed(config)) {
    choice.kind = kind;
    const auto works = try_backend(kind, config, native, choice);
    if (works) return choice;
    choice.refused.push_back({std::string(to_string(kind)), works.error().message()});
  }
  return nothing_works(config, choice.refused);
}

void set_languages(const BackendChoice& choice, Config& config) {
  config.languages.clear();
  config.source_files.clear();
  for (const std::string& language : choice.languages)
    if (const auto runtime = rootfs::load_runtime_manifest(language)) {
      config.languages.push_back(language);
      config.source_files.push_back("main." + runtime->extension);
    }
}

FrontParts front_parts(const Config& config, BackendChoice& choice) {
  FrontParts parts;
  parts.backend_name = to_string(choice.kind);
  parts.refused_backends = choice.refused;
  parts.refused_languages = choice.refused_languages;
  if (choice.steward)
    use_supervisor(config, std::move(choice.steward->connection), parts);
  else
    use_docker(config, choice.docker, parts);
  return parts;
}

std::string_view to_string(BackendKind kind) {
  switch (kind) {
    case BackendKind::automatic:
    case BackendKind::native:
      break;
    case BackendKind::docker:
      return "docker";
    case BackendKind::local:
      return "local";
  }
  return "native";
}

}  // namespace executor
