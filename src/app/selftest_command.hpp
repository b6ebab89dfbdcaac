// `executor selftest`: the promises of docs/security.md tried on this very host, through the native backend.
#pragma once

#include <string>
#include <vector>

namespace executor {

/// `args` is what follows `selftest` on the command line. Returns the exit status: 0 every claim held or does
/// not apply, 1 one is broken, 2 a wrong command line or setting, 3 no sandbox can be built here. The table
/// goes to standard output. To be called before the first thread.
int selftest_command(const std::vector<std::string>& args);

}  // namespace executor
