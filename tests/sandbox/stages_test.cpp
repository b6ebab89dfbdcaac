// Every stage of a sandbox's set-up, made to fail: the report names it with the error of the call that
// failed, the process ends, and nothing is left behind. A filter in the process that takes the stages makes
// the one call fail, with an error number that no stage knows, and only there.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/sys.hpp"
#include "sandbox/init.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/privileges.hpp"
#include "sandbox/stages.hpp"
#include "supervisor/zygote_link.hpp"

namespace executor::sandbox {
namespace {

constexpr int kOddError = EBADE;  // nothing in the set-up fails with it by itself
constexpr int kAnyArgument = -1;

/// A call that fails: by its number, and where `argument` is given, by the low half of that argument.
struct Fault {
  Stage stage;
  int call;
  int argument = kAnyArgument;
  std::uint32_t value = 0;
};

using Filter = std::vector<sock_filter>;

Filter failing(const Fault& fault) {
  Filter filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(fault.call), 1, 0),
                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  if (fault.argument != kAnyArgument) {
    const auto offset = offsetof(seccomp_data, args) + 8 * static_cast<unsigned>(fault.argument);
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)));
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, fault.value, 1, 0));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | kOddError));
  return filter;
}

void load(const Filter& filter) {
  if (sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()), 0) != 0) ::_exit(99);
}

const Filter& allow_all() {
  static const Filter filter = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  return filter;
}

const char* rootfs() { return std::getenv("EXECUTOR_TEST_ROOTFS"); }

/// What the report pipe says next; none at its end.
std::optional<StageReport> next_report(const UniqueFd& pipe) {
  StageReport report{};
  if (!sys::raw::read_all(pipe.get(), &report, sizeof report)) return std::nullopt;
  return report;
}

/// An init in its namespaces; ended by the destructor.
class Init {
 public:
  explicit Init(const std::optional<Fault>& fault = {}) {
    auto go = sys::make_pipe();
    auto report = sys::make_pipe();
    REQUIRE((go && report));
    const std::string work = std::string(rootfs()) + "/tmp";
    const InitPlan plan{
        rootfs(), work.c_str(), "size=1m,nr_inodes=64,mode=1777", 0, 0, empty_capabilities(), allow_all()};
    const Filter filter = fault ? failing(*fault) : allow_all();
    clone_args args{};
    int process = -1;
    args.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uint64_t>(&process);
    args.exit_signal = SIGCHLD;
    pid_ = sys::raw::clone_process(args);
    if (pid_ == 0) {
      load(filter);
      run_init(plan, go->read.get(), report->write.get());
    }
    REQUIRE(pid_ > 0);
    pidfd_.reset(process);
    for (const char* file : {"/uid_map", "/gid_map"})
      REQUIRE(sys::write_file("/proc/" + std::to_string(pid_) + file, "0 1900000000 1\n65534 1900000001 1\n")
                  .has_value());
    REQUIRE(::write(go->write.get(), "g", 1) == 1);
    report->write.reset();
    report_ = next_report(report->read);
  }
  ~Init() {
    sys::raw::pidfd_send_signal(pidfd_.get(), SIGKILL);
    // a payload of its namespace, if there is one, is our child, and init ends only when that is reaped
    while (::waitpid(-1, nullptr, __WALL) > 0) {
    }
  }
  /// Waits for its end by itself; its exit status.
  int ended() {
    int status = 0;
    ::waitpid(pid_, &status, __WALL);
    return status;
  }
  [[nodiscard]] const std::optional<StageReport>& report() const { return report_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<StageReport> report_;
};

struct Ended {
  std::optional<StageReport> report;
  int status = 0;
};

/// A payload that enters the sandbox of `init`, with `fault` in its way; what it said and how it ended.
Ended enter(const Init& init, const std::optional<Fault>& fault, const std::vector<int>& attach_files = {}) {
  auto in = sys::make_pipe();
  auto out = sys::make_pipe();
  auto report = sys::make_pipe();
  REQUIRE((in && out && report));
  const PayloadPlan plan{
      init.pidfd(), in->read.get(), out->write.get(),       out->write.get(),    report->write.get(),
      attach_files, true,           {64, 1 << 20, 1 << 20}, empty_capabilities()};
  const Filter filter = fault ? failing(*fault) : allow_all();
  const pid_t pid = ::fork();
  if (pid == 0) {
    load(filter);
    enter_sandbox(plan);
    report_stage(kPayloadReport, Stage::payload_ready);
    ::_exit(0);
  }
  report->write.reset();
  Ended ended{next_report(report->read), 0};
  ::waitpid(pid, &ended.status, 0);
  return ended;
}

void check_failed(const std::optional<StageReport>& report, int status, Stage stage, int error) {
  REQUIRE(report.has_value());
  CHECK(std::string(stage_name(report->stage)) == stage_name(stage));
  CHECK(report->error_number == error);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 125);
  const std::string message = stage_error(*report).message();
  CHECK(message.find(stage_name(stage)) != std::string::npos);
  CHECK(message.find(std::strerror(error)) != std::string::npos);
}

