// One interface for everything that can run a program in isolation: native, docker, local.
//
// Thread safety: all calls and all callbacks happen on the thread of the io_context that the backend was made
// with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/sandbox_figures.hpp"
#include "executor/error.hpp"
#include "executor/outcome.hpp"
#include "executor/program.hpp"

namespace executor {

class Backend {
 public:
  using RunId = std::uint64_t;
  /// Receives the facts of the run, or an Error when the infrastructure failed (never the program).
  using Done = std::function<void(Result<Outcome>)>;

  virtual ~Backend() = default;

  /// Runs `program` in a fresh sandbox. `done` is called exactly once, never from inside start().
  /// Callers keep at most the configured concurrency in flight; more are queued inside.
  virtual RunId start(Program program, Done done) = 0;

  /// Ends a run early; its `done` still comes, with Ending::cancelled. Unknown ids are ignored.
  virtual void cancel(RunId id) = 0;

  /// "native", "docker" or "local".
  [[nodiscard]] virtual std::string name() const = 0;

  /// Whether a run could start now; `detail` says why not, for /health.
  struct Status {
    bool ready = false;
    std::string detail;
    std::size_t warm = 0;             ///< sandboxes built and waiting
    std::size_t warm_wanted = 0;      ///< as many are to be
    std::size_t live = 0;             ///< sandboxes running a program
    std::uint64_t warm_hits = 0;      ///< runs that found a warm sandbox
    std::uint64_t warm_misses = 0;    ///< runs that waited for a cold one
    SandboxFigures figures{};         ///< zero where the backend does not make sandboxes of its own
    std::uint64_t leaks_removed = 0;  ///< left-over cgroups and processes found and removed
  };
  [[nodiscard]] virtual Status status() const = 0;
};

}  // namespace executor
