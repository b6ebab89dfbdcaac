// `executor submit`: a program and its tests to a running server, the verdicts in a table.
#pragma once

#include <string>
#include <vector>

namespace executor {

/// `args` without the program's and the subcommand's name. Returns the exit status: 0 every test passed, 1
/// not every one did, 2 bad request (arguments, unreadable files, refused source), 3 the server could not be
/// asked.
int submit_command(const std::vector<std::string>& args);

}  // namespace executor