/// What a failure must not change: the mounts around it, and no child of ours is left.
class NothingLeft {
 public:
  NothingLeft() : mounts_(*sys::read_file("/proc/self/mountinfo")) {}
  ~NothingLeft() {
    CHECK(*sys::read_file("/proc/self/mountinfo") == mounts_);
    const int error = ::waitpid(-1, nullptr, __WALL | WNOHANG) == -1 ? errno : 0;
    CHECK(error == ECHILD);
  }

 private:
  std::string mounts_;
};

constexpr auto kPrctl = [](Stage stage, int option) {
  return Fault{stage, SYS_prctl, 0, static_cast<std::uint32_t>(option)};
};

TEST_CASE("without a fault both come to their end") {
  const NothingLeft nothing_left;
  const Init init;
  REQUIRE(init.report().has_value());
  CHECK(init.report()->stage == Stage::init_ready);
  CHECK(init.report()->error_number == 0);
  const Ended payload = enter(init, {});
  REQUIRE(payload.report.has_value());
  CHECK(payload.report->stage == Stage::payload_ready);
}

TEST_CASE("each stage of init that fails is reported with its error and leaves nothing") {
  const Fault faults[] = {
      {Stage::init_descriptors, SYS_close_range},
      {Stage::init_session, SYS_setsid},
      {Stage::init_namespaces, SYS_unshare},
      {Stage::init_bind_root, SYS_mount, 3, MS_BIND | MS_REC},
      {Stage::init_work_directory, SYS_mount, 3, MS_NOSUID | MS_NODEV | MS_NOEXEC},
      {Stage::init_pivot_root, SYS_pivot_root},
      {Stage::init_detach_old_root, SYS_umount2},
      {Stage::init_check_root, SYS_newfstatat},
      {Stage::init_hostname, SYS_sethostname},
      {Stage::init_hostname, SYS_setdomainname},
      {Stage::init_id_maps, SYS_read},
      {Stage::init_ids, SYS_setresgid},
      {Stage::init_ids, SYS_setresuid},
      kPrctl(Stage::init_parent_death, PR_SET_PDEATHSIG),
      kPrctl(Stage::init_bounding_set, PR_CAPBSET_DROP),
      {Stage::init_capabilities, SYS_capset},
      kPrctl(Stage::init_not_dumpable, PR_SET_DUMPABLE),
      kPrctl(Stage::init_no_new_privileges, PR_SET_NO_NEW_PRIVS),
      {Stage::init_filter, SYS_seccomp},
  };
  for (const Fault& fault : faults) {
    const NothingLeft nothing_left;
    Init init(fault);
    check_failed(init.report(), init.ended(), fault.stage, kOddError);
  }
}

