#include "cgroup/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <memory>
#include <thread>

#include "base/sys.hpp"
#include "cgroup/hierarchy.hpp"

namespace executor::cgroup {

Result<UniqueFd> open_to_stay(int directory, const std::string& name, int flags) {
  constexpr int kAbove = 512;
  auto file = sys::open_at(directory, name, flags);
  if (!file) return file;
  if (const int above = ::fcntl(file->get(), F_DUPFD_CLOEXEC, kAbove); above >= 0) file->reset(above);
  return file;
}

Result<UniqueFd> make_directory(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0755) != 0) return errno_error("make cgroup \"" + name + "\"", errno);
  auto directory = open_to_stay(parent, name, O_DIRECTORY | O_RDONLY);
  if (!directory) ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  return directory;
}

Result<void> remove_directory(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return errno_error("remove cgroup \"" + name + "\"", errno);
}

void kill_listed(int directory) {
  const auto listed = sys::read_file_at(directory, "cgroup.procs");
  if (!listed) return;
  const char* at = listed->data();
  const char* end = at + listed->size();
  while (at < end) {
    pid_t pid = 0;
    at = std::from_chars(at, end, pid).ptr + 1;
    if (pid > 0) ::kill(pid, SIGKILL);
  }
}

std::vector<std::string> subgroups(int directory) {
  std::vector<std::string> names;
  auto copy = sys::open_at(directory, ".", O_DIRECTORY | O_RDONLY);
  if (!copy) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy->release()), ::closedir);
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr)
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

Result<void> wait_and_remove(int parent, const std::string& name) {
  for (int attempt = 0;; ++attempt) {
    auto done = remove_directory(parent, name);
    if (done || attempt == 100) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<std::size_t> remove_subgroups(int directory) {
  std::size_t removed = 0;
  for (const std::string& name : subgroups(directory)) {
    auto group = sys::open_at(directory, name, O_DIRECTORY | O_RDONLY);
    if (!group) continue;
    auto below = remove_subgroups(group->get());
    if (!below) return below;
    kill_listed(group->get());
    if (auto done = wait_and_remove(directory, name); !done) return done.error();
    ++removed;
  }
  return removed;
}

Result<std::string> read_again(int fd) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
  if (n < 0) return errno_error("read cgroup file", errno);
  return std::string(buffer.data(), static_cast<std::size_t>(n));
}

std::uint64_t quota_us(std::uint64_t nano_cpus) {
  constexpr std::uint64_t kMinimumUs = 1000;  // the kernel refuses less
  return std::max(kMinimumUs, nano_cpus / 1000 * kPeriodUs / 1'000'000);
}

Result<std::uint64_t> single_value(std::string_view content) {
  while (!content.empty() && content.back() == '\n') content.remove_suffix(1);
  if (content == "max") return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(content.data(), content.data() + content.size(), value);
  if (error != std::errc{} || end != content.data() + content.size() || content.empty())
    return errno_error("read number \"" + std::string(content.substr(0, 40)) + "\"", EINVAL);
  return value;
}

Result<std::uint64_t> flat_keyed_value(std::string_view content, std::string_view key) {
  while (!content.empty()) {
    const auto line = content.substr(0, content.find('\n'));
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return single_value(line.substr(key.size() + 1));
    content.remove_prefix(std::min(content.size(), line.size() + 1));
  }
  return errno_error("find key \"" + std::string(key) + "\"", ENOENT);
}

}  // namespace executor::cgroup
