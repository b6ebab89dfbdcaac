// The library in about ten lines: runs one program in a sandbox and prints what it printed.
#include <cstdio>

#include "executor/runner.hpp"

int main() {
  const auto runner = executor::Runner::start();
  if (!runner) {
    std::fprintf(stderr, "no sandbox: %s\n", runner.error().message().c_str());
    return 3;
  }
  executor::Program program;
  program.source = "n = int(input())\nprint(n * 2)\n";
  program.stdin_bytes = "21\n";
  const auto outcome = (*runner)->run(program);
  if (!outcome) {
    std::fprintf(stderr, "not run: %s\n", outcome.error().message().c_str());
    return 3;
  }
  std::printf("%s", outcome->stdout_bytes.c_str());
  return outcome->ending == executor::Ending::exited && outcome->exit_code == 0 ? 0 : 1;
}