TEST_CASE("each stage of a payload that fails is reported with its error and leaves nothing") {
  const Fault faults[] = {
      {Stage::payload_join_namespaces, SYS_setns},
      {Stage::payload_descriptors, SYS_close_range},
      {Stage::payload_session, SYS_setsid},
      {Stage::payload_working_directory, SYS_chdir},
      {Stage::payload_limits, SYS_prlimit64},
      {Stage::payload_groups, SYS_setgroups},
      {Stage::payload_group_id, SYS_setresgid},
      {Stage::payload_user_id, SYS_setresuid},
      kPrctl(Stage::payload_parent_death, PR_SET_PDEATHSIG),
      kPrctl(Stage::payload_bounding_set, PR_CAPBSET_DROP),
      {Stage::payload_capabilities, SYS_capset},
      kPrctl(Stage::payload_not_dumpable, PR_SET_DUMPABLE),
      kPrctl(Stage::payload_no_new_privileges, PR_SET_NO_NEW_PRIVS),
  };
  for (const Fault& fault : faults) {
    const NothingLeft nothing_left;
    const Init init;
    const Ended payload = enter(init, fault);
    check_failed(payload.report, payload.status, fault.stage, kOddError);
  }
}

TEST_CASE("a payload that its cgroup does not take is reported") {
  const NothingLeft nothing_left;
  const Init init;
  const auto full = sys::open_at(AT_FDCWD, "/dev/full", O_WRONLY);  // refuses the write that attaches
  REQUIRE(full.has_value());
  const Ended payload = enter(init, {}, {full->get()});
  check_failed(payload.report, payload.status, Stage::payload_cgroup, ENOSPC);
}

/// A real zygote without the right to load filters, asked for one payload; its report.
std::optional<StageReport> payload_without_filter() {
  const Init init;
  auto program = sys::open_at(AT_FDCWD, std::getenv("EXECUTOR_TEST_ZYGOTE"), O_RDONLY);
  const std::string_view bytes(reinterpret_cast<const char*>(allow_all().data()), sizeof(sock_filter));
  auto filter = sys::make_memory_file("filter", bytes);
  auto proc = sys::open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  if (!program || !filter || !proc || ::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return std::nullopt;
  load(failing({Stage::payload_filter, SYS_seccomp}));
  auto zygote = supervisor::ZygoteLink::start({.executable = program->get(),
                                               .root = rootfs(),
                                               .environment = {},
                                               .proc = proc->get(),
                                               .strict_filter = filter->get(),
                                               .processes_filter = filter->get()});
  auto in = sys::make_pipe();
  auto out = sys::make_pipe();
  auto report = sys::make_pipe();
  if (!zygote || !in || !out || !report) return std::nullopt;
  zygote::ForkRequest request;
  request.limits = {64, 1 << 20, 8 << 20};
  request.drop_groups = 1;
  const int fds[] = {init.pidfd(), in->read.get(), out->write.get(), out->write.get(), report->write.get()};
  if (!zygote->request(request, fds)) return std::nullopt;
  report->write.reset();
  return next_report(report->read);
}

TEST_CASE("a payload without its filter is reported, and is never handed a program") {
  const NothingLeft nothing_left;
  auto answer = sys::make_pipe();
  REQUIRE(answer.has_value());
  const pid_t pid = ::fork();  // the fault and the mount namespace are this child's alone
  if (pid == 0) {
    const auto report = payload_without_filter();
    if (report) (void)sys::raw::write_all(answer->write.get(), &*report, sizeof *report);
    ::_exit(report ? 125 : 1);
  }
  answer->write.reset();
  const auto report = next_report(answer->read);
  int status = 0;
  ::waitpid(pid, &status, 0);
  check_failed(report, status, Stage::payload_filter, kOddError);
}

}  // namespace
}  // namespace executor::sandbox

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  if (::geteuid() != 0) {
    std::puts("skipped: needs root, to write the id maps of an init that it made");
    return kSkipped;
  }
  // mounts of our own to look at, as other tests may change the host's
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::perror("make a mount namespace");
    return 1;
  }
  return doctest::Context(argc, argv).run();
}
