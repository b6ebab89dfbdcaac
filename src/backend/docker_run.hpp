// One container from its creation to its removal, and the one program in it.
//
//   create ─▶ attach ─▶ start ─▶ "ready" ─▶ hand-over, clocks start ─▶ end of the stream ─▶ wait ─▶ look ─▶
//   remove ─▶ answer
//
// What the container says is believed as little as may be: its end is the engine's word, and so is an OOM
// kill; its clock is ours; exit status, CPU time and peak come from the bootstrap (bootstrap/bootstrap.cpp)
// behind a nonce that the program never sees.
//
// Ownership: keeps itself alive by its requests until it has answered. Thread safety: the io_context's
// thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backend/docker_host.hpp"
#include "executor/outcome.hpp"
#include "executor/program.hpp"

namespace executor::docker {

class Run : public std::enable_shared_from_this<Run> {
 public:
  using Done = std::function<void(Result<Outcome>)>;

  Run(std::shared_ptr<Host> host, Program program, Done done);

  /// As a channel: no limit of time, output goes to `on_bytes`, and write() feeds standard input.
  void become_channel(std::function<void(std::string_view)> on_bytes);
  void start();
  /// Ends the program; `done` still comes.
  void stop(Ending why);
  /// No callback comes any more, and the container goes.
  void abandon();
  void write(std::string bytes);
  /// Answers with this error, unless it has answered.
  void fail(const Error& error);

 private:
  using Clock = std::chrono::steady_clock;

  void create();
  void attach();
  void start_container();
  void on_bytes(std::string_view bytes);
  void on_output(bool is_stderr, std::string_view bytes);
  void on_stdout(std::string_view bytes);
  void on_stderr(std::string_view bytes);
  void await_report();
  void hand_over();
  void watch_wall_time();
  void watch_cpu_time(std::chrono::nanoseconds pause);
  void on_statistics(const Result<Response>& answer);
  void kill(const std::string& signal);
  void on_stream_end();
  void look(int exit_code);
  void conclude(int exit_code, bool oom_killed);
  [[nodiscard]] Outcome outcome(int exit_code, bool oom_killed, const std::optional<Report>& report);
  void answer(Result<Outcome> result);
  void arm(std::chrono::nanoseconds deadline, const std::string& what);
  void ask(std::string method, std::string target, std::string body,
           std::function<void(const Response&)> use);
  [[nodiscard]] std::string target(const std::string& rest) const { return "/containers/" + id_ + rest; }

  std::shared_ptr<Host> host_;
  const Host::Runtime* runtime_ = nullptr;
  Program program_;
  Done done_;
  std::function<void(std::string_view)> channel_bytes_{};
  bool is_channel_ = false;
  boost::asio::steady_timer deadline_;  // of ours, for the engine
  boost::asio::steady_timer wall_timer_;
  boost::asio::steady_timer cpu_timer_;
  boost::asio::steady_timer report_timer_;
  std::string id_{};
  std::string nonce_;
  std::shared_ptr<Stream> stream_{};
  Demultiplexer demultiplexer_{};
  std::string head_{};  // of standard output, until it is known to be ready
  bool ready_ = false;
  std::string out_{};
  bool out_truncated_ = false;
  std::string err_{};          // the first bytes
  std::string tail_{};         // the last bytes, where the report stands
  std::size_t err_total_ = 0;  // bytes of both and between
  std::string early_input_{};  // a channel's, before it is ready
  Clock::time_point started_{}, ended_{}, stream_end_{};
  std::chrono::nanoseconds cpu_at_start_{}, cpu_seen_{};
  std::uint64_t memory_seen_ = 0;
  std::optional<Ending> killed_for_{};
  bool stream_ended_ = false;
};

}  // namespace executor::docker
