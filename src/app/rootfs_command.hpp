// `executor rootfs build|check`: makes or verifies the root file systems of the runtimes.
#pragma once

#include <string>
#include <vector>

namespace executor {

/// `args` is what follows `rootfs` on the command line. Returns the exit status: 0 for done or whole, 1 for a
/// failure or a tree that differs from its manifest, 2 for a wrong command line. Results go to standard
/// output, the rest to standard error.
int rootfs_command(const std::vector<std::string>& args);

}  // namespace executor
