#include "zygote/fork_server.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/container/static_vector.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "base/archive.hpp"
#include "base/sys.hpp"
#include "sandbox/privileges.hpp"

namespace executor::zygote {
namespace {

constexpr std::uint32_t kLargestHandOver = 64U << 20;

Filter read_filter(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) die("stat filter");
  Filter filter(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
  if (filter.empty() || ::pread(fd, filter.data(), filter.size() * sizeof(sock_filter), 0) != info.st_size)
    die("read filter");
  ::close(fd);
  return filter;
}

}  // namespace

void die(const char* what) {
  ::dprintf(kComplaintsFd, "zygote: %s: %s\n", what, std::strerror(errno));
  ::_exit(1);
}

void complain(const char* what) { ::dprintf(kComplaintsFd, "zygote: %s\n", what); }

HandOver read_hand_over() {
  std::uint32_t size = 0;
  if (!sys::raw::read_all(STDIN_FILENO, &size, sizeof size) || size > kLargestHandOver) ::_exit(0);
  std::string bytes(size, '\0');
  HandOver hand_over;
  if (!sys::raw::read_all(STDIN_FILENO, bytes.data(), bytes.size())) ::_exit(0);
  ArchiveReader reader(bytes);
  reader(hand_over);
  if (reader.ok() && !reader.finished()) reader(hand_over.compiled);
  if (!reader.finished() || hand_over.file_paths.size() != hand_over.file_contents.size()) ::_exit(0);
  return hand_over;
}

UniqueFd make_source_file(const std::string& name) {
  return UniqueFd(::open(("/tmp/" + name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

bool write_files(const HandOver& hand_over, UniqueFd source_file) {
  bool written =
      source_file && sys::raw::write_all(source_file.get(), hand_over.source.data(), hand_over.source.size());
  source_file.reset();
  for (std::size_t i = 0; i < hand_over.file_paths.size(); ++i)
    written = sys::place_file("/tmp/" + hand_over.file_paths[i], hand_over.file_contents[i], 0444) && written;
  return written;
}

ForkServer::ForkServer()
    : strict_(read_filter(kStrictFilterFd)), processes_(read_filter(kProcessesFilterFd)) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) die("set parent death signal");
  if (::prctl(PR_GET_TID_ADDRESS, &tid_address_, 0, 0, 0) != 0 || tid_address_ == nullptr)
    die("find the address of the thread id (the kernel needs CONFIG_CHECKPOINT_RESTORE)");
  if (::syscall(SYS_get_robust_list, 0, &robust_list_, &robust_size_) != 0) die("find robust list");
  // setns takes a pidfd for the namespaces of its process (Linux 5.8), so the way back needs no /proc
  own_pid_namespace_.reset(sys::raw::pidfd_open(::getpid(), 0));
  if (!own_pid_namespace_) die("open own pidfd");
}

/// fork() as glibc does it, but with a parent, a cgroup and no exit signal of our choice: the kernel writes
/// the child's id where glibc caches it.
pid_t ForkServer::fork_payload(int leaf) const {
  clone_args args{};
  args.flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  args.child_tid = reinterpret_cast<std::uint64_t>(tid_address_);
  if (leaf >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(leaf);
  }
  const pid_t pid = sys::raw::clone_process(args);
  if (pid == 0) ::syscall(SYS_set_robust_list, robust_list_, robust_size_);
  return pid;
}

ForkReply ForkServer::answer(const Kind& kind, const ForkRequest& request,
                             const sys::Descriptors& fds) const {
  ForkReply reply{request.sandbox, 0, EINVAL};
  const std::size_t expected = kFixedDescriptors + request.attach_files + request.clone_into_leaf;
  if (fds.size() != expected) return reply;
  boost::container::static_vector<int, sys::kMaxFds> attach;
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
  if (::setns(plan.init, CLONE_NEWPID) != 0) {
    reply.error_number = errno;
    return reply;
  }
  const pid_t pid = fork_payload(leaf);
  if (pid == 0) {
    kind.run_payload(plan, request.processes != 0 ? processes_ : strict_, request.hurried != 0);
    ::_exit(1);
  }
  reply.error_number = pid < 0 ? errno : 0;
  reply.pid = pid < 0 ? 0 : pid;
  // without the way back every later child would be born in this sandbox
  if (::setns(own_pid_namespace_.get(), CLONE_NEWPID) != 0) die("return to own PID namespace");
  return reply;
}

void ForkServer::send(const ForkReply& reply) const {
  const std::string_view bytes(reinterpret_cast<const char*>(&reply), sizeof reply);
  if (!sys::send_with_fds(control_.get(), bytes, {})) ::_exit(0);
}

void ForkServer::serve(const Kind& kind) const {
  send({kHello, ::getpid(), 0});
  for (;;) {
    ForkRequest request;
    auto received = sys::receive_with_fds(control_.get(),
                                          std::span<char>(reinterpret_cast<char*>(&request), sizeof request));
    if (!received || received->size == 0) ::_exit(0);  // the supervisor is gone
    if (received->size != sizeof request) die("receive request of a wrong size");
    send(answer(kind, request, received->fds));
  }
}

}  // namespace executor::zygote
