// The local runner's program: started by local_start.cpp with the descriptors of local_service.hpp.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "backend/local_service.hpp"
#include "base/sys.hpp"

int main() {
  using namespace executor;
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_NAME, "executor-local");
  for (const int fd : {local::kFrontFd, local::kConfigFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  struct stat info {};
  if (::fstat(local::kConfigFd, &info) != 0) return 1;
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  if (!sys::raw::read_all(local::kConfigFd, bytes.data(), bytes.size())) return 1;
  auto config = supervisor::decode<local::Config>(bytes);
  if (!config) return 1;
  boost::asio::io_context context{1};
  local::Service(context, std::move(*config), UniqueFd(local::kFrontFd)).serve();
  return 0;
}
