// Which ending a run gets when several facts hold at once.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <memory>

#include "supervisor/sandbox.hpp"

using namespace executor;
using namespace executor::supervisor;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

class FakeLeaf final : public cgroup::Leaf {
 public:
  nanoseconds cpu{0};
  cgroup::LeafUsage facts{};

  Result<void> set_limits(const cgroup::LeafLimits&) override { return {}; }
  [[nodiscard]] Result<nanoseconds> cpu_time() const override { return cpu; }
  [[nodiscard]] Result<cgroup::LeafUsage> usage() const override { return facts; }
  Result<int> watch_oom() override { return -1; }
  [[nodiscard]] int clone_into() const override { return -1; }
  [[nodiscard]] std::vector<int> attach_files() const override { return {}; }
  bool renew(const cgroup::LeafLimits&) override { return false; }
  void kill() override {}
  Result<void> remove() override { return {}; }
};

/// A program that ran from 1 s on and exited with 0 within all limits.
struct Run {
  Sandbox sandbox{};
  FakeLeaf* leaf = nullptr;
  nanoseconds end = milliseconds(1010);

  Run() {
    auto made = std::make_unique<FakeLeaf>();
    leaf = made.get();
    sandbox.leaf = std::move(made);
    sandbox.limits.wall_time = milliseconds(500);
    sandbox.limits.cpu_time = milliseconds(300);
    sandbox.started = milliseconds(1000);
    sandbox.status = {CLD_EXITED, 0, 8 * kMiB};
    leaf->cpu = milliseconds(7);
    leaf->facts.memory_peak = 4 * kMiB;
  }
  void killed(Ending why) {
    sandbox.status = {CLD_KILLED, SIGKILL, 8 * kMiB};
    sandbox.killed_for = why;
  }
  Outcome outcome() { return outcome_of(sandbox, end); }
};

}  // namespace

TEST_CASE("outcome: a plain exit, with what it used") {
  Run run;
  run.sandbox.status.status = 3;
  const Outcome outcome = run.outcome();
  CHECK(outcome.ending == Ending::exited);
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.signal == 0);
  CHECK(outcome.wall_time == milliseconds(10));
  CHECK(outcome.cpu_time == milliseconds(7));
  CHECK(outcome.memory_bytes == 8 * kMiB);  // the larger of the process's and the group's
  run.leaf->facts.memory_peak = 9 * kMiB;
  CHECK(run.outcome().memory_bytes == 9 * kMiB);
}

TEST_CASE("outcome: a signal of its own") {
  Run run;
  run.sandbox.status = {CLD_DUMPED, SIGSEGV, 0};
  CHECK(run.outcome().ending == Ending::signalled);
  CHECK(run.outcome().signal == SIGSEGV);
}

TEST_CASE("outcome: limits it passed unseen count all the same") {
  Run run;
  SUBCASE("CPU time") {
    run.leaf->cpu = milliseconds(301);
    CHECK(run.outcome().ending == Ending::cpu_time_limit);
  }
  SUBCASE("exactly at the CPU limit is within it") {
    run.leaf->cpu = milliseconds(300);
    CHECK(run.outcome().ending == Ending::exited);
  }
  SUBCASE("wall time") {
    run.end = milliseconds(1501);
    CHECK(run.outcome().ending == Ending::wall_time_limit);
  }
  SUBCASE("both: the CPU is the cause") {
    run.leaf->cpu = milliseconds(301);
    run.end = milliseconds(1501);
    CHECK(run.outcome().ending == Ending::cpu_time_limit);
  }
}

TEST_CASE("outcome: killed for a limit, unless it had already ended by itself") {
  Run run;
  run.sandbox.killed_for = Ending::wall_time_limit;
  CHECK(run.outcome().ending == Ending::exited);
  for (const Ending why :
       {Ending::wall_time_limit, Ending::cpu_time_limit, Ending::cancelled, Ending::memory_limit}) {
    run.killed(why);
    CHECK(run.outcome().ending == why);
    CHECK(run.outcome().signal == SIGKILL);
  }
}

TEST_CASE("outcome: the first of violation, memory, output, clock is told") {
  Run run;
  run.killed(Ending::wall_time_limit);
  run.sandbox.err.truncated = true;
  CHECK(run.outcome().ending == Ending::output_limit);
  CHECK(run.outcome().stderr_truncated);
  run.leaf->facts.oom_kills = 1;
  CHECK(run.outcome().ending == Ending::memory_limit);
  run.sandbox.violation = "ptrace";
  const Outcome outcome = run.outcome();
  CHECK(outcome.ending == Ending::security_violation);
  CHECK(outcome.violation == "ptrace");
  CHECK(outcome.signal == SIGSYS);
}
