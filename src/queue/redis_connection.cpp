#include "queue/redis_connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "queue/redis_stream.hpp"

namespace executor {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

Error lost(std::string what, std::errc code) { return {std::move(what), std::make_error_code(code)}; }

}  // namespace

std::vector<RedisCommand> redis_introduction(const RedisUrl& url) {
  std::vector<RedisCommand> commands;
  if (!url.password.empty()) {
    commands.push_back(url.user.empty() ? RedisCommand{"AUTH", url.password}
                                        : RedisCommand{"AUTH", url.user, url.password});
  }
  // SELECT 0 too: a server that wants a password or is still loading says so here
  commands.push_back({"SELECT", std::to_string(url.db)});
  return commands;
}

RedisConnection::RedisConnection(asio::io_context& io, RedisConnectionOptions options)
    : io_(io),
      options_(std::move(options)),
      random_(std::random_device{}()),
      retry_timer_(io),
      watch_timer_(io) {}

void RedisConnection::start(Events events) {
  events_ = std::move(events);
  state_ = State::waiting;
  asio::post(io_, [self = shared_from_this()]() { self->connect(); });
  watch();
}

void RedisConnection::close() {
  state_ = State::closed;
  events_ = {};
  pending_.clear();
  retry_timer_.cancel();
  watch_timer_.cancel();
  if (stream_) stream_->close();
  stream_.reset();
}

void RedisConnection::drop(const Error& reason) {
  if (state_ == State::connecting || state_ == State::introducing || state_ == State::up) fail(reason);
}

void RedisConnection::connect() {
  if (state_ != State::waiting) return;
  state_ = State::connecting;
  attempt_deadline_ = Clock::now() + options_.command_timeout;
  stream_ = make_redis_stream(io_);
  reader_ = std::make_unique<RedisReader>(options_.reply_limit);
  stream_->connect(options_.url,
                   [self = shared_from_this(), stream = stream_.get()](const Result<void>& outcome) {
                     if (self->stream_.get() != stream) return;
                     if (!outcome) return self->fail(outcome.error());
                     self->introduce();
                   });
}

void RedisConnection::introduce() {
  state_ = State::introducing;
  last_active_ = Clock::now();
  std::vector<RedisCommand> essential = redis_introduction(options_.url);
  std::vector<RedisCommand> hints{{"CLIENT", "SETNAME", options_.name}};
  hints.insert(hints.end(), options_.hints.begin(), options_.hints.end());
  essential.insert(essential.end(), options_.prelude.begin(), options_.prelude.end());
  introductions_left_ = essential.size() + hints.size();
  const auto ask = [this](const RedisCommand& command, bool required) {
    enqueue(command, [this, required](const Result<RedisReply>& reply) { introduced(reply, required); }, {});
  };
  // hints come first: nothing but SUBSCRIBE's own commands may follow a SUBSCRIBE of the prelude
  const std::size_t own = redis_introduction(options_.url).size();
  for (std::size_t index = 0; index < own; ++index) ask(essential[index], true);
  for (const auto& hint : hints) ask(hint, false);
  for (std::size_t index = own; index < essential.size(); ++index) ask(essential[index], true);
  read();
}

void RedisConnection::introduced(const Result<RedisReply>& reply, bool essential) {
  if (!reply || state_ != State::introducing) return;
  if (essential && reply->is_error()) {
    return fail(
        lost("introduce to " + options_.url.describe() + ": " + reply->text, std::errc::permission_denied));
  }
  if (--introductions_left_ > 0) return;
  state_ = State::up;
  backoff_.reset();
  if (events_.up) events_.up();
}

void RedisConnection::send(const RedisCommand& command, Handler done, std::chrono::milliseconds extra) {
  if (state_ != State::up) {
    return asio::post(io_, [self = shared_from_this(), done = std::move(done)]() {
      if (self->state_ != State::closed) done(lost("send Redis command", std::errc::not_connected));
    });
  }
  enqueue(command, std::move(done), extra);
}

