#include "supervisor/client.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "base/sys.hpp"

namespace executor::supervisor {

namespace asio = boost::asio;

Client::Client(asio::io_context& context, Connection connection)
    : context_(context), link_(context, connection.link.release()), leaks_removed_(connection.leaks_removed) {
  (void)sys::set_nonblocking(link_.native_handle());
  if (connection.first) connect(std::move(connection.first));
  wait_for_supervisor();
}

std::uint64_t Client::run(Program program, Done done) {
  const std::uint64_t id = next_id_++;
  pending_[id] = {std::move(done), {}};
  std::string frame = encode(RunMessage{id, std::move(program)});
  if (abandoned_) {
    asio::post(context_,
               [this] { fail_all(errno_error("the sandbox supervisor is gone", ECONNRESET), false); });
  } else if (ready_) {
    pending_[id].sent = true;
    send(frame);
  } else {
    unsent_.emplace_back(id, std::move(frame));
  }
  return id;
}

void Client::open_channel(Program program, Opened opened) {
  const std::uint64_t id = next_id_++;
  pending_[id] = {{}, std::move(opened)};
  std::string frame = encode(OpenChannelMessage{id, std::move(program)});
  if (abandoned_) {
    asio::post(context_,
               [this] { fail_all(errno_error("the sandbox supervisor is gone", ECONNRESET), false); });
  } else if (ready_) {
    pending_[id].sent = true;
    send(frame);
  } else {
    unsent_.emplace_back(id, std::move(frame));
  }
}

void Client::cancel(std::uint64_t id) {
  const auto at = pending_.find(id);
  if (at == pending_.end()) return;
  if (at->second.sent) return send(encode(CancelMessage{id}));
  std::erase_if(unsent_, [id](const auto& entry) { return entry.first == id; });
  asio::post(context_, [this, id] {
    const auto entry = pending_.find(id);
    if (entry == pending_.end()) return;
    const Done done = std::move(entry->second.done);
    pending_.erase(entry);
    Outcome outcome;
    outcome.ending = Ending::cancelled;
    if (done) done(std::move(outcome));
  });
}

// -- connection

void Client::wait_for_supervisor() {
  link_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (!error) on_link();
  });
}

void Client::on_link() {
  char byte = 0;
  auto received = sys::receive_with_fds(link_.native_handle(), {&byte, 1});
  if (!received && received.error().code == std::errc::resource_unavailable_try_again)
    return wait_for_supervisor();
  if (!received || received->size == 0) {
    abandoned_ = true;
    if (on_abandoned) on_abandoned();
    disconnect("the steward ended: this service has to be started again");
    return fail_all(errno_error("the sandbox supervisor is gone", ECONNRESET), false);
  }
  if (received->fds.size() == 1) connect(std::move(received->fds.front()));
  wait_for_supervisor();
}

void Client::connect(UniqueFd socket) {
  disconnect("a new supervisor is starting");
  (void)sys::set_nonblocking(socket.get());
  socket_.emplace(context_, socket.release());
  wait_for_frames();
}

void Client::wait_for_frames() {
  socket_->async_wait(asio::posix::stream_descriptor::wait_read,
                      [this, fd = socket_->native_handle()](boost::system::error_code error) {
                        if (!error && socket_ && socket_->native_handle() == fd) on_readable();
                      });
}

void Client::on_readable() {
  static std::array<char, 256 * kKiB> chunk;
  auto received = sys::receive_with_fds(socket_->native_handle(), chunk);
  if (!received && received.error().code == std::errc::resource_unavailable_try_again)
    return wait_for_frames();
  if (!received || received->size == 0) return disconnect("the supervisor ended");
  for (UniqueFd& fd : received->fds) received_fds_.push_back(std::move(fd));
  incoming_.append({chunk.data(), received->size});
  while (socket_) {
    const auto frame = incoming_.next();
    if (!frame) break;
    on_frame(*frame);
  }
  if (incoming_.broken()) disconnect("the supervisor sent nonsense");
  if (socket_) wait_for_frames();
}

