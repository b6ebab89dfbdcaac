// `executor doctor`: looks at this host layer by layer and says what is missing and what provides it.
#pragma once

#include <string>
#include <vector>

namespace executor {

/// `args` is what follows `doctor` on the command line. Returns the exit status: 0 nothing is missing that
/// the configured service needs (with EXECUTOR_BACKEND=auto: native sandboxes can run), 1 something is, 2 a
/// wrong command line or setting. The report goes to standard output, errors to standard error. To be called
/// before the first thread.
int doctor_command(const std::vector<std::string>& args);

}  // namespace executor
