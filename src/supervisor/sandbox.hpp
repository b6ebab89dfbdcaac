// One sandbox as the supervisor holds it: its kernel objects, and the steps from clone to hand-over to the
// end.
//
//   building_init ──init_ready──▶ building_payload ──payload_ready──▶ armed ──hand_over──▶ running ──▶ ending
//
// Where the interpreter is started ahead, `starting` stands before armed: until its boot script says that it
// is ready. Where a program may have left processes behind, `draining` stands before its answer: until they,
// killed with its end, have closed the streams.
//
// Owned by the supervisor's event loop, single-threaded. The destructor kills what still lives; the loop
// gives it a proper end first (reap, then remove the leaf).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/sandbox_figures.hpp"
#include "base/sys.hpp"
#include "base/unique_fd.hpp"
#include "cgroup/hierarchy.hpp"
#include "executor/error.hpp"
#include "executor/outcome.hpp"
#include "executor/program.hpp"

namespace executor::supervisor {

enum class State { building_init, building_payload, starting, armed, running, draining, answered, ending };

/// One captured stream: what was written up to its cap.
struct Capture {
  UniqueFd pipe;
  std::string bytes{};
  std::uint64_t cap = 0;
  bool truncated = false;
  bool closed = false;  ///< every writer is gone

  /// Reads what is there, at most `rounds` chunks.
  void read_available(int rounds);
};

struct Sandbox {
  std::uint32_t number = 0;    ///< names it inside this process
  std::string id{};            ///< 12 hex digits, names it to everybody else
  std::uint32_t slot = 0;      ///< which of the mapped ids it uses
  std::size_t runtime = 0;     ///< its place in the configuration
  bool processes = false;      ///< built with the wider filter
  bool may_execute = false;    ///< the one exec of its interpreter is still to come
  bool payload_ready = false;  ///< its report has come; its pid may still be on the way
  State state = State::building_init;
  Limits limits{};  ///< what it was built with, then what the program got

  std::unique_ptr<cgroup::Leaf> leaf{};
  pid_t init_pid = -1;
  UniqueFd init{};  ///< pidfd
  bool init_reaped = false;
  pid_t payload_pid = -1;
  UniqueFd payload{};  ///< pidfd
  bool payload_reaped = false;
  UniqueFd listener{};     ///< seccomp notifications: a call that ends the program
  UniqueFd status_file{};  ///< the payload's /proc/<pid>/status
  int oom_event = -1;      ///< the leaf's: readable once the kernel has killed one of several processes
  UniqueFd report_read{}, report_write{};
  UniqueFd stdin_read{}, stdin_write{};
  UniqueFd stdout_write{}, stderr_write{};
  Capture out{}, err{};

  std::chrono::nanoseconds stage_began{};
  std::array<std::chrono::nanoseconds, kSetupStages.size()> setup{};
  /// The stage is over, and the next one begins.
  void stage_over(SetupStage stage);

  // -- while a program runs
  std::uint64_t run_id = 0;
  bool is_channel = false;
  std::string input{};  ///< hand-over and standard input, not yet written
  std::size_t written = 0;
  std::chrono::nanoseconds started{};
  std::chrono::nanoseconds wall_deadline{};
  std::chrono::nanoseconds next_cpu_check{};
  std::chrono::nanoseconds watch_output_at{};  ///< not watched before; 0: watched
  std::chrono::nanoseconds cpu_at_start{};
  std::optional<Ending> killed_for{};  ///< why the supervisor ended it
  std::string violation{};
  std::vector<std::string> audited{};  ///< with an audit
  sys::WaitStatus status{};
  std::chrono::nanoseconds ended{};  ///< when its payload did, while what that left behind is drained
  int removal_attempts = 0;

  /// The payload's /proc/<pid>/status; empty when it is gone.
  [[nodiscard]] std::string read_status() const;
  /// Kills every process inside; safe in every state.
  void kill();
  /// Whether nothing more is to be read: every writer is gone, or a cap was reached.
  [[nodiscard]] bool has_said_all() const;
  /// CPU time since hand-over; zero when the kernel does not answer any more.
  [[nodiscard]] std::chrono::nanoseconds cpu_used() const;
  /// Writes as much of `input` as the pipe takes; closes the pipe when all is written or nobody reads.
  void write_input();
};

/// The text behind "\nKey:" in a /proc/<pid>/status.
std::string_view status_field(std::string_view status, std::string_view key);

/// The facts of a finished run. `end` is when its payload ended.
Outcome outcome_of(Sandbox& sandbox, std::chrono::nanoseconds end);

}  // namespace executor::supervisor
