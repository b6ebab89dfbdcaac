#include "backend/docker_start.hpp"

#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "backend/docker.hpp"
#include "backend/installed.hpp"
#include "rootfs/runtime.hpp"

namespace executor {

namespace {

/// One look at the engine and one program, on an io_context of its own.
class Trial {
 public:
  explicit Trial(const docker::Options& options) : options_(options) {}

  Result<std::string> run(std::chrono::milliseconds patience) {
    auto host = docker::Host::make(context_, options_);
    if (!host) return host.error();
    DockerBackend backend(std::move(*host));
    backend.on_change = [this, &backend] { on_change(backend); };
    boost::asio::steady_timer deadline(context_);
    deadline.expires_after(patience);
    deadline.async_wait([this](const boost::system::error_code& code) {
      if (!code && !result_) end(errno_error("wait for the Docker engine", ETIMEDOUT));
    });
    context_.run();
    return result_ ? std::move(*result_) : Result<std::string>(errno_error("try Docker", ECANCELED));
  }

 private:
  void on_change(DockerBackend& backend) {
    const Backend::Status status = backend.status();
    if (!status.ready) return end(Error(status.detail, {}));
    if (started_) return;
    started_ = true;
    Program program;
    program.source = "print(6 * 7)";
    backend.start(std::move(program), [this, words = status.detail](const Result<Outcome>& outcome) {
      if (!outcome) return end(outcome.error());
      if (outcome->ending != Ending::exited || outcome->exit_code != 0 || outcome->stdout_bytes != "42\n")
        return end(Error(
            "run a program in a container: it said \"" + outcome->stderr_bytes.substr(0, 300) + "\"", {}));
      end(words);
    });
  }

  void end(Result<std::string> result) {
    if (!result_) result_.emplace(std::move(result));
    context_.stop();
  }

  boost::asio::io_context context_{1};
  docker::Options options_;
  std::optional<Result<std::string>> result_{};
  bool started_ = false;
};

}  // namespace

Result<docker::Options> docker_options(const std::string& socket_path, const std::string& image) {
  const auto manifest = rootfs::load_runtime_manifest("python");
  if (!manifest) return manifest.error();
  auto strict = installed_profile(manifest->seccomp_profile);
  if (!strict) return strict.error();
  auto processes = installed_profile(manifest->processes_profile);
  if (!processes) return processes.error();
  docker::Options options;
  options.socket_path = socket_path;
  options.image = image;
  options.strict_profile = std::move(*strict);
  options.processes_profile = std::move(*processes);
  options.environment = manifest->environment;
  return options;
}

Result<std::string> try_docker(const docker::Options& options, std::chrono::milliseconds patience) {
  return Trial(options).run(patience);
}

gid_t docker_group(const std::string& socket_path, gid_t otherwise) {
  struct stat info {};
  if (::stat(socket_path.c_str(), &info) != 0 || (info.st_mode & S_IWGRP) == 0) return otherwise;
  return info.st_gid;
}

}  // namespace executor
