#include "sandbox/payload.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/sys.hpp"
#include "sandbox/privileges.hpp"
#include "sandbox/stages.hpp"

namespace executor::sandbox {

namespace {

bool attach_to_leaf(std::span<const int> files) {
  for (const int file : files)
    if (!sys::raw::write_all(file, "0", 1)) return false;
  return true;
}

/// Sources may themselves stand at 0 to 3, so they are lifted above first.
bool place_descriptors(const PayloadPlan& plan) {
  constexpr int kAbove = 16;
  const int sources[] = {plan.stdin_read, plan.stdout_write, plan.stderr_write, plan.report};
  int lifted[4];
  for (int i = 0; i < 4; ++i)
    if ((lifted[i] = ::fcntl(sources[i], F_DUPFD, kAbove)) < 0) return false;
  for (int i = 0; i < 4; ++i)
    if (::dup2(lifted[i], i) != i) return false;
  return sys::raw::close_range(kPayloadReport + 1, ~0U, 0) == 0;
}

bool set_limits(const PayloadLimits& limits) {
  return forbid_core_dumps() && set_limit(RLIMIT_NOFILE, limits.open_files) &&
         set_limit(RLIMIT_FSIZE, limits.file_size) && set_limit(RLIMIT_STACK, limits.stack_size) &&
         set_limit(RLIMIT_MEMLOCK, 0) && set_limit(RLIMIT_MSGQUEUE, 0) && set_limit(RLIMIT_RTPRIO, 0) &&
         set_limit(RLIMIT_NICE, 0);
}

}  // namespace

void enter_sandbox(const PayloadPlan& plan) {
  int report = plan.report;
  const auto require = [&report](bool done, Stage stage) {
    if (!done) fail_stage(report, stage);
  };
  require(attach_to_leaf(plan.attach_files), Stage::payload_cgroup);
  // one call for all of them; the PID namespace was joined by the zygote before the fork
  require(::setns(plan.init, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                                 CLONE_NEWCGROUP) == 0,
          Stage::payload_join_namespaces);
  require(place_descriptors(plan), Stage::payload_descriptors);
  report = kPayloadReport;
  require(::setsid() > 0, Stage::payload_session);
  require(::chdir("/tmp") == 0, Stage::payload_working_directory);
  require(set_limits(plan.limits), Stage::payload_limits);
  require(!plan.drop_groups || ::setgroups(0, nullptr) == 0, Stage::payload_groups);
  require(::setresgid(kNobody, kNobody, kNobody) == 0, Stage::payload_group_id);
  require(::setresuid(kNobody, kNobody, kNobody) == 0, Stage::payload_user_id);
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, Stage::payload_parent_death);
  require(drop_bounding_set(), Stage::payload_bounding_set);
  require(drop_capabilities(plan.no_capabilities), Stage::payload_capabilities);
  require(become_undumpable(), Stage::payload_not_dumpable);
  require(set_no_new_privileges(), Stage::payload_no_new_privileges);
}

}  // namespace executor::sandbox