void Client::disconnect(const std::string& why) {
  if (!socket_ && !ready_) return;
  socket_.reset();
  incoming_ = {};
  outgoing_.clear();
  writing_ = false;
  received_fds_.clear();
  set_state(false, why);
  fail_all(errno_error(why, ECONNRESET), true);
}

void Client::fail_all(const Error& error, bool only_sent) {
  std::vector<Pending> failed;
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (only_sent && !at->second.sent) {
      ++at;
      continue;
    }
    failed.push_back(std::move(at->second));
    at = pending_.erase(at);
  }
  if (!only_sent) unsent_.clear();
  for (Pending& pending : failed) {
    if (pending.done) pending.done(error);
    if (pending.opened) pending.opened(error);
  }
}

void Client::set_state(bool ready, std::string detail) {
  ready_ = ready;
  detail_ = std::move(detail);
  if (on_state) on_state(ready_, detail_);
}

// -- frames

void Client::on_frame(const FrameSplitter::Frame& frame) {
  switch (frame.type) {
    case MessageType::ready:
      if (auto message = decode<ReadyMessage>(frame.body)) {
        isolation_ = std::move(message->isolation);
        leaks_removed_ += message->leaks_removed;
        statistics_.leaks_removed = leaks_removed_;
        set_state(true, "ready");
        for (auto& [id, bytes] : std::exchange(unsent_, {})) {
          pending_[id].sent = true;
          send(bytes);
        }
        return;
      }
      break;
    case MessageType::failed:
      if (const auto message = decode<FailedMessage>(frame.body)) {
        const Error error = error_of(*message);
        set_state(false, error.message());
        return fail_all(error, false);
      }
      break;
    case MessageType::finished:
      if (auto message = decode<FinishedMessage>(frame.body)) return on_finished(std::move(*message));
      break;
    case MessageType::channel_opened:
      if (const auto message = decode<ChannelOpenedMessage>(frame.body)) return on_channel(*message);
      break;
    case MessageType::statistics:
      if (const auto message = decode<StatisticsMessage>(frame.body)) {
        statistics_ = *message;
        statistics_.leaks_removed = leaks_removed_;
        return;
      }
      break;
    default:
      break;
  }
  disconnect("the supervisor sent nonsense");
}

void Client::on_finished(FinishedMessage message) {
  const auto at = pending_.find(message.id);
  if (at == pending_.end()) return;
  const Pending pending = std::move(at->second);
  pending_.erase(at);
  const Error error = error_of(message.failure);
  if (pending.opened) return pending.opened(error);  // a channel only ever finishes by failing
  if (message.infrastructure_failed) return pending.done(error);
  pending.done(std::move(message.outcome));
}

void Client::on_channel(const ChannelOpenedMessage& message) {
  if (received_fds_.size() < 2) return disconnect("the supervisor sent a channel without descriptors");
  Channel channel{std::move(received_fds_[0]), std::move(received_fds_[1])};
  received_fds_.erase(received_fds_.begin(), received_fds_.begin() + 2);
  const auto at = pending_.find(message.id);
  if (at == pending_.end()) return;
  const Opened opened = std::move(at->second.opened);
  pending_.erase(at);
  if (opened) opened(std::move(channel));
}

void Client::send(std::string_view frame) {
  outgoing_ += frame;
  if (!writing_) flush();
}

void Client::flush() {
  std::size_t written = 0;
  while (socket_ && written < outgoing_.size()) {
    const ssize_t n = ::send(socket_->native_handle(), outgoing_.data() + written, outgoing_.size() - written,
                             MSG_NOSIGNAL);
    if (n < 0) break;  // full: go on when there is room; gone: the reader will see it
    written += static_cast<std::size_t>(n);
  }
  outgoing_.erase(0, written);
  writing_ = socket_ && !outgoing_.empty();
  if (!writing_) return;
  socket_->async_wait(asio::posix::stream_descriptor::wait_write,
                      [this, fd = socket_->native_handle()](boost::system::error_code error) {
                        if (!error && socket_ && socket_->native_handle() == fd) flush();
                      });
}

}  // namespace executor::supervisor
