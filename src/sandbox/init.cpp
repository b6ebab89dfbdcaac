#include "sandbox/init.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sys.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/privileges.hpp"
#include "sandbox/stages.hpp"

namespace executor::sandbox {

namespace {

constexpr int kGo = 0;  // where the two descriptors stand inside init
constexpr int kReport = 1;

void require(bool done, Stage stage) {
  if (!done) fail_stage(kReport, stage);
}

/// The table of descriptors is the supervisor's until the first call, which copies it up to our two.
bool keep_two_descriptors(int go, int report) {
  const auto above = static_cast<unsigned>(std::max(go, report)) + 1;
  return sys::raw::close_range(above, ~0U, CLOSE_RANGE_UNSHARE) == 0 && ::dup2(go, kGo) == kGo &&
         ::dup2(report, kReport) == kReport && sys::raw::close_range(2, ~0U, 0) == 0;
}

/// Reaps orphans for ever. The payload is the supervisor's child, so its status is not taken here.
[[noreturn]] void reap_for_ever() {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  for (;;) {
    while (::waitpid(-1, nullptr, WNOHANG | __WALL) > 0) {
    }
    // blocked since the clone, so a child that ends between the two calls is not missed
    ::sigtimedwait(&child, nullptr, nullptr);
  }
}

}  // namespace

void run_init(const InitPlan& plan, int go, int report) {
  // order matters: mounts need capabilities, the bounding set needs CAP_SETPCAP, the filter allows none of
  // this
  if (!keep_two_descriptors(go, report)) fail_stage(report, Stage::init_descriptors);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  require(::setsid() > 0, Stage::init_session);

  // made by each init and not by the clone: those of several sandboxes are made side by side
  require(::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0, Stage::init_namespaces);
  require(bind_root(plan.root), Stage::init_bind_root);
  require(::chdir(plan.root) == 0 && mount_work_directory(plan.work_directory, plan.work_options),
          Stage::init_work_directory);
  require(enter_root(plan.root), Stage::init_pivot_root);
  require(detach_old_root(), Stage::init_detach_old_root);
  require(check_root(), Stage::init_check_root);
  require(::sethostname("sandbox", 7) == 0 && ::setdomainname("", 0) == 0, Stage::init_hostname);

  char byte = 0;
  require(sys::raw::read_all(kGo, &byte, 1), Stage::init_id_maps);
  require(::setresgid(plan.gid, plan.gid, plan.gid) == 0 && ::setresuid(plan.uid, plan.uid, plan.uid) == 0,
          Stage::init_ids);
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, Stage::init_parent_death);
  require(drop_bounding_set(), Stage::init_bounding_set);
  require(drop_capabilities(plan.no_capabilities), Stage::init_capabilities);
  require(become_undumpable(), Stage::init_not_dumpable);
  require(set_no_new_privileges(), Stage::init_no_new_privileges);
  require(sys::raw::load_filter(plan.filter.data(), static_cast<unsigned short>(plan.filter.size()), 0) == 0,
          Stage::init_filter);
  report_stage(kReport, Stage::init_ready);
  ::close(kReport);
  ::close(kGo);
  reap_for_ever();
}

}  // namespace executor::sandbox
