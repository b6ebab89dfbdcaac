// One program of the local runner: its process, pipes, clocks and limits.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "backend/local_service.hpp"
#include "base/unique_fd.hpp"
#include "executor/outcome.hpp"

namespace executor::local {

class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(Service& service, std::uint64_t id, Program program, bool is_channel);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<void> start();
  void stop(Ending why);

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  struct Capture {
    std::optional<Descriptor> pipe{};
    std::string bytes{};
    std::string chunk{};
    std::uint64_t cap = 0;
    bool truncated = false;
    bool closed = false;
  };

  Result<void> write_files();
  Result<void> launch();
  [[nodiscard]] Result<void> learn_start(int report) const;
  void feed();
  void capture(Capture& stream);
  void watch_process();
  void watch_limits();
  void settle();
  [[nodiscard]] Outcome outcome();
  void leave();

  Service& service_;
  std::uint64_t id_;
  Program program_;
  bool is_channel_;
  std::string name_;       // 12 hex digits
  std::string directory_;  // of the program
  pid_t pid_ = -1;
  std::optional<Descriptor> process_{};  // pidfd
  std::optional<Descriptor> input_{};
  Capture out_{}, err_{};
  boost::asio::steady_timer wall_timer_, look_timer_, drain_timer_;
  std::chrono::steady_clock::time_point started_{}, ended_{};
  bool ended_known_ = false;
  bool over_ = false;
  int status_ = 0;
  std::chrono::nanoseconds cpu_time_{};
  std::uint64_t maxrss_ = 0;
  std::optional<Ending> killed_for_{};
};

}  // namespace executor::local
