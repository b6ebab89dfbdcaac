#include "queue/rabbitmq_link.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "queue/rabbitmq_connection.hpp"
#include "queue/redis_backoff.hpp"

namespace executor {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kShortestWait{100};
constexpr milliseconds kLongestWait{5000};
/// Heartbeats are sent and missed ones noticed while polling.
constexpr milliseconds kPollPeriod{1000};
constexpr std::uint16_t kRepliesPrefetch = 64;
constexpr milliseconds kFarewell{2000};
/// The server writes acknowledgements down in its own time.
constexpr std::chrono::seconds kMarkStay{10};

Error not_connected() {
  return {"publish: RabbitMQ is away", std::make_error_code(std::errc::not_connected)};
}

}  // namespace

// The members up to the next comment are used on the front's thread, all others on this one's.
class RabbitLink::Thread : public std::enable_shared_from_this<RabbitLink::Thread> {
 public:
  Thread(asio::io_context& front, const RabbitLinkOptions& options, Events events)
      : front_(front), events_(std::move(events)), options_(options) {}

  void start() {
    thread_ = std::thread([this] {
      connect();
      context_.run();
      if (connection_) connection_->close();
      disconnect();
      ended_.set_value();
    });
  }

  /// Returns when the thread has ended; no event comes any more. What was asked of it before is still done,
  /// acknowledgements above all, unless it hangs in a call.
  void stop() {
    stopped_ = true;
    post([this] { context_.stop(); });
    ended_.get_future().wait_for(kFarewell);
    context_.stop();
    interrupt();
    thread_.join();
  }

  template <class Function>
  void post(Function function) {
    asio::post(context_, std::move(function));
  }

  // -- on this thread

  void publish(const RabbitPublication& publication, Published published) {
    if (!connection_) return tell(std::move(published), not_connected());
    auto number = connection_->publish(publication);
    if (!number) {
      tell(std::move(published), number.error());
      return lose(number.error());
    }
    unconfirmed_.emplace(*number, Unconfirmed{publication.message.message_id, std::move(published)});
    poll();
  }

  void acknowledge(const RabbitTag& tag, const std::vector<std::string>& marks) {
    if (!connection_ || tag.epoch != epoch_) return;
    settle(connection_->acknowledge(tag.number));
    for (const std::string& mark : marks) spent_.push_back({Clock::now() + kMarkStay, mark});
    if (!prefetch_) delete_marks();
  }

  void make_mark(const std::string& mark) {
    if (connection_) settle(connection_->make_mark(mark));
  }

  void look(const std::string& mark, bool closely, Looked looked) {
    Result<RabbitMark> found = not_connected();
    if (connection_) found = closely ? connection_->look_closely(mark) : connection_->look(mark);
    const bool lost = connection_ && !found;
    on_front([looked = std::move(looked), found](const Events&) { looked(found); });
    if (lost) return lose(found.error());
    if (connection_) poll();
  }

  void consume(std::optional<std::uint16_t> prefetch) {
    const bool consuming = prefetch_.has_value();
    prefetch_ = prefetch;
    if (!connection_ || consuming == prefetch.has_value()) return;
    settle(prefetch ? connection_->consume(RabbitConnection::Queue::jobs, *prefetch)
                    : connection_->cancel(RabbitConnection::Queue::jobs));
    if (!prefetch) delete_marks();
    if (connection_) poll();
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Spent {
    Clock::time_point until;
    std::string mark;
  };
  struct Unconfirmed {
    std::string message_id;
    Published published;
    bool returned = false;
  };

  template <class Function>
  void on_front(Function function) {
    asio::post(front_, [weak = weak_from_this(), function = std::move(function)]() mutable {
      if (const auto self = weak.lock(); self && !self->stopped_) function(self->events_);
    });
  }
  void tell(Published published, Result<RabbitPublished> result) {
    on_front(
        [published = std::move(published), result = std::move(result)](const Events&) { published(result); });
  }
  void settle(const Result<void>& done) {
    if (!done) lose(done.error());
  }

  /// Those that have stood for long enough; all of them where no job comes any more.
  void delete_marks() {
    while (connection_ && !spent_.empty() && (!prefetch_ || spent_.front().until < Clock::now())) {
      const std::string mark = std::move(spent_.front().mark);
      spent_.pop_front();
      settle(connection_->delete_mark(mark));
    }
  }

  void connect() {
    auto opened = RabbitConnection::open(options_);
    if (!opened) return lose(opened.error());
    connection_ = std::move(*opened);
    ++epoch_;
    for (Spent& each : spent_) each.until = Clock::now() + kMarkStay;  // its jobs may come again now
    // copies, so that the library may close its own: one to wait on, one to break off what blocks
    watched_.assign(::fcntl(connection_->descriptor(), F_DUPFD_CLOEXEC, 0));
    breakable_ = ::fcntl(connection_->descriptor(), F_DUPFD_CLOEXEC, 0);
    settle(connection_->consume(RabbitConnection::Queue::replies, kRepliesPrefetch));
    if (connection_ && prefetch_) settle(connection_->consume(RabbitConnection::Queue::jobs, *prefetch_));
    if (!connection_) return;
    backoff_.reset();
    on_front([epoch = epoch_](const Events& events) { events.up(epoch); });
    watch();
    tick();
    poll();
  }

  void lose(const Error& error) {
    disconnect();
    on_front([error](const Events& events) { events.down(error); });
    timer_.expires_after(backoff_.next(std::uniform_real_distribution<>(0, 1)(random_)));
    timer_.async_wait([this](const boost::system::error_code& code) {
      if (!code) connect();
    });
  }

  void disconnect() {
    if (watched_.is_open()) watched_.close();
    if (const int descriptor = breakable_.exchange(-1); descriptor >= 0) ::close(descriptor);
    connection_.reset();
    timer_.cancel();
    for (auto& [number, unconfirmed] : std::exchange(unconfirmed_, {}))
      tell(std::move(unconfirmed.published), not_connected());
  }

  void interrupt() {
    const int descriptor = breakable_.exchange(-1);
    if (descriptor < 0) return;
    ::shutdown(descriptor, SHUT_RDWR);
    ::close(descriptor);
  }

  void watch() {
    watched_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [this, epoch = epoch_](const boost::system::error_code& code) {
                          if (code || epoch != epoch_ || !connection_) return;
                          poll();
                          if (connection_) watch();
                        });
  }

