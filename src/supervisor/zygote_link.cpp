#include "supervisor/zygote_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/argument_list.hpp"
#include "base/private_heap.hpp"
#include "base/sys.hpp"
#include "sandbox/mounts.hpp"

namespace executor::supervisor {

namespace {

/// The steps between clone and exec; what failed is told by the exit status.
constexpr int kFirstStep = 100;
constexpr std::array kSteps = {"",
                               "keep descriptors",
                               "place descriptors",
                               "close descriptors",
                               "make mount, network, IPC and UTS namespaces",
                               "enter the root file system",
                               "detach the old root",
                               "execute the interpreter"};

/// The zygote's process between clone and exec: a mount namespace that shows the rootfs alone, no network, no
/// IPC. Async-signal-safe. Exits with the number of the step that failed.
[[noreturn]] void become_zygote(const ZygoteLink::Plan& plan, int control,
                                const std::array<UniqueFd, 3>& streams, char* const* argv,
                                char* const* environment) {
  const auto require = [](bool done, int step) {
    if (!done) ::_exit(kFirstStep + step);
  };
  constexpr int kAbove = 32;
  const int sources[] = {streams[0].get(), streams[1].get(),   streams[1].get(),
                         control,          plan.strict_filter, plan.processes_filter,
                         STDERR_FILENO,    plan.proc,          plan.executable};
  constexpr int kCount = 9;
  int lifted[kCount];
  for (int i = 0; i < kCount; ++i) require((lifted[i] = ::fcntl(sources[i], F_DUPFD, kAbove)) >= 0, 1);
  for (int i = 0; i < kCount; ++i) require(::dup2(lifted[i], i) == i, 2);
  constexpr int kExecutable = kCount - 1;
  require(
      ::fcntl(kExecutable, F_SETFD, FD_CLOEXEC) == 0 && sys::raw::close_range(kExecutable + 1, ~0U, 0) == 0,
      3);
  require(::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0, 4);
  require(sandbox::bind_root(plan.root.c_str()) && sandbox::enter_root(plan.root.c_str()), 5);
  require(sandbox::detach_old_root() && sandbox::check_root(), 6);
  ::umask(022);  // programs have it, whatever the service was started with
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // programs find every signal as it is at the start of any process; the steward ignores some
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  ::execveat(kExecutable, "", argv, environment, AT_EMPTY_PATH);
  require(false, 7);
  ::_exit(1);
}

}  // namespace

Result<ZygoteLink> ZygoteLink::start(const Plan& plan) {
  auto pair = sys::make_socket_pair(SOCK_SEQPACKET);
  if (!pair) return pair.error();
  // the interpreter looks at its standard streams once, at its start: they must be what a program will have,
  // pipes
  std::array<UniqueFd, 3> streams;
  auto in = sys::make_pipe();
  auto out = sys::make_pipe();
  if (!in || !out) return errno_error("make pipes for zygote", errno);
  streams[0] = std::move(in->read);
  streams[1] = std::move(out->write);
  const std::vector<char*> argv = argument_list(plan.argv);
  const std::vector<char*> environment = argument_list(plan.environment);

  clone_args args{};
  int process = -1;
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&process);
  args.exit_signal = SIGCHLD;
  const SharedHeap of_the_plan;
  const pid_t pid = sys::raw::clone_process(args);
  if (pid < 0) return errno_error("clone zygote", errno);
  if (pid == 0) become_zygote(plan, pair->second.get(), streams, argv.data(), environment.data());
  if (auto r = sys::set_nonblocking(pair->first.get()); !r) return r.error();
  return ZygoteLink(pid, UniqueFd(process), std::move(pair->first));
}

ZygoteLink& ZygoteLink::operator=(ZygoteLink&& other) noexcept {
  end();
  pid_ = other.pid_;
  process_ = std::move(other.process_);
  socket_ = std::move(other.socket_);
  return *this;
}

ZygoteLink::~ZygoteLink() { end(); }

void ZygoteLink::end() {
  if (!process_) return;
  sys::raw::pidfd_send_signal(process_.get(), SIGKILL);
  ::waitpid(pid_, nullptr, __WALL);
  process_.reset();
  socket_.reset();
}

bool ZygoteLink::is_stopped() const {
  siginfo_t info{};
  const auto id = static_cast<id_t>(process_.get());
  return ::waitid(P_PIDFD, id, &info, WSTOPPED | WNOHANG | __WALL) == 0 && info.si_code == CLD_STOPPED;
}

Error ZygoteLink::ending() {
  int status = 0;
  if (process_) {
    sys::raw::pidfd_send_signal(process_.get(), SIGKILL);
    ::waitpid(pid_, &status, __WALL);
    process_.reset();
  }
  const int step = WIFEXITED(status) ? WEXITSTATUS(status) - kFirstStep : 0;
  if (step > 0 && static_cast<std::size_t>(step) < kSteps.size())
    return {std::string("start zygote: ") + kSteps[static_cast<std::size_t>(step)],
            std::make_error_code(std::errc::operation_not_permitted)};
  return errno_error("the zygote ended", ECHILD);
}

Result<void> ZygoteLink::request(const zygote::ForkRequest& request, std::span<const int> fds) {
  return sys::send_with_fds(socket_.get(), {reinterpret_cast<const char*>(&request), sizeof request}, fds);
}

Result<zygote::ForkReply> ZygoteLink::receive() {
  zygote::ForkReply reply;
  auto received = sys::receive_with_fds(socket_.get(), {reinterpret_cast<char*>(&reply), sizeof reply});
  if (!received) return received.error();
  if (received->size != sizeof reply) return errno_error("receive from zygote", ECONNRESET);
  return reply;
}

}  // namespace executor::supervisor
