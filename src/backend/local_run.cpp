#include "backend/local_run.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "backend/docker_messages.hpp"
#include "backend/local_child.hpp"
#include "base/argument_list.hpp"
#include "base/sys.hpp"
#include "sandbox/privileges.hpp"

namespace executor::local {

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kLookPause{10};
constexpr milliseconds kDrainTime{100};  // for what stands in the pipes when the process has ended

const std::vector<std::string>& layers() {
  static const std::vector<std::string> names{"landlock",        "seccomp",         "no_new_privs",
                                              "no_capabilities", "resource_limits", "session"};
  return names;
}

nanoseconds cpu_time_of(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return nanoseconds(0);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Processes and threads of our user: RLIMIT_NPROC counts them all.
std::uint64_t tasks_of_user() {
  std::uint64_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream status("/proc/" + name + "/status");
    std::string key;
    std::uint64_t uid = 0;
    std::uint64_t threads = 0;
    for (std::string rest; status >> key && threads == 0; std::getline(status, rest)) {
      if (key == "Uid:") status >> uid;
      if (key == "Threads:") status >> threads;
    }
    if (uid == ::getuid()) count += threads;
  }
  return count;
}

}  // namespace

Run::Run(Service& service, std::uint64_t id, Program program, bool is_channel)
    : service_(service),
      id_(id),
      program_(std::move(program)),
      is_channel_(is_channel),
      name_(sys::random_hex(6)),
      directory_(service.config_.work + "/" + name_),
      wall_timer_(service.context_),
      look_timer_(service.context_),
      drain_timer_(service.context_) {}

/// The directory was never the program's to write, so its paths are what we made them.
Run::~Run() {
  if (pid_ > 0 && !ended_known_) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code error;
  fs::remove_all(directory_, error);
}

Result<void> Run::start() {
  if (auto written = write_files(); !written) return written;
  if (auto launched = launch(); !launched) return launched;
  watch_process();
  if (is_channel_) return {};
  feed();
  capture(out_);
  wall_timer_.expires_at(started_ + program_.limits.wall_time);
  wall_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (!code) self->stop(Ending::wall_time_limit);
  });
  watch_limits();
  return {};
}

Result<void> Run::write_files() {
  if (::mkdir(directory_.c_str(), 0755) != 0) return errno_error("make \"" + directory_ + "\"", errno);
  if (!sys::place_file(directory_ + "/main.py", program_.source, 0644))
    return errno_error("write the program", errno);
  for (const SourceFile& file : program_.files)
    if (!sys::place_file(directory_ + "/" + file.path, file.content, 0444))
      return errno_error("write \"" + file.path + "\"", errno);
  return {};
}

Result<void> Run::launch() {
  auto ruleset = make_ruleset(service_.config_.rootfs, directory_);
  if (!ruleset) return ruleset.error();
  auto in = sys::make_pipe();
  auto out = sys::make_pipe();
  auto err = sys::make_pipe();
  auto report = sys::make_pipe();
  if (!in || !out || !err || !report) return errno_error("make pipes", errno);
  const std::string usr = service_.config_.rootfs + "/usr";
  // the root's own loader and libraries: the host's Python, if it has one, is another
  std::vector<std::string> arguments{usr + "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
                                     "--library-path",
                                     usr + "/lib/x86_64-linux-gnu",
                                     "--argv0",
                                     "python3",
                                     usr + "/bin/python3",
                                     "main.py"};
  arguments.insert(arguments.end(), program_.args.begin(), program_.args.end());
  std::vector<std::string> environment = service_.config_.environment;
  environment.push_back("PATH=" + usr + "/bin");
  environment.push_back("LOCPATH=" + usr + "/lib/locale");
  const auto argv = argument_list(arguments);
  const auto envp = argument_list(environment);
  const std::string& bytes = service_.config_.filter;
  std::vector<sock_filter> filter(bytes.size() / sizeof(sock_filter));
  std::memcpy(filter.data(), bytes.data(), filter.size() * sizeof(sock_filter));
  ChildPlan plan;
  plan.stdin_read = in->read.get();
  plan.stdout_write = out->write.get();
  plan.stderr_write = err->write.get();
  plan.report = report->write.get();
  plan.ruleset = ruleset->get();
  plan.directory = directory_.c_str();
  plan.executable = arguments.front().c_str();
  plan.argv = argv.data();
  plan.environment = envp.data();
  plan.limits = program_.limits;
  plan.tasks_max = tasks_of_user() + program_.limits.pids_max;
  plan.no_capabilities = sandbox::empty_capabilities();
  plan.filter = filter.data();
  plan.filter_length = static_cast<unsigned short>(filter.size());
  pid_ = ::fork();
  if (pid_ == 0) enter_and_execute(plan);
  if (pid_ < 0) return errno_error("fork a program", errno);
  report->write.reset();
  if (auto started = learn_start(report->read.get()); !started) return started;
  started_ = std::chrono::steady_clock::now();
  auto pidfd = sys::pidfd_open(pid_);
  if (!pidfd) return pidfd.error();
  process_.emplace(service_.context_, pidfd->release());
  if (is_channel_ && !service_.hand_channel(id_, in->write.get(), out->read.get()))
    return errno_error("open channel to a program", EAGAIN);
  if (!is_channel_) {
    (void)sys::set_nonblocking(in->write.get());
    (void)sys::set_nonblocking(out->read.get());
    input_.emplace(service_.context_, in->write.release());
    out_.pipe.emplace(service_.context_, out->read.release());
  }
  (void)sys::set_nonblocking(err->read.get());
  err_.pipe.emplace(service_.context_, err->read.release());
  out_.cap = program_.limits.stdout_max;
  err_.cap = program_.limits.stderr_max;
  capture(err_);
  return {};
}

