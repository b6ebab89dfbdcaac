// What the backends need of an installation: programs beside our own, seccomp profiles.
#pragma once

#include <string>

#include "executor/error.hpp"

namespace executor {

/// A program that the service starts: beside our own in the build tree, or where a package puts it.
Result<std::string> installed_program(const std::string& name);
/// The text of a file in seccomp-profiles/.
Result<std::string> installed_profile(const std::string& name);

}  // namespace executor