void RedisConnection::enqueue(const RedisCommand& command, Handler done, std::chrono::milliseconds extra) {
  last_active_ = Clock::now();
  append_command(outgoing_, command);
  pending_.push_back({std::move(done), last_active_ + options_.command_timeout + extra});
  if (flush_posted_ || !writing_.empty()) return;
  flush_posted_ = true;
  asio::post(io_, [self = shared_from_this()]() {
    self->flush_posted_ = false;
    self->flush();
  });
}

void RedisConnection::flush() {
  if (!stream_ || !writing_.empty() || outgoing_.empty()) return;
  if (state_ != State::introducing && state_ != State::up) return;
  writing_.swap(outgoing_);
  stream_->write(asio::buffer(writing_),
                 [self = shared_from_this(), stream = stream_.get()](const error_code& code, std::size_t) {
                   if (self->stream_.get() != stream) return;
                   self->writing_.clear();
                   if (code)
                     return self->fail({"write to " + self->options_.url.describe(), std::error_code(code)});
                   self->flush();
                 });
}

void RedisConnection::read() {
  stream_->read_some(asio::buffer(incoming_), [self = shared_from_this(), stream = stream_.get()](
                                                  const error_code& code, std::size_t size) {
    if (self->stream_.get() != stream) return;
    if (code) return self->fail({"read from " + self->options_.url.describe(), std::error_code(code)});
    self->received(size);
  });
}

void RedisConnection::received(std::size_t size) {
  const RedisStream* const stream = stream_.get();
  if (const auto fed = reader_->feed({incoming_.data(), size}); !fed) return fail(fed.error());
  for (;;) {
    auto reply = reader_->next();
    if (!reply) return fail(reply.error());
    if (!*reply) break;
    dispatch(std::move(**reply));
    if (stream_.get() != stream) return;  // a handler closed or dropped the connection
  }
  read();
}

void RedisConnection::dispatch(RedisReply reply) {
  last_active_ = Clock::now();
  if (reply.type == RedisReply::Type::array && reply.at(0).text == "message" && events_.message &&
      state_ == State::up) {
    return events_.message(std::move(reply));
  }
  if (pending_.empty()) return fail(lost("read Redis reply: nothing was asked", std::errc::bad_message));
  const Handler done = std::move(pending_.front().done);
  pending_.pop_front();
  done(std::move(reply));
}

void RedisConnection::fail(const Error& error) {
  if (state_ == State::closed || state_ == State::waiting) return;
  state_ = State::waiting;
  stream_->close();
  // the write under way still refers to writing_: it keeps its bytes until the aborted handler has run
  asio::post(io_, [stream = std::exchange(stream_, nullptr), bytes = std::exchange(writing_, {})]() {});
  outgoing_.clear();
  const auto abandoned = std::exchange(pending_, {});
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  retry_timer_.expires_after(backoff_.next(random));
  retry_timer_.async_wait([self = shared_from_this()](const error_code& code) {
    if (!code) self->connect();
  });
  asio::post(io_, [self = shared_from_this(), abandoned, error]() {
    for (const auto& pending : abandoned) {
      if (self->state_ == State::closed) return;
      pending.done(error);
    }
    if (self->events_.down) self->events_.down(error);
  });
}

void RedisConnection::watch() {
  using std::chrono::milliseconds;
  const auto period = std::min<milliseconds>(milliseconds(1000), options_.command_timeout / 4);
  watch_timer_.expires_after(period);
  watch_timer_.async_wait([weak = weak_from_this()](const error_code& code) {
    const auto self = weak.lock();
    if (code || !self || self->state_ == State::closed) return;
    self->check_deadlines();
    self->watch();
  });
}

void RedisConnection::check_deadlines() {
  const auto now = Clock::now();
  if ((state_ == State::connecting || state_ == State::introducing) && now > attempt_deadline_) {
    return fail(lost("connect to " + options_.url.describe(), std::errc::timed_out));
  }
  if (state_ != State::up) return;
  if (!pending_.empty() && now > pending_.front().deadline) {
    return fail(lost("wait for a reply of " + options_.url.describe(), std::errc::timed_out));
  }
  if (pending_.empty() && now - last_active_ > options_.idle_ping) {
    send({"PING"}, [](const Result<RedisReply>&) {});
  }
}

}  // namespace executor
