// The supervisor's process. It is started by the steward (supervisor/steward.hpp) as pid 1 of the outer PID
// namespace, root of the outer user namespace and nobody on the host, with the descriptors of
// supervisor/config.hpp.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/sys.hpp"
#include "cgroup/hierarchy.hpp"
#include "supervisor/builder.hpp"
#include "supervisor/protocol.hpp"
#include "supervisor/service.hpp"

namespace executor::supervisor {
namespace {

Result<Config> read_config() {
  struct stat info {};
  if (::fstat(kConfigFd, &info) != 0) return errno_error("stat configuration", errno);
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  if (!sys::raw::read_all(kConfigFd, bytes.data(), bytes.size()))
    return errno_error("read configuration", errno);
  ::close(kConfigFd);
  auto config = decode<Config>(bytes);
  if (!config) return errno_error("read configuration", EBADMSG);
  return *config;
}

Result<void> serve(UniqueFd& front) {
  auto config = read_config();
  if (!config) return config.error();
  UniqueFd zygote(kZygoteFd);
  std::vector<UniqueFd> directories;
  const int count = config->cgroup_version == 2 ? 1 : 4;
  directories.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) directories.emplace_back(kCgroupFd + i);
  for (int fd = kFrontFd; fd < kCgroupFd + count; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto hierarchy = cgroup::make_hierarchy(config->cgroup_version, std::move(directories));
  auto leaks = hierarchy->sweep();
  if (!leaks) return leaks.error();
  auto builder = Builder::make(std::move(*config), std::move(zygote), std::move(hierarchy));
  if (!builder) return builder.error();
  Service service(std::move(*builder), UniqueFd(front.release()), *leaks);
  auto done = service.run();
  if (!done) service.announce_failure(done.error());
  return done;
}

}  // namespace
}  // namespace executor::supervisor

int main() {
  using namespace executor;
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_NAME, "executor-superv");
  sys::prefer_latency();
  UniqueFd front(supervisor::kFrontFd);
  const auto done = supervisor::serve(front);
  if (done) return 0;
  if (front) {  // it failed before the service took over
    const std::string frame = supervisor::encode(supervisor::failed_message(done.error()));
    (void)sys::raw::write_all(front.get(), frame.data(), frame.size());
  }
  return 1;
}
