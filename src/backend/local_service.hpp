// The local runner's process: it takes programs from the front as a supervisor does (supervisor/protocol.hpp)
// and runs each in a process of its own, restricted by what needs neither namespaces nor privileges.
//
// One thread, one io_context; ends when the front's socket closes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"
#include "supervisor/protocol.hpp"

namespace executor::local {

struct Config {
  std::string rootfs;                    ///< absolute
  std::string work;                      ///< a directory of ours alone, absolute
  std::vector<std::string> environment;  ///< NAME=value, without PATH
  std::string filter;                    ///< of docker::program_filter()
};
template <class A>
void archive_fields(A& a, Config& c) {
  a(c.rootfs, c.work, c.environment, c.filter);
}

// descriptors that the process finds open when it starts
inline constexpr int kFrontFd = 3;
inline constexpr int kConfigFd = 4;

class Run;

class Service {
 public:
  Service(boost::asio::io_context& context, Config config, UniqueFd front);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Until the front goes.
  void serve();

 private:
  friend class Run;
  void read();
  void on_frame(const supervisor::FrameSplitter::Frame& frame);
  void start(std::uint64_t id, Program program, bool is_channel);
  void send(const std::string& frame);
  void write();
  void fail(std::uint64_t id, const Error& error);
  /// The channel's ends go with the message; false where the socket did not take them.
  bool hand_channel(std::uint64_t id, int input, int output);
  void forget(std::uint64_t id);

  boost::asio::io_context& context_;
  Config config_;
  boost::asio::posix::stream_descriptor front_;
  supervisor::FrameSplitter incoming_{};
  std::string chunk_;
  std::string outgoing_{}, current_{};
  std::map<std::uint64_t, std::shared_ptr<Run>> runs_{};
};

}  // namespace executor::local
