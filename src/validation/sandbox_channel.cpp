#include "validation/sandbox_channel.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <optional>

#include "base/sys.hpp"
#include "validation/policy_script.hpp"

namespace executor {

namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;

/// Lives as long as an operation is under way; `events` are taken away when the owner goes.
struct Streams : std::enable_shared_from_this<Streams> {
  explicit Streams(asio::io_context& io) : context(io) {}

  void attach(supervisor::Client::Channel channel) {
    (void)sys::set_nonblocking(channel.input.get());
    (void)sys::set_nonblocking(channel.output.get());
    input.emplace(context, channel.input.release());
    output.emplace(context, channel.output.release());
    read();
    write();
  }

  void read() {
    output->async_read_some(asio::buffer(chunk),
                            [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                              if (!self->events) return;
                              if (error)
                                return self->close(Error("the source policy's sandbox ended", error));
                              self->events->on_bytes({self->chunk.data(), size});
                              if (self->events) self->read();
                            });
  }

  void write() {
    if (!input || writing || waiting.empty()) return;
    writing = true;
    current = std::exchange(waiting, {});
    asio::async_write(*input, asio::buffer(current),
                      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                        self->writing = false;
                        if (!error && self->events)
                          self->write();  // a broken pipe is told by the reading side
                      });
  }

  void close(const Error& error) {
    const auto closed = std::exchange(events, std::nullopt);
    input.reset();
    output.reset();
    if (closed) closed->on_closed(error);
  }

  asio::io_context& context;
  std::optional<ValidatorChannel::Events> events;
  std::optional<stream_descriptor> input, output;
  std::array<char, 16384> chunk{};
  std::string waiting, current;
  bool writing = false;
};

class SandboxChannel final : public ValidatorChannel {
 public:
  explicit SandboxChannel(std::shared_ptr<Streams> streams) : streams_(std::move(streams)) {}
  ~SandboxChannel() override {
    streams_->events.reset();
    streams_->input.reset();
    streams_->output.reset();
  }
  void write(std::string bytes) override {
    streams_->waiting += bytes;
    streams_->write();
  }

 private:
  std::shared_ptr<Streams> streams_;
};

Program policy_program() {
  Program program;
  program.source = policy_script();
  return program;
}

}  // namespace

OpenChannel sandbox_channels(asio::io_context& context, const std::shared_ptr<supervisor::Client>& client) {
  return [&context, client](ValidatorChannel::Events events) -> Result<std::unique_ptr<ValidatorChannel>> {
    auto streams = std::make_shared<Streams>(context);
    streams->events = std::move(events);
    client->open_channel(policy_program(), [streams](Result<supervisor::Client::Channel> channel) {
      if (!streams->events) return;  // nobody wants it any more: its ends close, and the sandbox sees that
      if (!channel) return streams->close(channel.error());
      streams->attach(std::move(*channel));
    });
    return std::unique_ptr<ValidatorChannel>(std::make_unique<SandboxChannel>(streams));
  };
}

}  // namespace executor
