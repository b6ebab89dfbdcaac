#include "rootfs/program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/unique_fd.hpp"

namespace executor::rootfs {
namespace {

constexpr std::size_t kErrorTextMax = 2000;

/// posix_spawn's list of what the child does with its descriptors, freed with its scope.
class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> list{"LC_ALL=C"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("LC_ALL=")) list.emplace_back(*entry);
  }
  return list;
}

Result<std::string> content_of(const UniqueFd& file) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::pread(file.get(), buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (count == 0) return text;
    if (count < 0) return errno_error("read a program's output", errno);
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<int> wait_for(pid_t pid, const std::string& name) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno_error("wait for \"" + name + "\"", errno);
  }
  return status;
}

std::string describe_failure(const std::string& name, int status, std::string errors) {
  std::string text = "run \"" + name + "\": ";
  text += WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                            : "ended by signal " + std::to_string(WTERMSIG(status));
  while (!errors.empty() && errors.back() == '\n') errors.pop_back();
  if (errors.size() > kErrorTextMax) errors.erase(0, errors.size() - kErrorTextMax);
  return errors.empty() ? text : text + "\n" + errors;
}

}  // namespace

Result<std::string> run_host_program(const HostProgram& program) {
  const std::string& name = program.argv.front();
  const UniqueFd output(::memfd_create("stdout", MFD_CLOEXEC));
  const UniqueFd errors(::memfd_create("stderr", MFD_CLOEXEC));
  if (!output || !errors) return errno_error("make a file for the output of \"" + name + "\"", errno);

  SpawnActions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions.get(), errors.get(), STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(actions.get(), program.working_directory.c_str());

  const std::vector<std::string> environment = program.environment ? *program.environment : own_environment();
  pid_t pid = 0;
  const int failure = ::posix_spawnp(&pid, name.c_str(), actions.get(), nullptr,
                                     pointers(program.argv).data(), pointers(environment).data());
  if (failure != 0) return errno_error("start \"" + name + "\"", failure);

  const Result<int> status = wait_for(pid, name);
  if (!status) return status.error();
  if (*status == 0) return content_of(output);
  const Result<std::string> text = content_of(errors);
  return Error{describe_failure(name, *status, text ? *text : ""), {}};
}

}  // namespace executor::rootfs
