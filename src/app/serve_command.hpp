// `executor serve`: the service.
#pragma once

#include <string>
#include <vector>

namespace executor {

/// `args` is what follows `serve` on the command line. Returns the exit status: 0 after an orderly stop, 1
/// when the start failed or a second signal came, 2 for a wrong command line or setting, 3 when no sandbox
/// can be built here.
int serve_command(const std::vector<std::string>& args);

}  // namespace executor
