#include "queue/rabbitmq_queue.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdio>
#include <limits>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "queue/clock.hpp"
#include "queue/rabbitmq_ledger.hpp"
#include "queue/rabbitmq_link.hpp"
#include "queue/rabbitmq_url.hpp"
#include "queue/redis_message.hpp"
#include "spec/request_error.hpp"

namespace executor {
namespace {

using std::chrono::milliseconds;
using Action = RabbitLedger::Action;

constexpr std::size_t kReasonMax = 1024;
constexpr const char* kRepliesPrefix = "executor.replies.";

std::string random_name(const char* prefix) {
  std::random_device random;
  std::array<char, 33> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x%08x%08x%08x", random(), random(), random(), random());
  return std::string(prefix) + digits.data();
}

Error away() { return {"publish: RabbitMQ is away", std::make_error_code(std::errc::not_connected)}; }

class RabbitQueue : public Queue {
 public:
  RabbitQueue(boost::asio::io_context& io, const RabbitQueueOptions& options)
      : io_(io),
        options_(options),
        url_(parse_rabbit_url(options.url).value()),
        link_(io, link_options(), events()) {
    options_.forms.own_queues = {options_.jobs_queue, options_.dead_queue};
  }

  // -- producer

  void submit(QueuedJob job, Answer answer) override {
    if (waiters_.size() >= options_.max_waiting || depth_ >= options_.max_waiting)
      return refuse(std::move(answer), "enqueue job: the queue is full", std::errc::no_buffer_space);
    if (!up_ || !blocked_.empty()) return refuse(std::move(answer), "enqueue job", std::errc::not_connected);
    const std::string id = job.id;
    RabbitPublication publication{options_.jobs_queue,
                                  {.body = job.body,
                                   .reply_to = replies_,
                                   .correlation_id = id,
                                   .message_id = id,
                                   .enqueued_ms = now_ms()}};
    if (!waiters_.emplace(id, Waiter{std::move(job), answer}).second)
      return refuse(std::move(answer), "enqueue job: its id is waited for already", std::errc::file_exists);
    link_.publish(std::move(publication), [this, id](const Result<RabbitPublished>& published) {
      if (!published) return answer_waiter(id, published.error());
      const auto waiter = waiters_.find(id);
      if (waiter != waiters_.end() && waiter->second.job.accepted) waiter->second.job.accepted();
    });
  }

  void abandon(const std::string& job_id) override { waiters_.erase(job_id); }

  // -- consumer

  void consume(std::size_t capacity, std::function<void(Delivery)> on_job) override {
    on_job_ = std::move(on_job);
    consuming_ = true;
    link_.consume(static_cast<std::uint16_t>(
        std::min<std::size_t>(capacity, std::numeric_limits<std::uint16_t>::max())));
  }

  void stop_consuming() override {
    consuming_ = false;
    link_.stop_consuming();
  }

  /// To a front in this process alone.
  void progress(const Delivery& delivery, const std::string& event_json) override {
    const auto waiter = waiters_.find(delivery.job.id);
    if (waiter == waiters_.end() || !waiter->second.job.progress) return;
    boost::asio::post(io_, [progress = waiter->second.job.progress, event_json] { progress(event_json); });
  }

  void complete(const Delivery& delivery, std::string result_json) override {
    auto* lease = take(delivery.tag);
    if (lease == nullptr) return;
    settle(delivery.tag, rabbit_result(lease->job, std::move(result_json)));
  }

  void retry(const Delivery& delivery, const std::string& reason) override {
    auto* lease = take(delivery.tag);
    if (lease == nullptr) return;
    if (lease->delivery.message.attempt < options_.max_attempts)
      return put_back(delivery.tag, lease->delivery.message.attempt + 1);
    bury(delivery.tag, reason, infrastructure_result(lease->job, reason));
  }

  void reject(const Delivery& delivery, const std::string& reason, std::string result_json) override {
    auto* lease = take(delivery.tag);
    if (lease == nullptr) return;
    bury(delivery.tag, reason, rabbit_result(lease->job, std::move(result_json)));
  }

  [[nodiscard]] Status status() const override {
    Status status;
    status.ready = up_ && blocked_.empty();
    status.detail = url_.describe() + ": " +
                    (status.ready       ? "connected"
                     : up_              ? blocked_
                     : trouble_.empty() ? "connecting"
                                        : trouble_);
    status.depth = depth_;
    if (depth_ > 0 && newest_taken_ms_ > 0)
      status.oldest = milliseconds(std::max<std::int64_t>(0, now_ms() - newest_taken_ms_));
    status.leased = ledger_.leases();
    return status;
  }

