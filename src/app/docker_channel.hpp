// The validator's channel to a container of its own, in which policy_script() runs. All on one io_context
// thread.
#pragma once

#include <memory>

#include "backend/docker_host.hpp"
#include "validation/channel.hpp"

namespace executor {

/// The host is not started yet; the channels own it.
OpenChannel docker_channels(std::shared_ptr<docker::Host> host);

}  // namespace executor
