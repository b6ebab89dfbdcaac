#include "redis_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace executor::testing {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "executor-redis-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::path(const std::string& name) const {
  return name.empty() ? path_ : path_ + "/" + name;
}

namespace {

/// Starts a program that dies with this one; its descriptors 0 to 2 are the given ones.
int spawn(const std::vector<std::string>& arguments, int in, int out, int err) {
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const int pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  return pid;
}

}  // namespace

std::string run_program(const std::vector<std::string>& arguments, const std::string& input) {
  const TemporaryDirectory scratch;
  const std::string input_path = scratch.path("in");
  const std::string output_path = scratch.path("out");
  const int in = open(input_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const int out = open(output_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (pwrite(in, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size()))
    throw std::runtime_error("write");
  const int pid = spawn(arguments, in, out, out);
  int status = 0;
  waitpid(pid, &status, 0);
  std::string text(static_cast<std::size_t>(lseek(out, 0, SEEK_END)), '\0');
  const ssize_t size = pread(out, text.data(), text.size(), 0);
  close(in);
  close(out);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || size != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error(arguments[0] + ": " + text);
  }
  return text;
}

RedisServer::RedisServer(std::vector<std::string> settings, bool persistent)
    : settings_(std::move(settings)), persistent_(persistent) {
  start();
}

RedisServer::~RedisServer() { kill(); }

void RedisServer::start() {
  std::vector<std::string> arguments{"redis-server",
                                     "--port",
                                     "0",
                                     "--unixsocket",
                                     socket(),
                                     "--dir",
                                     directory_.path(),
                                     "--logfile",
                                     directory_.path("log"),
                                     "--save",
                                     "",
                                     "--appendonly",
                                     persistent_ ? "yes" : "no",
                                     "--appendfsync",
                                     "always"};
  arguments.insert(arguments.end(), settings_.begin(), settings_.end());
  std::filesystem::remove(socket());
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  pid_ = spawn(arguments, null, null, null);
  close(null);
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  while (Clock::now() < deadline) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("redis-server ended at once");
    }
    try {
      const std::string pong = cli({"ping"});
      if (pong == "PONG" || pong.find("NOAUTH") != std::string::npos) return;
    } catch (const std::runtime_error&) {
      // not listening yet
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  throw std::runtime_error("redis-server does not answer");
}

void RedisServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string RedisServer::cli(std::vector<std::string> arguments, const std::string& input) const {
  arguments.insert(arguments.begin(), {"redis-cli", "--raw", "-s", socket()});
  std::string text = run_program(arguments, input);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

long long RedisServer::number(std::vector<std::string> arguments) const {
  return std::stoll(cli(std::move(arguments)));
}

int free_port() {
  asio::io_context io;
  const asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

bool run_until(asio::io_context& io, const std::function<bool()>& condition, milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  io.restart();
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    if (io.run_one_for(milliseconds(20)) > 0) io.poll();  // conditions may be dear: not one for each handler
  }
  return true;
}

void run_for(asio::io_context& io, milliseconds time) {
  run_until(
      io, [] { return false; }, time);
}

std::string job_body(const std::string& id, const std::string& source, const std::string& extra) {
  return R"({"jobId":")" + id + R"(","language":"python","source":")" + source +
         R"(","tests":[{"stdin":""}])" + extra + "}";
}

std::string result_of(const std::string& id) { return R"({"jobId":")" + id + R"(","ok":true})"; }

RedisQueueOptions options_for(const std::string& url, std::vector<std::string>* log) {
  RedisQueueOptions options;
  options.url = url;
  options.lease_ttl = milliseconds(1000);
  options.retry_delay = milliseconds(20);
  options.command_timeout = milliseconds(3000);
  if (log != nullptr) {
    options.log = [log](RedisLogLevel, std::string_view text) { log->emplace_back(text); };
  }
  return options;
}

void Answers::submit(Queue& queue, const std::string& id, const std::string& body) {
  queue.submit({id, body, nullptr}, [this, id](Result<std::string> answer) {
    ++count;
    by_id[id].push_back(std::move(answer));
  });
}

std::size_t Answers::good() const {
  return static_cast<std::size_t>(std::count_if(by_id.begin(), by_id.end(), [](const auto& entry) {
    return entry.second.size() == 1 && entry.second[0] && *entry.second[0] == result_of(entry.first);
  }));
}

EchoWorker::EchoWorker(asio::io_context& io, RedisQueueOptions options, std::map<std::string, int>& runs,
                       std::size_t capacity, milliseconds run_time)
    : queue_(make_redis_queue(io, std::move(options))) {
  queue_->consume(capacity, [this, &io, &runs, run_time](const Delivery& delivery) {
    ++runs[delivery.job.id];
    auto timer = std::make_shared<asio::steady_timer>(io, run_time);
    timer->async_wait(
        [this, timer, delivery, life = std::weak_ptr<int>(life_)](const boost::system::error_code&) {
          if (life.expired()) return;
          ++completed;
          queue_->complete(delivery, result_of(delivery.job.id));
        });
  });
}

}  // namespace executor::testing
