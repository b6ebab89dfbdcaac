#include "backend/local_service.hpp"

#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

#include "backend/local_run.hpp"
#include "base/sys.hpp"

namespace executor::local {

namespace asio = boost::asio;
using supervisor::MessageType;

Service::Service(asio::io_context& context, Config config, UniqueFd front)
    : context_(context),
      config_(std::move(config)),
      front_(context, front.release()),
      chunk_(256 * kKiB, '\0') {
  (void)sys::set_nonblocking(front_.native_handle());
}

Service::~Service() = default;

void Service::serve() {
  supervisor::ReadyMessage ready;
  ready.isolation = {"landlock", "seccomp"};
  send(supervisor::encode(ready));
  read();
  context_.run();
}

void Service::read() {
  front_.async_read_some(asio::buffer(chunk_),
                         [this](const boost::system::error_code& code, std::size_t size) {
                           if (code) return context_.stop();
                           incoming_.append({chunk_.data(), size});
                           while (const auto frame = incoming_.next()) on_frame(*frame);
                           if (incoming_.broken()) return context_.stop();
                           read();
                         });
}

void Service::on_frame(const supervisor::FrameSplitter::Frame& frame) {
  if (frame.type == MessageType::run) {
    if (auto message = supervisor::decode<supervisor::RunMessage>(frame.body))
      return start(message->id, std::move(message->program), false);
  } else if (frame.type == MessageType::open_channel) {
    if (auto message = supervisor::decode<supervisor::OpenChannelMessage>(frame.body))
      return start(message->id, std::move(message->program), true);
  } else if (frame.type == MessageType::cancel) {
    if (const auto message = supervisor::decode<supervisor::CancelMessage>(frame.body)) {
      const auto found = runs_.find(message->id);
      if (found != runs_.end()) found->second->stop(Ending::cancelled);
      return;
    }
  }
  context_.stop();  // nothing that a front says
}

void Service::start(std::uint64_t id, Program program, bool is_channel) {
  // a channel's descriptors need the socket's end for themselves
  if (is_channel && !(current_.empty() && outgoing_.empty()))
    return asio::post(context_, [this, id, program = std::move(program)]() mutable {
      start(id, std::move(program), true);
    });
  const auto run = std::make_shared<Run>(*this, id, std::move(program), is_channel);
  runs_[id] = run;
  if (const auto started = run->start(); !started) {
    runs_.erase(id);
    fail(id, started.error());
  }
}

void Service::send(const std::string& frame) {
  outgoing_ += frame;
  write();
}

void Service::write() {
  if (!current_.empty() || outgoing_.empty()) return;
  current_ = std::exchange(outgoing_, {});
  asio::async_write(front_, asio::buffer(current_),
                    [this](const boost::system::error_code& code, std::size_t) {
                      if (code) return context_.stop();
                      current_.clear();
                      write();
                    });
}

void Service::fail(std::uint64_t id, const Error& error) {
  supervisor::FinishedMessage message;
  message.id = id;
  message.infrastructure_failed = true;
  message.failure = supervisor::failed_message(error);
  send(supervisor::encode(message));
}

bool Service::hand_channel(std::uint64_t id, int input, int output) {
  // the descriptors travel with the frame's bytes, so nothing may stand before it unsent
  if (!current_.empty() || !outgoing_.empty()) return false;
  const int fds[] = {input, output};
  const std::string frame = supervisor::encode(supervisor::ChannelOpenedMessage{id});
  return sys::send_with_fds(front_.native_handle(), frame, fds).has_value();
}

void Service::forget(std::uint64_t id) { runs_.erase(id); }

}  // namespace executor::local
