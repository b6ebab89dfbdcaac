#include "backend/local_child.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "backend/bootstrap/filter_marks.hpp"
#include "base/sys.hpp"
#include "sandbox/privileges.hpp"

namespace executor::local {

namespace {

// of newer headers than Debian 12's
constexpr std::uint64_t kTruncate = 1ULL << 14;       // version 3
constexpr std::uint64_t kDeviceControl = 1ULL << 15;  // version 5
constexpr std::uint64_t kTcp = 3;                     // version 4: bind, connect
constexpr std::uint64_t kScopes = 3;                  // version 6: abstract sockets, signals
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t net = 0;
  std::uint64_t scoped = 0;
};

constexpr int kRulesetPlace = 3;
constexpr int kReportPlace = 4;
/// Above what a program may use as memory: stacks of threads, mapped libraries.
constexpr std::uint64_t kSpareAddresses = 1024 * kMiB;

bool place_descriptors(const ChildPlan& plan) {
  constexpr int kAbove = 16;
  const int sources[] = {plan.stdin_read, plan.stdout_write, plan.stderr_write, plan.ruleset, plan.report};
  int lifted[5];
  for (int i = 0; i < 5; ++i)
    if ((lifted[i] = ::fcntl(sources[i], F_DUPFD, kAbove)) < 0) return false;
  for (int i = 0; i < 5; ++i)
    if (::dup2(lifted[i], i) != i) return false;
  return sys::raw::close_range(kReportPlace + 1, ~0U, 0) == 0 &&
         ::fcntl(kReportPlace, F_SETFD, FD_CLOEXEC) == 0 && ::fcntl(kRulesetPlace, F_SETFD, FD_CLOEXEC) == 0;
}

bool set_limits(const ChildPlan& plan) {
  using sandbox::set_limit;
  const Limits& limits = plan.limits;
  return sandbox::forbid_core_dumps() && set_limit(RLIMIT_NOFILE, limits.open_files) &&
         set_limit(RLIMIT_FSIZE, limits.file_size) && set_limit(RLIMIT_STACK, limits.stack_size) &&
         set_limit(RLIMIT_AS, limits.memory_max + kSpareAddresses) &&
         set_limit(RLIMIT_NPROC, plan.tasks_max) && set_limit(RLIMIT_MEMLOCK, 0) &&
         set_limit(RLIMIT_MSGQUEUE, 0) && set_limit(RLIMIT_RTPRIO, 0) && set_limit(RLIMIT_NICE, 0);
}

/// An ordinary user has no bounding set to drop, and nothing in the others.
bool give_up_capabilities(cap_t none) {
  if (!sandbox::drop_bounding_set() && errno != EPERM) return false;
  return sandbox::drop_capabilities(none);
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool load_filter(const ChildPlan& plan) {
  const std::span<sock_filter> filter(plan.filter, plan.filter_length);
  return docker::fill_marks(filter, ::getpid(), plan.environment) &&
         sys::raw::load_filter(plan.filter, plan.filter_length, 0) >= 0;
}

Result<void> add_rule(int ruleset, const std::string& path, std::uint64_t rights) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return errno_error("open \"" + path + "\"", errno);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = place.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return errno_error("add Landlock rule for \"" + path + "\"", errno);
  return {};
}

}  // namespace

const char* to_string(Step step) {
  constexpr const char* kNames[] = {"session", "parent death", "descriptors",  "working directory",
                                    "limits",  "capabilities", "no_new_privs", "Landlock",
                                    "filter",  "execute"};
  return kNames[static_cast<int>(step)];
}

void enter_and_execute(const ChildPlan& plan) {
  int report = plan.report;
  const auto require = [&report](bool done, Step step) {
    if (done) return;
    const ChildReport words{static_cast<int>(step), errno};
    (void)sys::raw::write_all(report, &words, sizeof words);
    ::_exit(127);
  };
  reset_signals();
  require(::setsid() > 0, Step::session);
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, Step::parent_death);
  require(place_descriptors(plan), Step::descriptors);
  report = kReportPlace;
  ::umask(022);
  require(::chdir(plan.directory) == 0, Step::working_directory);
  require(set_limits(plan), Step::limits);
  require(give_up_capabilities(plan.no_capabilities), Step::capabilities);
  require(sandbox::set_no_new_privileges(), Step::no_new_privileges);
  require(::syscall(SYS_landlock_restrict_self, kRulesetPlace, 0) == 0, Step::landlock);
  ::close(kRulesetPlace);
  require(load_filter(plan), Step::filter);
  ::syscall(SYS_execve, plan.executable, plan.argv, plan.environment);
  require(false, Step::execute);
  ::_exit(127);
}

int landlock_version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

Result<UniqueFd> make_ruleset(const std::string& readable, const std::string& directory) {
  constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  const int version = landlock_version();
  if (version < 1) return errno_error("use Landlock", EOPNOTSUPP);
  RulesetAttributes attributes;
  attributes.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;  // all of version 1
  if (version >= 2) attributes.files |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) attributes.files |= kTruncate;
  if (version >= 4) attributes.net = kTcp;
  if (version >= 5) attributes.files |= kDeviceControl;
  if (version >= 6) attributes.scoped = kScopes;
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return errno_error("make Landlock ruleset", errno);
  for (const auto& [path, rights] :
       {std::pair<std::string, std::uint64_t>{readable, kRead | LANDLOCK_ACCESS_FS_EXECUTE},
        {directory, kRead},
        {"/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE}})
    if (auto added = add_rule(ruleset.get(), path, rights); !added) return added.error();
  return ruleset;
}

}  // namespace executor::local