 private:
  struct Waiter {
    QueuedJob job;
    Answer answer;
  };
  struct Arrival {
    RabbitDelivery delivery{};
    RabbitJob job{};
    std::shared_ptr<const Job> parsed{};
    std::string mark{};
    bool looked = false;   // for the mark: its queue is there
    bool untaken = false;  // it waited in a server that did not end cleanly, and says "redelivered" for that
    std::optional<UnusableRabbitMessage> unusable{};
  };

  RabbitLinkOptions link_options() const {
    return {.url = url_,
            .jobs_queue = options_.jobs_queue,
            .results_queue = options_.results_queue,
            .dead_queue = options_.dead_queue,
            .replies_queue = replies_};
  }

  RabbitLink::Events events() {
    return {.up = [this](std::uint64_t epoch) { on_up(epoch); },
            .down = [this](const Error& error) { on_down(error); },
            .job = [this](RabbitDelivery delivery) { on_delivery(std::move(delivery)); },
            .reply = [this](const RabbitDelivery& delivery) { on_reply(delivery); },
            .depth = [this](std::size_t depth) { depth_ = depth; },
            .blocked = [this](const std::string& reason) { on_blocked(reason); }};
  }

  void log(RabbitLogLevel level, const std::string& text) const {
    if (options_.log) options_.log(level, text);
  }

  // -- the connection

  void on_up(std::uint64_t epoch) {
    up_ = true;
    epoch_ = epoch;
    trouble_.clear();
    log(RabbitLogLevel::info, "rabbitmq: connected to " + url_.describe());
  }

  /// Each outage is told once, and again where its reason changes.
  void on_down(const Error& error) {
    const std::string text = error.message();
    if (up_ || trouble_ != text) log(RabbitLogLevel::error, "rabbitmq: away: " + text);
    up_ = false;
    blocked_.clear();
    trouble_ = text;
  }

  void on_blocked(const std::string& reason) {
    blocked_ = reason;
    log(reason.empty() ? RabbitLogLevel::info : RabbitLogLevel::error,
        "rabbitmq: " + (reason.empty() ? "messages are accepted again" : reason));
  }

  // -- answers

  void refuse(Answer answer, const char* what, std::errc code) {
    boost::asio::post(io_, [answer = std::move(answer), error = Error(what, std::make_error_code(code))] {
      answer(error);
    });
  }

  void answer_waiter(const std::string& id, Result<std::string> result) {
    auto waiter = waiters_.extract(id);
    if (!waiter.empty()) waiter.mapped().answer(std::move(result));
  }

  void on_reply(const RabbitDelivery& delivery) {
    link_.acknowledge(delivery.tag);
    answer_waiter(delivery.message.correlation_id, delivery.message.body);
  }

  // -- jobs

  void on_delivery(RabbitDelivery delivery) {
    newest_taken_ms_ = delivery.message.enqueued_ms;
    Arrival arrival = read(std::move(delivery));
    if (!arrival.delivery.redelivered || arrival.mark.empty()) return decide(std::move(arrival));
    arrival.looked = true;
    const std::string mark = arrival.mark;
    link_.look_closely(mark, [this, arrival = std::move(arrival)](const Result<RabbitMark>& found) mutable {
      if (!found) return;  // it comes again over the next connection
      if (*found == RabbitMark::there) return link_.acknowledge(arrival.delivery.tag, {arrival.mark});
      arrival.untaken = *found == RabbitMark::untaken;
      decide(std::move(arrival));
    });
  }

  Arrival read(RabbitDelivery delivery) {
    const RabbitMessage& message = delivery.message;
    Arrival arrival;
    bool named = true;
    const auto own = waiters_.find(message.correlation_id);
    if (own != waiters_.end() && own->second.job.body == message.body) {
      arrival.parsed = own->second.job.parsed;  // checked by this process's own front
      arrival.job = {.id = own->first, .body = message.body, .digest = sha256_hex(message.body)};
    } else {
      auto found = read_rabbit_job(message, options_.forms, random_name("message-"));
      if (auto* job = std::get_if<RabbitJob>(&found)) {
        arrival.job = std::move(*job);
        named = arrival.job.named;
      } else {
        arrival.unusable = std::move(std::get<UnusableRabbitMessage>(found));
        named = arrival.unusable->named;
      }
    }
    // a front answers once all the same; of messages without an id no two can be told apart
    if (named && !message.reply_to.starts_with(kRepliesPrefix)) arrival.mark = rabbit_mark_name(message);
    arrival.delivery = std::move(delivery);
    return arrival;
  }

