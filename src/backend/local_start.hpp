// Starts the local runner: a keeper process that starts the runner's process, and again when it dies.
//
//   front ──link──▶ keeper ──▶ executor-local ──▶ programs
//
// Called before the first thread exists. Nothing is used that a user without privileges does not have.
#pragma once

#include "executor/error.hpp"
#include "supervisor/steward.hpp"

namespace executor {

/// The runner for Python, with one program tried. Every process below runs as these ids where `drops`. Errors
/// name the layer that is not available.
Result<supervisor::StewardHandle> start_local(bool drops, uid_t uid, gid_t gid);

}  // namespace executor
