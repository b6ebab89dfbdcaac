// `executor run FILE`: one program in one sandbox, no server, no queue.
#pragma once

#include <string>
#include <vector>

namespace executor {

/// `args` is what follows `run` on the command line. Returns the exit status: 0 accepted (or ran clean), 1
/// not accepted, 2 a bad request (arguments, limits, a source that the policy refuses), 3 the sandbox could
/// not be built.
int run_command(const std::vector<std::string>& args);

}  // namespace executor
