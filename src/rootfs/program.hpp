// Runs a program of the host to its end, by argument vector: no shell is ever between.
//
// Blocks the caller. Standard input is empty; what the program writes is kept in memory. Not
// async-signal-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "executor/error.hpp"

namespace executor::rootfs {

struct HostProgram {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH unless it holds a slash
  std::filesystem::path working_directory = "/";
  /// "NAME=value"; the caller's own with LC_ALL=C in front when absent
  std::optional<std::vector<std::string>> environment{};
};

/// What the program wrote to standard output. An exit status but 0 is an error that ends with what it wrote
/// to standard error.
[[nodiscard]] Result<std::string> run_host_program(const HostProgram& program);

}  // namespace executor::rootfs
