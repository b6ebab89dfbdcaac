#include "backend/local_start.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "backend/docker_host.hpp"
#include "backend/docker_messages.hpp"
#include "backend/installed.hpp"
#include "backend/local_child.hpp"
#include "backend/local_service.hpp"
#include "base/sys.hpp"
#include "rootfs/paths.hpp"
#include "rootfs/runtime.hpp"
#include "supervisor/client.hpp"

namespace executor {

namespace {

namespace fs = std::filesystem;

constexpr int kExecutableFd = 5;

Result<local::Config> local_config() {
  const auto manifest = rootfs::load_runtime_manifest("python");
  if (!manifest) return manifest.error();
  auto profile = installed_profile(manifest->seccomp_profile);
  if (!profile) return profile.error();
  auto filter = docker::program_filter(*profile);
  if (!filter) return filter.error();
  local::Config config;
  std::error_code error;
  config.rootfs = fs::canonical(rootfs::rootfs_directory("python"), error).string();
  if (error) return Error("find the root file system of \"python\" (executor rootfs build makes it)", error);
  config.filter = std::move(*filter);
  for (const auto& [name, value] : manifest->environment)
    if (name != "PATH") config.environment.push_back(std::string(name).append("=").append(value));
  return config;
}

/// What the keeper holds for every runner that it starts.
struct Estate {
  UniqueFd executable, config, null;
  std::string work;
};

[[noreturn]] void execute(const Estate& estate, int front) {
  const int wanted[] = {estate.null.get(),   estate.null.get(),      STDERR_FILENO, front,
                        estate.config.get(), estate.executable.get()};
  constexpr int kAbove = 64;
  int lifted[kExecutableFd + 1];
  for (int i = 0; i <= kExecutableFd; ++i)
    if ((lifted[i] = ::fcntl(wanted[i], F_DUPFD, kAbove)) < 0) ::_exit(1);
  for (int i = 0; i <= kExecutableFd; ++i)
    if (::dup2(lifted[i], i) != i) ::_exit(1);
  if (sys::raw::close_range(kExecutableFd + 1, ~0U, 0) != 0 ||
      ::fcntl(kExecutableFd, F_SETFD, FD_CLOEXEC) != 0 || ::lseek(local::kConfigFd, 0, SEEK_SET) != 0 ||
      ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    ::_exit(1);
  char name[] = "executor-local";
  char* const argv[] = {name, nullptr};
  char* const environment[] = {nullptr};
  ::execveat(kExecutableFd, "", argv, environment, AT_EMPTY_PATH);
  ::_exit(1);
}

/// One runner from its start to its end; false where the front has gone.
bool keep_one(const Estate& estate, int link) {
  auto pair = sys::make_socket_pair(SOCK_STREAM);
  if (!pair) return false;
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) execute(estate, pair->second.get());
  pair->second.reset();
  const char byte = 0;
  const int fds[] = {pair->first.get()};
  const bool told = sys::send_with_fds(link, {&byte, 1}, fds).has_value();
  pair->first.reset();
  const auto pidfd = sys::pidfd_open(pid);
  pollfd events[] = {{link, POLLIN, 0}, {pidfd ? pidfd->get() : -1, POLLIN, 0}};
  while (told && pidfd && ::poll(events, 2, -1) < 0 && errno == EINTR) {
  }
  const bool front_is_there = told && pidfd && events[0].revents == 0;
  if (!front_is_there) ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return front_is_there;
}

[[noreturn]] void keep(const Estate& estate, int link) {
  ::setsid();
  ::prctl(PR_SET_NAME, "executor-keeper");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  constexpr int kPauseMs = 100;
  pollfd front{link, POLLIN, 0};
  while (keep_one(estate, link) && ::poll(&front, 1, kPauseMs) == 0) {
  }
  std::error_code error;
  fs::remove_all(estate.work, error);
  ::_exit(0);
}

/// A directory of ours alone, named so that a later start knows whether its owner lives.
Result<std::string> make_work_directory() {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  const std::string prefix = "executor-local-" + std::to_string(::getuid()) + "-";
  for (const auto& entry : fs::directory_iterator(base, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const int pid = std::atoi(name.c_str() + prefix.size());
    std::error_code ignored;
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
  }
  std::string path = (base / (prefix + std::to_string(::getpid()) + "-XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) return errno_error("make \"" + path + "\"", errno);
  return path;
}

/// Runs a program over a connection of its own, so that what the service promises was seen to work.
Result<void> try_runner(supervisor::StewardHandle& handle) {
  boost::asio::io_context context{1};
  const int link = ::dup(handle.connection.link.get());
  supervisor::Client client(context, {UniqueFd(link), {}, 0});
  std::optional<Result<Outcome>> answer;
  Program program;
  program.source = "print(6 * 7)";
  client.run(program, [&answer](Result<Outcome> outcome) { answer.emplace(std::move(outcome)); });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!answer && context.run_one_until(until) > 0) {
  }
  if (!answer) return errno_error("try the local runner", ETIMEDOUT);
  if (!*answer) return answer->error();
  if ((*answer)->stdout_bytes != "42\n")
    return Error("run a program locally: it said \"" + (*answer)->stderr_bytes.substr(0, 300) + "\"", {});
  return {};
}

}  // namespace

Result<supervisor::StewardHandle> start_local(bool drops, uid_t uid, gid_t gid) {
  if (local::landlock_version() < 1) return errno_error("use Landlock", EOPNOTSUPP);
  auto config = local_config();
  if (!config) return config.error();
  auto path = installed_program("executor-local");
  if (!path) return path.error();
  auto executable = sys::open_at(AT_FDCWD, *path, O_RDONLY);
  auto null = sys::open_at(AT_FDCWD, "/dev/null", O_RDWR);
  auto link = sys::make_socket_pair(SOCK_SEQPACKET);
  auto ended = sys::make_pipe();
  if (!executable) return executable.error();
  if (!null || !link || !ended) return errno_error("prepare the local runner", errno);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork keeper", errno);
  if (pid == 0) {
    link->first.reset();
    ended->read.reset();
    if (drops && !supervisor::drop_privileges(uid, gid)) ::_exit(1);
    auto work = make_work_directory();
    if (!work) ::_exit(1);
    config->work = *work;
    ArchiveWriter writer;
    writer(*config);
    auto file = sys::make_memory_file("local-config", writer.bytes());
    if (!file) ::_exit(1);
    const Estate estate{std::move(*executable), std::move(*file), std::move(*null), *work};
    keep(estate, link->second.get());
  }
  link->second.reset();
  ended->write.reset();
  supervisor::StewardHandle handle{{std::move(link->first), {}, 0}, std::move(ended->read), drops, 0};
  if (auto tried = try_runner(handle); !tried) {
    supervisor::wait_for_end(handle);
    return tried.error();
  }
  return handle;
}

}  // namespace executor
