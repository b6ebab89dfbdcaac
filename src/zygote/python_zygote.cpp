// The Python zygote: a process that holds an initialised interpreter and forks it once for every sandbox.
//
// It is started by the supervisor inside the outer namespaces, with the rootfs as its root, a clean
// environment, pipes as its standard streams and the descriptors of zygote/protocol.hpp. It stays
// single-threaded, sees no job data, and has capabilities only in the outer user namespace, which it needs to
// join a sandbox's namespaces.
//
// For each request: join init's PID namespace (for the next child only), fork, go back. The child is the
// supervisor's own (CLONE_PARENT), born in its cgroup leaf where the kernel can do that, and blocks before it
// has read anything.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "base/sys.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/privileges.hpp"
#include "sandbox/stages.hpp"
#include "zygote/callbacks.hpp"
#include "zygote/hot_pages.hpp"
#include "zygote/huge_text.hpp"
#include "zygote/interpreter.hpp"
#include "zygote/protocol.hpp"

namespace executor::zygote {
namespace {

constexpr std::uint32_t kLargestHandOver = 64U << 20;

[[noreturn]] void die(const char* what) {
  ::dprintf(kComplaintsFd, "zygote: %s: %s\n", what, std::strerror(errno));
  ::_exit(1);
}

using Filter = std::vector<sock_filter>;

Filter read_filter(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) die("stat filter");
  Filter filter(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
  if (filter.empty() || ::pread(fd, filter.data(), filter.size() * sizeof(sock_filter), 0) != info.st_size)
    die("read filter");
  ::close(fd);
  return filter;
}

struct State {
  UniqueFd control{kControlFd};
  UniqueFd own_pid_namespace;
  Filter strict;
  Filter processes;
  std::vector<PageRange> hot_pages;
  void* tid_address = nullptr;  ///< where the C library keeps the main thread's id
  void* robust_list = nullptr;  ///< and its robust futex list, which a raw clone does not register again
  std::size_t robust_size = 0;
};

/// fork() as glibc does it, but with a parent, a cgroup and no exit signal of our choice: the kernel writes
/// the child's id where glibc caches it.
pid_t fork_payload(const State& state, int leaf) {
  clone_args args{};
  args.flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  args.child_tid = reinterpret_cast<std::uint64_t>(state.tid_address);
  if (leaf >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(leaf);
  }
  const pid_t pid = sys::raw::clone_process(args);
  if (pid == 0) ::syscall(SYS_set_robust_list, state.robust_list, state.robust_size);
  return pid;
}

bool write_file(const std::string& path, const std::string& content, mode_t mode) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    ::mkdir(path.substr(0, slash).c_str(), 0755);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  return file && sys::raw::write_all(file.get(), content.data(), content.size());
}

/// Blocks until a program is handed over on standard input; what follows it there is the program's own input.
HandOver read_hand_over() {
  std::uint32_t size = 0;
  if (!sys::raw::read_all(STDIN_FILENO, &size, sizeof size) || size > kLargestHandOver) ::_exit(0);
  std::string bytes(size, '\0');
  HandOver hand_over;
  if (!sys::raw::read_all(STDIN_FILENO, bytes.data(), bytes.size())) ::_exit(0);
  ArchiveReader reader(bytes);
  reader(hand_over);
  if (!reader.finished() || hand_over.file_paths.size() != hand_over.file_contents.size()) ::_exit(0);
  return hand_over;
}

/// The payload from its first instruction to its last.
[[noreturn]] void run_payload(const State& state, const sandbox::PayloadPlan& plan, const Filter& filter) {
  sandbox::enter_sandbox(plan);
  copy_pages(state.hot_pages);  // charged to the sandbox by now
  prepare_child();
  const int listener = sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()),
                                             SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (listener != sandbox::kPayloadListener)
    sandbox::fail_stage(sandbox::kPayloadReport, sandbox::Stage::payload_filter);
  sandbox::report_stage(sandbox::kPayloadReport, sandbox::Stage::payload_ready);
  ::close(sandbox::kPayloadReport);

  const HandOver hand_over = read_hand_over();
  ::close(sandbox::kPayloadListener);  // the supervisor has its copy since before the hand-over
  bool written = write_file("/tmp/main.py", hand_over.source, 0644);
  for (std::size_t i = 0; i < hand_over.file_paths.size(); ++i)
    written = write_file("/tmp/" + hand_over.file_paths[i], hand_over.file_contents[i], 0444) && written;
  if (!written) {
    std::fprintf(stderr, "python3: can't open file '/tmp/main.py': [Errno %d] %s\n", errno,
                 std::strerror(errno));
    ::_exit(2);
  }
  run_main(hand_over.args);
}

