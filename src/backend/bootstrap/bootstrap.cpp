// Process 1 of a container: starts one program, reaps what it leaves behind, and reports how it ended.
//
// It says on standard output that it is ready, with the container's CPU time so far, and reads the hand-over
// (hand_over.hpp) from standard input. The program stands in /tmp, behind a further seccomp filter where one
// is given: the engine's must let this one fork and execute, the runtime's program need not. It is not
// dumpable, so that a program of the same user can neither read nor write it, and as process 1 cannot be
// killed from inside. The last bytes on standard error are the report, behind the nonce, which no program
// sees: when they are written, this process is alone in the container. SIGTERM ends the program; so does its
// time, should nobody ask any more.
//
// Static: the image need not have a library of ours. Single-threaded.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backend/bootstrap/filter_marks.hpp"
#include "backend/bootstrap/hand_over.hpp"
#include "base/archive.hpp"
#include "base/argument_list.hpp"
#include "base/sys.hpp"

namespace executor::docker {
namespace {

pid_t program = -1;  // for the handler

void end_program(int /*signal*/) { ::kill(program, SIGKILL); }

/// A number in one of the container's cgroup files, behind `key` where there is one; 0 where there is none.
unsigned long long number(const std::string& file, const std::string& key = {}) {
  const auto text = sys::read_file("/sys/fs/cgroup/" + file);
  if (!text) return 0;
  const std::size_t at = key.empty() ? 0 : ("\n" + *text).find("\n" + key + " ");
  return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + key.size(), nullptr, 10);
}

unsigned long long first_of(unsigned long long a, unsigned long long b) { return a != 0 ? a : b; }

/// Nanoseconds that all of the container has used.
unsigned long long cpu_time() {
  return first_of(number("cpuacct/cpuacct.usage"), number("cpu.stat", "usage_usec") * 1000);
}
unsigned long long memory_peak() {
  return first_of(number("memory.peak"), number("memory/memory.max_usage_in_bytes"));
}
unsigned long long oom_kills() {
  return first_of(number("memory.events", "oom_kill"), number("memory/memory.oom_control", "oom_kill"));
}

/// Ends where whoever made this container is gone.
BootstrapHandOver read_hand_over() {
  constexpr std::uint32_t kLargest = 64U << 20;
  std::uint32_t size = 0;
  if (!sys::raw::read_all(STDIN_FILENO, &size, sizeof size) || size > kLargest) ::_exit(0);
  std::string bytes(size, '\0');
  if (!sys::raw::read_all(STDIN_FILENO, bytes.data(), bytes.size())) ::_exit(0);
  BootstrapHandOver hand_over;
  ArchiveReader reader(bytes);
  reader(hand_over);
  if (!reader.finished() || hand_over.command.empty() || hand_over.paths.size() != hand_over.contents.size())
    ::_exit(0);
  return hand_over;
}

/// The interpreter of that name in the image, wherever its own PATH has it; empty where it is not.
std::string find_interpreter(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string_view places = path != nullptr && *path != '\0' ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!places.empty()) {
    const std::size_t end = std::min(places.find(':'), places.size());
    std::string candidate = std::string(places.substr(0, end)) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    places.remove_prefix(std::min(end + 1, places.size()));
  }
  return {};
}

/// The list in pages of its own: its address, by which execve is allowed, is no other program's.
char* const* in_own_pages(const std::vector<char*>& list) {
  const std::size_t size = list.size() * sizeof(char*);
  void* const page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  std::memcpy(page, list.data(), size);
  return static_cast<char* const*>(page);
}

bool load_filter(const std::string& bytes, const void* environment) {
  if (bytes.empty()) return true;
  std::vector<sock_filter> filter(bytes.size() / sizeof(sock_filter));
  std::memcpy(filter.data(), bytes.data(), filter.size() * sizeof(sock_filter));
  if (!fill_marks(filter, ::getpid(), environment)) return false;
  const sock_fprog code{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &code, 0, 0) == 0;
}

/// The child, to its execve. What fails is told through `failed`.
[[noreturn]] void run_program(BootstrapHandOver& hand_over, int failed) {
  const auto require = [failed](bool done, const char* what) {
    if (done) return;
    ::dprintf(failed, "%s: %s", what, std::strerror(errno));
    ::_exit(127);
  };
  require(::setsid() > 0, "make a session");
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const std::string name = std::filesystem::path(hand_over.command.front()).filename();
  const std::string interpreter = find_interpreter(name);
  errno = ENOENT;
  require(!interpreter.empty(), name.c_str());
  hand_over.command.front() = name;
  hand_over.environment.push_back("PATH=" + std::filesystem::path(interpreter).parent_path().string());
  const std::vector<char*> argv = argument_list(hand_over.command);
  char* const* const environment = in_own_pages(argument_list(hand_over.environment));
  require(environment != nullptr, "map the environment");
  require(load_filter(hand_over.filter, environment), "load the filter");
  ::syscall(SYS_execve, interpreter.c_str(), argv.data(), environment);
  require(false, interpreter.c_str());
  ::_exit(127);
}

/// Ends everything but this process.
void wait_until_alone() {
  constexpr int kAttempts = 1000;
  for (int i = 0; i < kAttempts && ::kill(-1, SIGKILL) == 0; ++i) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    ::usleep(1000);
  }
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

std::string read_to_end(int fd) {
  std::string text;
  for (char byte = 0; sys::raw::read_all(fd, &byte, 1);) text += byte;
  return text;
}

int serve() {
  ::dprintf(STDOUT_FILENO, "executor-ready:%020llu\n", cpu_time());
  BootstrapHandOver hand_over = read_hand_over();
  constexpr int kFailed = 126;
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || ::chdir("/tmp") != 0) return kFailed;
  for (std::size_t i = 0; i < hand_over.paths.size(); ++i)
    if (!sys::place_file("/tmp/" + hand_over.paths[i], hand_over.contents[i], i == 0 ? 0644 : 0444))
      return kFailed;
  auto pipe = sys::make_pipe();
  if (!pipe) return kFailed;
  program = ::fork();
  if (program < 0) return kFailed;
  if (program == 0) run_program(hand_over, pipe->write.get());
  handle(SIGTERM, end_program);
  handle(SIGALRM, end_program);
  handle(SIGPIPE, SIG_IGN);
  ::alarm(hand_over.life);
  pipe->write.reset();
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  const std::string failure = read_to_end(pipe->read.get());
  int status = 0;
  rusage usage{};
  while (::wait4(-1, &status, 0, &usage) != program) {  // orphans are ours to reap
  }
  handle(SIGTERM, SIG_IGN);
  ::alarm(0);
  wait_until_alone();
  if (!failure.empty()) ::dprintf(STDERR_FILENO, "%s", failure.c_str());
  const int kind = !failure.empty() ? 2 : WIFSIGNALED(status) ? 1 : 0;
  ::dprintf(STDERR_FILENO, "%s:%01d:%03d:%020llu:%020llu:%020llu:%010llu\n", hand_over.nonce.c_str(), kind,
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), cpu_time(), memory_peak(),
            static_cast<unsigned long long>(usage.ru_maxrss) * 1024, oom_kills());
  return 0;
}

}  // namespace
}  // namespace executor::docker

int main() { return executor::docker::serve(); }
