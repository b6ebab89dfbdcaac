// Run a program in a sandbox from C++:
//
//   auto runner = executor::Runner::start();
//   if (!runner) return complain(runner.error().message());
//   executor::Program program;
//   program.source = "print(6 * 7)";
//   auto outcome = (*runner)->run(program);
//   if (outcome) std::cout << outcome->stdout_bytes;
//
// A Runner owns the processes behind it (supervisor, zygote, sandboxes); its destructor ends them and waits
// until they are gone. It starts processes, so it is made before the first thread; afterwards it may be used
// by one thread at a time. When the calling process is privileged (root), sandboxes get ids of their own; the
// caller keeps its privileges.
#pragma once

#include <cstdint>
#include <memory>

#include "executor/error.hpp"
#include "executor/limits.hpp"
#include "executor/outcome.hpp"
#include "executor/program.hpp"

namespace executor {

struct RunnerOptions {
  std::uint32_t warm_pool = 1;  ///< sandboxes kept ready; 0 builds one for each run
  Limits defaults{};            ///< limits that most programs will have; others cost a few system calls more
};

class Runner {
 public:
  /// An Error names the layer that this host does not offer, or the part of the installation that is missing.
  static Result<std::unique_ptr<Runner>> start(const RunnerOptions& options = {});
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Runs to the end. An Error is the infrastructure's, never the program's.
  Result<Outcome> run(const Program& program);

 private:
  struct State;
  explicit Runner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace executor
