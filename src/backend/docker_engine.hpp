// HTTP to a Docker engine over its Unix socket: single requests, and the byte streams of containers.
//
// Each request has a connection of its own, and a deadline from connecting to the last byte of the answer, so
// an engine that hangs, drips or talks nonsense costs one Error. An answer's size is bounded. Nothing blocks.
//
// Ownership: the engine may go while requests are under way; their callbacks still come, unless the
// io_context ends first. Thread safety: the io_context's thread. No callback comes from inside the call that
// it belongs to. Source: Docker Engine API, "Attach to a container" for the stream.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "executor/error.hpp"
#include "executor/limits.hpp"

namespace executor::docker {

struct Request {
  std::string method;  ///< "GET", "POST", "DELETE"
  std::string target;
  std::string body{};  ///< JSON; empty: none
  std::chrono::milliseconds deadline{10'000};
  std::size_t answer_max = 4 * kMiB;  ///< bytes
};

struct Response {
  unsigned status = 0;
  std::string body{};
  [[nodiscard]] bool good() const { return status < 300; }
};

/// A container's attached streams, both ways. The bytes that arrive are still multiplexed.
class Stream {
 public:
  struct Events {
    std::function<void(std::string_view)> on_bytes;
    std::function<void()> on_end;  ///< the other side has ended, or is lost; nothing follows
  };
  virtual ~Stream() = default;
  /// From here on events come.
  virtual void read(Events events) = 0;
  /// Queues bytes for the container's standard input.
  virtual void write(std::string bytes) = 0;
  /// End of file behind what is queued.
  virtual void end_input() = 0;
  /// No event comes any more.
  virtual void close() = 0;
};

class Engine {
 public:
  using Answered = std::function<void(Result<Response>)>;
  using Opened = std::function<void(Result<std::shared_ptr<Stream>>)>;

  Engine(boost::asio::io_context& context, std::string socket_path)
      : context_(context), socket_path_(std::move(socket_path)) {}

  /// Every answer is one, whatever its status; an Error is no answer at all.
  void request(Request request, Answered answered);
  /// A request that the engine answers by giving the connection away (101, or 200 by older ones).
  void open_stream(Request request, Opened opened);

 private:
  boost::asio::io_context& context_;
  std::string socket_path_;
};

}  // namespace executor::docker