  void decide(Arrival arrival) {
    if (arrival.unusable) return bury_message(std::move(arrival));
    switch (ledger_.look_at(arrival.delivery, arrival.job)) {
      case Action::goes_on:
        return;
      case Action::acknowledge: {
        const bool over = arrival.delivery.redelivered && !ledger_.runs(arrival.job.id);
        return link_.acknowledge(arrival.delivery.tag, marks_of(over ? arrival.mark : std::string()));
      }
      case Action::answer: {
        const std::string result = ledger_.result_of(arrival.job.id);
        const bool looked = std::exchange(arrival.looked, true);
        const std::uint64_t tag = lease(std::move(arrival));
        take(tag);
        if (!looked) look_meanwhile(tag);
        return settle(tag, result);
      }
      case Action::conflict: {
        const std::uint64_t tag = lease(std::move(arrival));
        take(tag);
        return bury(tag, "another job is known under this jobId", {});
      }
      case Action::again:
        return arrival.untaken ? run(std::move(arrival)) : count_attempt(std::move(arrival));
      case Action::run:
        return run(std::move(arrival));
    }
  }

  /// The queue for its mark is made meanwhile, where looking does not make it.
  std::uint64_t lease(Arrival arrival) {
    if (!arrival.mark.empty() && !arrival.looked) link_.make_mark(arrival.mark);
    return ledger_.lease(std::move(arrival.delivery), std::move(arrival.job), std::move(arrival.mark));
  }
  static std::vector<std::string> marks_of(const std::string& mark) {
    return mark.empty() ? std::vector<std::string>() : std::vector{mark};
  }
  void acknowledge(const RabbitLedger::Lease& lease) {
    link_.acknowledge(lease.delivery.tag, marks_of(lease.mark));
  }

  /// Its worker was gone before it acknowledged the job.
  void count_attempt(Arrival arrival) {
    const int attempt = arrival.delivery.message.attempt;
    const std::uint64_t tag = lease(std::move(arrival));
    take(tag);
    if (attempt < options_.max_attempts) return put_back(tag, attempt + 1);
    const std::string reason =
        "taken " + std::to_string(attempt) + " times by workers that did not finish it";
    bury(tag, reason, infrastructure_result(ledger_.find(tag)->job, reason));
  }

  void run(Arrival arrival) {
    const int attempt = arrival.delivery.message.attempt;
    const std::int64_t enqueued = arrival.delivery.message.enqueued_ms;
    Delivery given{.job = {.id = arrival.job.id, .body = arrival.job.body, .parsed = arrival.parsed},
                   .attempt = attempt,
                   .waited = milliseconds(enqueued > 0 ? std::max<std::int64_t>(0, now_ms() - enqueued) : 0)};
    const bool looked = std::exchange(arrival.looked, true);
    given.tag = lease(std::move(arrival));
    if (!looked) look_meanwhile(given.tag);
    if (consuming_) return on_job_(std::move(given));
    take(given.tag);
    put_back(given.tag, attempt);  // on its way when the worker stopped: no attempt of anybody
  }

  /// A server that was killed may have forgotten an acknowledgement, and that it gave the job to anybody.
  void look_meanwhile(std::uint64_t tag) {
    auto* lease = ledger_.find(tag);
    if (lease->mark.empty()) return;
    lease->looking = true;
    link_.look(lease->mark, [this, tag](const Result<RabbitMark>& found) {
      auto* looked = ledger_.find(tag);
      if (looked == nullptr) return;
      looked->looking = false;
      looked->marked = found && *found == RabbitMark::there;
      if (auto result = std::exchange(looked->result, std::nullopt)) settle(tag, std::move(*result));
    });
  }

  void settle(std::uint64_t tag, std::string result) {
    auto* lease = ledger_.find(tag);
    if (lease->looking) {
      lease->result = std::move(result);
      return;
    }
    if (!lease->marked) return send_result(tag, result);
    acknowledge(*lease);
    ledger_.end(tag);
  }

  /// The lease, from here on in the hands of the messages that end it; null where it has ended.
  RabbitLedger::Lease* take(std::uint64_t tag) {
    auto* lease = ledger_.find(tag);
    if (lease == nullptr || lease->settling) return nullptr;
    lease->settling = true;
    return lease;
  }

  static std::string infrastructure_result(const RabbitJob& job, const std::string& reason) {
    const std::string error = error_json("infrastructure_error", reason);
    return rabbit_result(job, R"({"jobId":")" + job.id + "\"," + error.substr(1));
  }

  // -- the end of a job: publish, wait for the confirmation, acknowledge

