// What the Redis tests stand on: a real redis-server of their own, an io_context driven until something
// holds, and a worker that answers jobs in a known way.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "queue/redis_queue.hpp"

namespace executor::testing {

/// A directory that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string path(const std::string& name = "") const;

 private:
  std::string path_;
};

/// Runs a program to its end and gives its standard output; throws unless it exits with 0.
std::string run_program(const std::vector<std::string>& arguments, const std::string& input = "");

/// A redis-server with its own directory and socket; killed with the object. Its data stay over stop() and
/// start() only where persistence was asked for.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> settings = {}, bool persistent = false);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();
  /// SIGKILL, as a crash would be.
  void kill();
  [[nodiscard]] std::string url() const { return "unix://" + socket(); }
  [[nodiscard]] std::string socket() const { return directory_.path("redis.sock"); }
  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

  /// redis-cli's answer, without its last line feed.
  std::string cli(std::vector<std::string> arguments, const std::string& input = "") const;
  [[nodiscard]] long long number(std::vector<std::string> arguments) const;

 private:
  TemporaryDirectory directory_;
  std::vector<std::string> settings_;
  bool persistent_;
  int pid_ = -1;
};

/// A TCP port that nobody listened on a moment ago.
int free_port();

/// Drives the io_context until the condition holds; false when it did not within the time.
bool run_until(boost::asio::io_context& io, const std::function<bool()>& condition,
               std::chrono::milliseconds patience = std::chrono::seconds(20));
void run_for(boost::asio::io_context& io, std::chrono::milliseconds time);

std::string job_body(const std::string& id, const std::string& source = "print(1)",
                     const std::string& extra = "");
/// The answer that every EchoWorker gives for a job.
std::string result_of(const std::string& id);

/// The options that the tests use: short leases, the server's socket, the log collected.
RedisQueueOptions options_for(const std::string& url, std::vector<std::string>* log = nullptr);

/// What a front was answered, by job.
struct Answers {
  std::map<std::string, std::vector<Result<std::string>>> by_id{};
  std::size_t count = 0;

  void submit(Queue& queue, const std::string& id, const std::string& body);
  void submit(Queue& queue, const std::string& id) { submit(queue, id, job_body(id)); }
  [[nodiscard]] std::size_t good() const;  ///< jobs with exactly one answer, and that the right one
};

/// A queue whose jobs are answered after `run_time`; counts the runs of each job.
class EchoWorker {
 public:
  EchoWorker(boost::asio::io_context& io, RedisQueueOptions options, std::map<std::string, int>& runs,
             std::size_t capacity = 4, std::chrono::milliseconds run_time = {});
  [[nodiscard]] Queue& queue() { return *queue_; }
  std::size_t completed = 0;

 private:
  std::unique_ptr<Queue> queue_;
  std::shared_ptr<int> life_ = std::make_shared<int>();
};

}  // namespace executor::testing