/// The end of the pipe means that the program was executed.
Result<void> Run::learn_start(int report) const {
  ChildReport words;
  if (!sys::raw::read_all(report, &words, sizeof words)) return {};
  return Error("start a program", std::error_code(words.error_number, std::generic_category()),
               std::string("local: ") + to_string(static_cast<Step>(words.step)));
}

void Run::feed() {
  asio::async_write(*input_, asio::buffer(program_.stdin_bytes),
                    [self = shared_from_this()](const boost::system::error_code&, std::size_t) {
                      self->input_.reset();  // end of file, or a program that does not read
                    });
}

void Run::capture(Capture& stream) {
  constexpr std::size_t kChunk = 64UL * 1024;
  stream.chunk.resize(kChunk);
  stream.pipe->async_read_some(
      asio::buffer(stream.chunk),
      [self = shared_from_this(), &stream](const boost::system::error_code& code, std::size_t size) {
        if (self->over_) return;
        if (code) {
          stream.closed = true;
          return self->settle();
        }
        const std::size_t room = self->is_channel_ ? 0 : stream.cap - stream.bytes.size();
        stream.bytes.append(stream.chunk, 0, std::min(size, room));
        if (size > room && !self->is_channel_) {
          stream.truncated = true;
          self->stop(Ending::output_limit);
        }
        self->capture(stream);
      });
}

void Run::watch_process() {
  process_->async_wait(
      Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& code) {
        if (code || self->over_) return;
        rusage usage{};
        if (::wait4(self->pid_, &self->status_, WNOHANG, &usage) != self->pid_) return self->watch_process();
        self->ended_ = std::chrono::steady_clock::now();
        self->ended_known_ = true;
        const auto time = [](const timeval& value) {
          return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
        };
        self->cpu_time_ = time(usage.ru_utime) + time(usage.ru_stime);
        self->maxrss_ = static_cast<std::uint64_t>(usage.ru_maxrss) * kKiB;
        self->wall_timer_.cancel();
        self->look_timer_.cancel();
        self->drain_timer_.expires_after(kDrainTime);
        self->drain_timer_.async_wait([self](const boost::system::error_code& late) {
          if (late) return;
          self->out_.closed = self->err_.closed = true;
          self->settle();
        });
        self->settle();
      });
}

/// No control group counts for us: the clocks and the memory are looked at.
void Run::watch_limits() {
  look_timer_.expires_after(kLookPause);
  look_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (code || self->ended_known_) return;
    if (cpu_time_of(self->pid_) > self->program_.limits.cpu_time) self->stop(Ending::cpu_time_limit);
    if (resident_bytes(self->pid_) > self->program_.limits.memory_max) self->stop(Ending::memory_limit);
    self->watch_limits();
  });
}

void Run::stop(Ending why) {
  if (ended_known_ || killed_for_) return;
  killed_for_ = why;
  ::kill(-pid_, SIGKILL);
}

/// Over once the process has ended and its pipes are empty.
void Run::settle() {
  if (over_ || !ended_known_) return;
  if (!is_channel_ && !(out_.closed && err_.closed)) return;
  over_ = true;
  if (is_channel_) {
    service_.fail(id_, errno_error("the channel's program ended", ECHILD));
  } else {
    supervisor::FinishedMessage message;
    message.id = id_;
    message.outcome = outcome();
    service_.send(supervisor::encode(message));
  }
  leave();
}

Outcome Run::outcome() {
  const Limits& limits = program_.limits;
  Outcome result;
  result.backend = "local";
  result.isolation = layers();
  result.sandbox_id = name_;
  result.wall_time = ended_ - started_;
  result.cpu_time = cpu_time_;
  result.memory_bytes = maxrss_;
  result.stdout_bytes = std::move(out_.bytes);
  result.stderr_bytes = std::move(err_.bytes);
  result.stdout_truncated = out_.truncated;
  result.stderr_truncated = err_.truncated;
  const bool exited = WIFEXITED(status_);
  if (exited) result.exit_code = WEXITSTATUS(status_);
  if (!exited) result.signal = WTERMSIG(status_);
  if (result.signal == SIGSYS)
    result.ending = Ending::security_violation;
  else if (result.stdout_truncated || result.stderr_truncated)
    result.ending = Ending::output_limit;
  else if (killed_for_ && !exited)
    result.ending = *killed_for_;
  else if (result.memory_bytes > limits.memory_max)
    result.ending = Ending::memory_limit;  // it ended between two looks
  else if (result.cpu_time > limits.cpu_time)
    result.ending = Ending::cpu_time_limit;
  else if (result.wall_time > limits.wall_time)
    result.ending = Ending::wall_time_limit;
  else
    result.ending = exited ? Ending::exited : Ending::signalled;
  return result;
}

void Run::leave() {
  wall_timer_.cancel();
  look_timer_.cancel();
  drain_timer_.cancel();
  process_.reset();
  input_.reset();
  out_.pipe.reset();
  err_.pipe.reset();
  service_.forget(id_);
}

}  // namespace executor::local
