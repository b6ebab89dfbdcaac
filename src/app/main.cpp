// The program `executor`: finds the subcommand and hands over.
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "app/doctor_command.hpp"
#include "app/rootfs_command.hpp"
#include "app/run_command.hpp"
#include "app/selftest_command.hpp"
#include "app/serve_command.hpp"
#include "app/submit_command.hpp"

namespace {

struct Command {
  const char* name;
  const char* meaning;
  int (*run)(const std::vector<std::string>&);
};

constexpr std::array kCommands = {
    Command{"serve", "the service: HTTP, queue, sandboxes", executor::serve_command},
    Command{"run", "one program in one sandbox", executor::run_command},
    Command{"submit", "a program and its tests to a running server", executor::submit_command},
    Command{"doctor", "what this host offers, lacks, and what provides it", executor::doctor_command},
    Command{"selftest", "the isolation claims tried on this host: held or broken",
            executor::selftest_command},
    Command{"rootfs", "make or verify the runtimes' root file systems", executor::rootfs_command},
};

void print_help(std::FILE* to) {
  std::fprintf(
      to,
      "usage: executor COMMAND [ARGUMENTS]\n\nRuns strangers' programs, each in a fresh Linux sandbox.\n\n");
  for (const Command& command : kCommands) std::fprintf(to, "  %-8s %s\n", command.name, command.meaning);
  std::fprintf(to, "\nexecutor COMMAND --help says more. executor --version prints the version.\n");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const std::string_view name = args.empty() ? std::string_view() : args.front();
  if (name == "--help" || name == "-h" || name == "help") {
    print_help(stdout);
    return 0;
  }
  if (name == "--version") {
    std::printf("executor %s\n", EXECUTOR_VERSION);
    return 0;
  }
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    try {
      return command.run({args.begin() + 1, args.end()});
    } catch (const std::exception& error) {
      std::fprintf(stderr, "executor %s: %s\n", command.name, error.what());
      return 1;
    }
  }
  if (!args.empty()) std::fprintf(stderr, "executor: unknown command \"%s\"\n", args.front().c_str());
  print_help(stderr);
  return 2;
}
