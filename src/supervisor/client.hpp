// The front's end of the supervisor: sends programs, receives facts, outlives the supervisor itself.
//
// All calls and callbacks on the io_context's thread. When a supervisor dies, what it was running fails with
// ECONNRESET; what is sent while none is there waits for the next one, which the steward starts at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"
#include "supervisor/connection.hpp"
#include "supervisor/protocol.hpp"

namespace executor::supervisor {

class Client {
 public:
  using Done = std::function<void(Result<Outcome>)>;
  /// The two ends of a long-lived sandbox: its standard input to write, its standard output to read. Both
  /// report the sandbox's end as end of file.
  struct Channel {
    UniqueFd input, output;
  };
  using Opened = std::function<void(Result<Channel>)>;

  Client(boost::asio::io_context& context, Connection connection);

  std::uint64_t run(Program program, Done done);
  void cancel(std::uint64_t id);
  void open_channel(Program program, Opened opened);

  /// Called with every change of state: ready with the layers in force, or not ready with the reason.
  std::function<void(bool ready, const std::string& detail)> on_state;
  /// Called once, when the steward has ended and before what was running fails: no supervisor will come any
  /// more.
  std::function<void()> on_abandoned;

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  [[nodiscard]] const std::vector<std::string>& isolation() const { return isolation_; }
  [[nodiscard]] const StatisticsMessage& statistics() const { return statistics_; }
  /// True once the steward has ended: no supervisor will come any more.
  [[nodiscard]] bool abandoned() const { return abandoned_; }

 private:
  struct Pending {
    Done done;
    Opened opened;
    bool sent = false;
  };

  void wait_for_supervisor();
  void on_link();
  void connect(UniqueFd socket);
  void wait_for_frames();
  void on_readable();
  void on_frame(const FrameSplitter::Frame& frame);
  void disconnect(const std::string& why);
  void fail_all(const Error& error, bool only_sent);
  void send(std::string_view frame);
  void flush();
  void set_state(bool ready, std::string detail);
  void on_finished(FinishedMessage message);
  void on_channel(const ChannelOpenedMessage& message);

  boost::asio::io_context& context_;
  boost::asio::posix::stream_descriptor link_;
  std::optional<boost::asio::posix::stream_descriptor> socket_;
  FrameSplitter incoming_;
  std::string outgoing_;
  bool writing_ = false;
  std::deque<UniqueFd> received_fds_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_id_ = 1;
  std::deque<std::pair<std::uint64_t, std::string>> unsent_;  ///< frames for the next supervisor
  bool ready_ = false;
  bool abandoned_ = false;
  std::string detail_ = "starting";
  std::vector<std::string> isolation_;
  StatisticsMessage statistics_;
  std::uint64_t leaks_removed_ = 0;  ///< by all supervisors and the start
};

}  // namespace executor::supervisor
