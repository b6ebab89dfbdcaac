#include "app/doctor/trial_process.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/sys.hpp"

namespace executor::doctor {

namespace {

constexpr int kPatienceMs = 2000;

Trial outcome(const Result<void>& written) { return {written ? 0 : written.error().code.value()}; }

}  // namespace

TrialProcess::TrialProcess(std::uint64_t flags, const Body& body, int cgroup) {
  auto go = sys::make_pipe();
  auto report = sys::make_pipe();
  if (!go || !report) {
    clone_ = {errno};
    return;
  }
  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  pid_ = sys::raw::clone_process(args);
  clone_ = tried(pid_);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // also out of a clone3 that waits for other namespaces' end
    go->write.reset();                            // else it would never see the end of file
    report->read.reset();
    body(go->read.get(), report->write.get());
    ::_exit(0);
  }
  if (pid_ < 0) return;
  pidfd_.reset(pidfd);
  go_ = std::move(go->write);
  report_ = std::move(report->read);
}

TrialProcess::~TrialProcess() {
  if (pid_ > 0) finish();
}

Trial TrialProcess::map_ids(std::uint32_t uid, std::uint32_t gid, std::uint32_t count,
                            bool deny_groups) const {
  const std::string proc = "/proc/" + std::to_string(pid_);
  const auto map = [count](std::uint32_t first) {
    return "0 " + std::to_string(first) + " " + std::to_string(count) + "\n";
  };
  if (deny_groups)
    if (const auto denied = sys::write_file(proc + "/setgroups", "deny"); !denied) return outcome(denied);
  if (const auto users = sys::write_file(proc + "/uid_map", map(uid)); !users) return outcome(users);
  return outcome(sys::write_file(proc + "/gid_map", map(gid)));
}

void TrialProcess::release() const {
  struct sigaction ignored {};
  struct sigaction before {};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignored, &before);  // it may have ended
  (void)sys::raw::write_all(go_.get(), "g", 1);
  ::sigaction(SIGPIPE, &before, nullptr);
}

bool TrialProcess::receive(void* data, std::size_t size) const {
  pollfd ready{report_.get(), POLLIN, 0};
  return ::poll(&ready, 1, kPatienceMs) == 1 && sys::raw::read_all(report_.get(), data, size);
}

void TrialProcess::finish() {
  go_.reset();
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (::poll(&ended, 1, kPatienceMs) != 1) sys::raw::pidfd_send_signal(pidfd_.get(), SIGKILL);
  while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace executor::doctor
