// From settings to a Docker backend: the installed profiles and the manifest go into its options.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>

#include "backend/docker_host.hpp"
#include "executor/error.hpp"

namespace executor {

/// `images`: the name of the image for each runtime; one that has none is left out. Python needs one.
Result<docker::Options> docker_options(const std::string& socket_path,
                                       const std::map<std::string, std::string>& images);

/// Runs a small program in a container and looks at its outcome; blocks, at most `patience` (an image that
/// has to be pulled takes what it takes). For each runtime what it lacks, nothing where it works; an Error
/// where Python does not.
using DockerTrial = std::map<std::string, std::string>;
Result<DockerTrial> try_docker(const docker::Options& options, std::chrono::milliseconds patience);

/// The group that may use the engine's socket: the socket's own where that may write, else `otherwise`.
gid_t docker_group(const std::string& socket_path, gid_t otherwise);

}  // namespace executor