  void tick() {
    timer_.expires_after(kPollPeriod);
    timer_.async_wait([this](const boost::system::error_code& code) {
      if (code || !connection_) return;
      const auto depth = connection_->depth();
      if (!depth) return lose(depth.error());
      on_front([depth = *depth](const Events& events) { events.depth(depth); });
      delete_marks();
      poll();
      if (connection_) tick();
    });
  }

  void poll() {
    const auto done = connection_->poll(
        [this](RabbitConnection::Event event) { std::visit([this](auto& each) { handle(each); }, event); });
    settle(done);
  }

  void handle(RabbitConnection::Received& received) {
    received.delivery.tag.epoch = epoch_;
    on_front([received = std::move(received)](const Events& events) mutable {
      const bool job = received.queue == RabbitConnection::Queue::jobs;
      (job ? events.job : events.reply)(std::move(received.delivery));
    });
  }
  void handle(const RabbitConnection::Confirmed& confirmed) {
    const auto end = unconfirmed_.upper_bound(confirmed.number);
    auto each = confirmed.all ? unconfirmed_.begin() : unconfirmed_.find(confirmed.number);
    while (each != unconfirmed_.end() && each != end) {
      const RabbitPublished became =
          each->second.returned ? RabbitPublished::unroutable : RabbitPublished::stored;
      const Result<RabbitPublished> refused =
          Error("publish: RabbitMQ refuses the message", std::make_error_code(std::errc::not_connected));
      tell(std::move(each->second.published), confirmed.stored ? Result<RabbitPublished>(became) : refused);
      each = unconfirmed_.erase(each);
    }
  }
  // The server sends a message back before it confirms it.
  void handle(const RabbitConnection::Returned& returned) {
    for (auto& [number, unconfirmed] : unconfirmed_) {
      if (unconfirmed.message_id != returned.message_id || unconfirmed.returned) continue;
      unconfirmed.returned = true;
      return;
    }
  }
  void handle(RabbitConnection::Blocked& blocked) {
    on_front([reason = std::move(blocked.reason)](const Events& events) { events.blocked(reason); });
  }

  asio::io_context& front_;
  Events events_;
  std::thread thread_{};
  std::promise<void> ended_{};
  std::atomic<bool> stopped_ = false;  // both threads
  std::atomic<int> breakable_ = -1;    // whoever takes it out closes it
  asio::io_context context_{1};        // of this thread; posting to it is safe from the other
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};

  RabbitLinkOptions options_;
  std::unique_ptr<RabbitConnection> connection_{};
  asio::posix::stream_descriptor watched_{context_};
  asio::steady_timer timer_{context_};
  RedisBackoff backoff_{kShortestWait, kLongestWait};
  std::minstd_rand random_{std::random_device{}()};
  std::uint64_t epoch_ = 0;
  std::optional<std::uint16_t> prefetch_{};
  std::map<std::uint64_t, Unconfirmed> unconfirmed_{};
  std::deque<Spent> spent_{};  // marks of acknowledged jobs, in the order of their ends
};

RabbitLink::RabbitLink(asio::io_context& front, const RabbitLinkOptions& options, Events events)
    : thread_(std::make_shared<Thread>(front, options, std::move(events))) {
  thread_->start();
}

RabbitLink::~RabbitLink() { thread_->stop(); }

void RabbitLink::publish(RabbitPublication publication, Published published) {
  thread_->post(
      [thread = thread_.get(), publication = std::move(publication),
       published = std::move(published)]() mutable { thread->publish(publication, std::move(published)); });
}
void RabbitLink::acknowledge(const RabbitTag& tag, std::vector<std::string> marks) {
  thread_->post([thread = thread_.get(), tag, marks = std::move(marks)] { thread->acknowledge(tag, marks); });
}
void RabbitLink::make_mark(std::string mark) {
  thread_->post([thread = thread_.get(), mark = std::move(mark)] { thread->make_mark(mark); });
}
void RabbitLink::look(std::string mark, Looked looked) {
  thread_->post([thread = thread_.get(), mark = std::move(mark), looked = std::move(looked)]() mutable {
    thread->look(mark, false, std::move(looked));
  });
}
void RabbitLink::look_closely(std::string mark, Looked looked) {
  thread_->post([thread = thread_.get(), mark = std::move(mark), looked = std::move(looked)]() mutable {
    thread->look(mark, true, std::move(looked));
  });
}
void RabbitLink::consume(std::uint16_t prefetch) {
  thread_->post([thread = thread_.get(), prefetch] { thread->consume(prefetch); });
}
void RabbitLink::stop_consuming() {
  thread_->post([thread = thread_.get()] { thread->consume(std::nullopt); });
}

}  // namespace executor
