// The promises of docs/security.md as claims that can be tried on any host: programs that a runner runs, and
// what must come of them.
//
// No I/O of its own: the runner does that, so the claims can be tried against one that lies. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "executor/outcome.hpp"
#include "executor/program.hpp"

namespace executor::selftest {

class Runner {
 public:
  virtual ~Runner() = default;
  /// Runs these programs at the same time, each in a sandbox of its own; the outcomes in the same order.
  virtual std::vector<Result<Outcome>> run(std::vector<Program> programs) = 0;
};

enum class State { held, broken, not_applicable };
const char* to_string(State state);

struct Finding {
  std::string promise;  ///< "P1" to "P8"
  std::string claim;
  State state = State::held;
  std::string detail;  ///< what was seen where it is broken; why where it does not apply
};

/// What the service was started with, and its sandboxes therefore have around them.
struct Surroundings {
  bool filtered = false;        ///< a seccomp filter, of a container's engine for example
  bool further_groups = false;  ///< supplementary groups other than the user's own
};

/// Tries every claim. `secret` is a text that this process holds and no sandbox may.
std::vector<Finding> try_claims(Runner& runner, const std::string& secret, const Surroundings& surroundings);

/// What a promise says, in a few words.
const char* promise_title(const std::string& promise);

/// True when no claim is broken.
bool all_held(const std::vector<Finding>& findings);
std::string to_table(const std::vector<Finding>& findings);
std::string to_json(const std::vector<Finding>& findings, double seconds);

}  // namespace executor::selftest