ForkReply serve(const State& state, const ForkRequest& request, const std::vector<UniqueFd>& fds) {
  ForkReply reply{request.sandbox, 0, EINVAL};
  const std::size_t expected = kFixedDescriptors + request.attach_files + request.clone_into_leaf;
  if (fds.size() != expected) return reply;
  std::vector<int> attach;
  for (std::size_t i = kFixedDescriptors; i < kFixedDescriptors + request.attach_files; ++i)
    attach.push_back(fds[i].get());
  const sandbox::PayloadPlan plan{fds[0].get(),
                                  fds[1].get(),
                                  fds[2].get(),
                                  fds[3].get(),
                                  fds[4].get(),
                                  attach,
                                  request.drop_groups != 0,
                                  request.limits,
                                  sandbox::empty_capabilities()};
  const int leaf = request.clone_into_leaf != 0 ? fds.back().get() : -1;
  before_fork();
  if (::setns(plan.init, CLONE_NEWPID) != 0) {
    reply.error_number = errno;
    after_fork_in_zygote();
    return reply;
  }
  const pid_t pid = fork_payload(state, leaf);
  if (pid == 0) run_payload(state, plan, request.processes != 0 ? state.processes : state.strict);
  reply.error_number = pid < 0 ? errno : 0;
  reply.pid = pid < 0 ? 0 : pid;
  // without the way back every later child would be born in this sandbox
  if (::setns(state.own_pid_namespace.get(), CLONE_NEWPID) != 0) die("return to own PID namespace");
  after_fork_in_zygote();
  return reply;
}

void send(const State& state, const ForkReply& reply) {
  const std::string_view bytes(reinterpret_cast<const char*>(&reply), sizeof reply);
  if (!sys::send_with_fds(state.control.get(), bytes, {})) ::_exit(0);
}

[[noreturn]] void serve_for_ever(const State& state) {
  for (;;) {
    ForkRequest request;
    auto received = sys::receive_with_fds(state.control.get(),
                                          std::span<char>(reinterpret_cast<char*>(&request), sizeof request));
    if (!received || received->size == 0) ::_exit(0);  // the supervisor is gone
    if (received->size != sizeof request) die("receive request of a wrong size");
    send(state, serve(state, request, received->fds));
  }
}

/// Runs a program in a child that is thrown away, and asks it what it has written to.
std::vector<PageRange> learn_hot_pages() {
  const UniqueFd proc(kProcFd);
  auto pipe = sys::make_pipe();
  if (!pipe) die("make pipe");
  before_fork();
  const pid_t pid = ::fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a fork forgets it
    std::vector<PageRange> ranges;
    prepare_child();
    if (rehearse()) ranges = own_pages(proc.get());
    (void)sys::raw::write_all(pipe->write.get(), ranges.data(), ranges.size() * sizeof(PageRange));
    ::_exit(0);
  }
  after_fork_in_zygote();
  pipe->write.reset();
  std::vector<PageRange> ranges;
  for (PageRange range; sys::raw::read_all(pipe->read.get(), &range, sizeof range);) ranges.push_back(range);
  if (::waitpid(pid, nullptr, 0) != pid) die("wait for rehearsal");
  return ranges;
}

State prepare() {
  State state;
  state.strict = read_filter(kStrictFilterFd);
  state.processes = read_filter(kProcessesFilterFd);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) die("set parent death signal");
  if (::prctl(PR_GET_TID_ADDRESS, &state.tid_address, 0, 0, 0) != 0 || state.tid_address == nullptr)
    die("find the address of the thread id (the kernel needs CONFIG_CHECKPOINT_RESTORE)");
  if (::syscall(SYS_get_robust_list, 0, &state.robust_list, &state.robust_size) != 0) die("find robust list");
  // setns takes a pidfd for the namespaces of its process (Linux 5.8), so the way back needs no /proc
  state.own_pid_namespace.reset(sys::raw::pidfd_open(::getpid(), 0));
  if (!state.own_pid_namespace) die("open own pidfd");
  return state;
}

}  // namespace
}  // namespace executor::zygote

int main() {
  using namespace executor;
  zygote::move_text_to_huge_pages();
  zygote::State state = zygote::prepare();
  zygote::prepare_callbacks();
  zygote::start_interpreter();
  state.hot_pages = zygote::learn_hot_pages();
  zygote::send(state, {zygote::kHello, ::getpid(), 0});
  zygote::serve_for_ever(state);
}