  RabbitPublication result_publication(const RabbitLedger::Lease& lease, std::string result) const {
    const RabbitMessage& asked = lease.delivery.message;
    const bool plain = asked.reply_to.empty() || is_own_queue(asked.reply_to, options_.forms);
    return {plain ? options_.results_queue : asked.reply_to,
            {.body = std::move(result),
             .correlation_id = asked.correlation_id,
             .message_id = lease.job.id,
             .attempt = asked.attempt,
             .enqueued_ms = now_ms()},
            lease.mark};
  }

  /// Whether the server still counts on this process for the job; else it gives it to somebody again.
  bool stands(const RabbitLedger::Lease& lease) const { return up_ && lease.delivery.tag.epoch == epoch_; }

  void send_result(std::uint64_t tag, const std::string& result) {
    const auto* lease = ledger_.find(tag);
    if (!stands(*lease)) return on_result_published(tag, result, away());
    link_.publish(result_publication(*lease, result),
                  [this, tag, result](const Result<RabbitPublished>& published) {
                    on_result_published(tag, result, published);
                  });
  }

  /// Without a confirmation the job comes again, and finds its result here.
  void on_result_published(std::uint64_t tag, const std::string& result,
                           const Result<RabbitPublished>& published) {
    const auto* lease = ledger_.find(tag);
    if (lease == nullptr) return;
    if (!lease->job.digest.empty())
      ledger_.remember(lease->job, lease->delivery.message, result, published.has_value());
    if (published && *published == RabbitPublished::unroutable)
      log(RabbitLogLevel::warning, "rabbitmq: nobody waits for the result of job " + lease->job.id);
    if (published) acknowledge(*lease);
    ledger_.end(tag);
  }

  void put_back(std::uint64_t tag, int attempt) {
    const auto* lease = ledger_.find(tag);
    if (!stands(*lease)) return ledger_.end(tag);
    ledger_.disown(tag);
    RabbitMessage message = lease->delivery.message;
    message.attempt = attempt;
    message.copy = random_name("");
    if (message.message_id.empty()) message.message_id = lease->job.id;
    link_.publish({options_.jobs_queue, std::move(message), lease->mark},
                  [this, tag](const Result<RabbitPublished>& published) { end(tag, published); });
  }

  /// Dead letter, then the result for whoever waits (none where it is empty), then the acknowledgement.
  void bury(std::uint64_t tag, const std::string& reason, const std::string& result) {
    const auto* lease = ledger_.find(tag);
    if (!stands(*lease)) return ledger_.end(tag);
    ledger_.disown(tag);
    RabbitMessage letter = lease->delivery.message;
    letter.reason = reason.substr(0, kReasonMax);
    if (letter.message_id.empty()) letter.message_id = lease->job.id;
    log(RabbitLogLevel::warning, "rabbitmq: job " + lease->job.id + " is a dead letter: " + letter.reason);
    link_.publish({options_.dead_queue, std::move(letter)},
                  [this, tag, result](const Result<RabbitPublished>& published) {
                    if (!published || result.empty()) return end(tag, published);
                    if (ledger_.find(tag) != nullptr) send_result(tag, result);
                  });
  }

  void bury_message(Arrival arrival) {
    const UnusableRabbitMessage unusable = std::move(*arrival.unusable);
    arrival.job.id = unusable.id;
    const std::uint64_t tag = lease(std::move(arrival));
    take(tag);
    bury(tag, unusable.reason, unusable.result);
  }

  void end(std::uint64_t tag, const Result<RabbitPublished>& published) {
    const auto* lease = ledger_.find(tag);
    // without its queue the message stays where it is
    const bool stored = published && *published == RabbitPublished::stored;
    if (lease != nullptr && stored) acknowledge(*lease);
    ledger_.end(tag);
  }

  boost::asio::io_context& io_;
  RabbitQueueOptions options_;
  RabbitUrl url_;
  std::string replies_ = random_name(kRepliesPrefix);
  RabbitLedger ledger_{options_.remembered_bytes};
  std::unordered_map<std::string, Waiter> waiters_{};
  std::function<void(Delivery)> on_job_{};
  bool consuming_ = false;
  bool up_ = false;
  std::uint64_t epoch_ = 0;  // of the connection that is up
  std::string blocked_{};
  std::string trouble_{};
  std::size_t depth_ = 0;
  std::int64_t newest_taken_ms_ = 0;
  RabbitLink link_;  // last: its events use what stands above
};

}  // namespace

std::unique_ptr<Queue> make_rabbit_queue(boost::asio::io_context& io, const RabbitQueueOptions& options) {
  return std::make_unique<RabbitQueue>(io, options);
}

}  // namespace executor
