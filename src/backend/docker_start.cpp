#include "backend/docker_start.hpp"

#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "backend/docker.hpp"
#include "backend/installed.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"

namespace executor {

namespace {

namespace fs = std::filesystem;

/// One look at the engine and one program, on an io_context of its own.
class Trial {
 public:
  explicit Trial(const docker::Options& options) : options_(options) {}

  Result<DockerTrial> run(std::chrono::milliseconds patience) {
    auto host = docker::Host::make(context_, options_);
    if (!host) return host.error();
    host_ = *host;
    DockerBackend backend(std::move(*host));
    backend.on_change = [this, &backend] { on_change(backend); };
    boost::asio::steady_timer deadline(context_);
    deadline.expires_after(patience);
    deadline.async_wait([this](const boost::system::error_code& code) {
      if (!code && !result_) end(errno_error("wait for the Docker engine", ETIMEDOUT));
    });
    context_.run();
    return result_ ? std::move(*result_) : Result<DockerTrial>(errno_error("try Docker", ECANCELED));
  }

 private:
  void on_change(DockerBackend& backend) {
    const Backend::Status status = backend.status();
    if (!status.ready) return end(Error(status.detail, {}));
    if (started_) return;
    started_ = true;
    Program program;
    program.source = "print(6 * 7)";
    backend.start(std::move(program), [this](const Result<Outcome>& outcome) {
      if (!outcome) return end(outcome.error());
      if (outcome->ending != Ending::exited || outcome->exit_code != 0 || outcome->stdout_bytes != "42\n")
        return end(Error(
            "run a program in a container: it said \"" + outcome->stderr_bytes.substr(0, 300) + "\"", {}));
      DockerTrial trial;
      for (const auto& runtime : host_->runtimes()) trial[runtime.options.name] = runtime.problem;
      end(std::move(trial));
    });
  }

  void end(Result<DockerTrial> result) {
    if (!result_) result_.emplace(std::move(result));
    context_.stop();
  }

  boost::asio::io_context context_{1};
  docker::Options options_;
  std::shared_ptr<docker::Host> host_{};
  std::optional<Result<DockerTrial>> result_{};
  bool started_ = false;
};

}  // namespace

Result<docker::Options> docker_options(const std::string& socket_path,
                                       const std::map<std::string, std::string>& images) {
  docker::Options options;
  options.socket_path = socket_path;
  auto bootstrap = installed_program("executor-bootstrap");
  if (!bootstrap) return bootstrap.error();
  options.bootstrap = fs::canonical(*bootstrap);
  const auto manifests = rootfs::load_runtime_manifests();
  if (!manifests) return manifests.error();
  for (const rootfs::RuntimeManifest& manifest : *manifests) {
    const auto image = images.find(manifest.name);
    if (image == images.end() || image->second.empty()) continue;
    auto strict = installed_profile(manifest.seccomp_profile);
    if (!strict) return strict.error();
    auto processes = installed_profile(manifest.processes_profile);
    if (!processes) return processes.error();
    std::error_code none;
    const fs::path files =
        rootfs::data_directory() / "rootfs" / manifest.name / "skeleton" / docker::kFilesPlace.substr(1);
    options.runtimes.push_back(
        {.name = manifest.name,
         .image = image->second,
         .command = {manifest.argv, "main." + manifest.extension, manifest.environment},
         .files = fs::exists(files, none) ? fs::canonical(files, none).string() : std::string(),
         .strict_profile = std::move(*strict),
         .processes_profile = std::move(*processes)});
  }
  if (options.runtimes.empty() || options.runtimes.front().name != "python")
    return errno_error("find the manifest and an image of python", ENOENT);
  return options;
}

Result<DockerTrial> try_docker(const docker::Options& options, std::chrono::milliseconds patience) {
  return Trial(options).run(patience);
}

gid_t docker_group(const std::string& socket_path, gid_t otherwise) {
  struct stat info {};
  if (::stat(socket_path.c_str(), &info) != 0 || (info.st_mode & S_IWGRP) == 0) return otherwise;
  return info.st_gid;
}

}  // namespace executor
