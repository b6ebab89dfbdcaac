#include "queue/redis_queue.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <random>
#include <utility>

#include "queue/redis_consumer.hpp"
#include "queue/redis_context.hpp"
#include "queue/redis_followers.hpp"
#include "queue/redis_producer.hpp"
#include "queue/redis_scripts.hpp"

namespace executor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSamplePeriod{1000};
/// Publications are small results or ids: see the settler.
constexpr std::size_t kPublicationMax = kMiB;

std::string unique_name(const std::string& wanted) {
  std::string name = wanted;
  if (name.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
    name = std::string(host.data()) + "-" + std::to_string(getpid());
  }
  std::random_device random;
  std::array<char, 17> suffix{};
  std::snprintf(suffix.data(), suffix.size(), "%08x%08x", random(), random());
  return name + "-" + suffix.data();
}

template <class T>
T value_or_throw(Result<T> result) {
  return std::move(result).value();
}

class RedisQueue : public Queue {
 public:
  RedisQueue(boost::asio::io_context& io, const RedisQueueOptions& options)
      : context_{io, options, value_or_throw(parse_redis_url(options.url)),
                 value_or_throw(RedisKeys::make(options.queue_key)), unique_name(options.worker_id)},
        producer_(context_, own_worker()),
        followers_(context_),
        consumer_(context_, hooks()),
        sample_timer_(io) {
    start_commands();
    start_publications();
    schedule_sample();
  }

  ~RedisQueue() override {
    context_.life.reset();
    context_.commands->close();
    publications_->close();
  }
  RedisQueue(const RedisQueue&) = delete;
  RedisQueue& operator=(const RedisQueue&) = delete;

  void submit(QueuedJob job, Answer answer) override {
    producer_.submit(std::move(job), std::move(answer), reachable());
  }
  void abandon(const std::string& job_id) override { producer_.abandon(job_id); }
  void look_up(const std::string& job_id, const Known& known) override { followers_.look_up(job_id, known); }
  void follow(const std::string& job_id, const Known& known, const Listener& listener) override {
    followers_.follow(job_id, known, listener);
  }
  void cancel(const std::string& job_id, const Known& known) override { followers_.cancel(job_id, known); }

  void consume(std::size_t capacity, std::function<void(Delivery)> on_job) override {
    consumer_.consume(capacity, std::move(on_job));
  }
  void stop_consuming() override { consumer_.stop_consuming(); }
  void progress(const Delivery& delivery, const std::string& event_json) override {
    if (!context_.commands->up()) return;
    const std::string& id = delivery.job.id;
    const bool kept = event_json.find(kTestEvent) != std::string::npos;
    run_script(*context_.commands, redis_scripts::tell(), {context_.keys.job(id), context_.keys.events(id)},
               {context_.keys.front_channel(""), std::string(kProgress) + id + "\n" + event_json,
                kept ? event_json : std::string(), std::to_string(context_.options.record_ttl.count())},
               [](const Result<RedisReply>&) {});
  }
  void on_cancel(const std::function<void(const std::string&)>& cancel) override { cancel_ = cancel; }
  void complete(const Delivery& delivery, std::string result_json) override {
    consumer_.complete(delivery, std::move(result_json));
  }
  void retry(const Delivery& delivery, const std::string& reason) override {
    consumer_.retry(delivery, reason);
  }
  void reject(const Delivery& delivery, const std::string& reason, std::string result_json) override {
    consumer_.reject(delivery, reason, std::move(result_json));
  }

  [[nodiscard]] Status status() const override {
    Status status;
    status.ready = reachable() && consumer_.ready() && context_.refusal.empty();
    status.detail = context_.url.describe() + ": ";
    if (status.ready) {
      status.detail += "connected";
    } else if (reachable() && !context_.refusal.empty()) {
      status.detail += context_.refusal;
    } else {
      status.detail += trouble_.empty() ? "connecting" : trouble_;
    }
    status.depth = depth_;
    status.oldest = oldest_;
    status.leased = consumer_.leased();
    return status;
  }

 private:
  [[nodiscard]] bool reachable() const { return context_.commands->up() && publications_->up(); }

  RedisProducer::Worker own_worker() {
    return {.offer = [this](const std::string& id) { return consumer_.offer(id); },
            .answered =
                [this](const std::string& id, const std::optional<RedisMessage>& granted,
                       const std::string& body, const std::optional<std::string>& result) {
                  consumer_.submitted(id, granted, body, result);
                }};
  }

  RedisConsumer::Hooks hooks() {
    RedisConsumer::Hooks hooks;
    hooks.stored = [this](const std::string& id, const std::string& result) {
      producer_.result(id, result);
      followers_.result(id, result);
    };
    hooks.parsed = [this](const std::string& id) { return producer_.parsed(id); };
    hooks.changed = [this]() { report_ready(); };
    hooks.trouble = [this](const Error& error) { trouble(error); };
    return hooks;
  }

  RedisConnectionOptions connection_options(const char* name) const {
    RedisConnectionOptions options{context_.url, name};
    options.command_timeout = context_.options.command_timeout;
    return options;
  }

  void start_commands() {
    namespace scripts = redis_scripts;
    auto options = connection_options("executor-commands");
    for (const auto* script :
         {&scripts::submit(), &scripts::abandon(), &scripts::known(), &scripts::tell(), &scripts::reclaim(),
          &scripts::requeue(), &scripts::finish(), &scripts::reap(), &scripts::register_worker(),
          &scripts::sample(), &scripts::peek_burying(), &scripts::drop_buried(), &scripts::push_reply()}) {
      options.hints.push_back({"SCRIPT", "LOAD", script->text});
    }
    options.reply_limit = context_.options.result_limit + context_.options.message_limit;
    context_.commands = std::make_shared<RedisConnection>(context_.io, std::move(options));
    RedisConnection::Events events;
    events.up = [this]() {
      consumer_.connected();  // before the producer: what runs here is claimed before it is submitted again
      reachable_again();
      sample();
    };
    events.down = [this](const Error& error) { trouble(error); };
    context_.commands->start(std::move(events));
  }

  void start_publications() {
    auto options = connection_options("executor-publications");
    options.prelude = {{"SUBSCRIBE", context_.keys.front_channel(context_.instance)}};
    options.reply_limit = kPublicationMax;
    publications_ = std::make_shared<RedisConnection>(context_.io, std::move(options));
    RedisConnection::Events events;
    events.up = [this]() { reachable_again(); };
    events.down = [this](const Error& error) { trouble(error); };
    events.message = [this](const RedisReply& message) { published(message); };
    publications_->start(std::move(events));
  }

  void published(const RedisReply& message) {
    const std::string& payload = message.at(2).text;
    if (payload.starts_with(kCancel)) {
      if (cancel_) context_.post([cancel = cancel_, id = payload.substr(kCancel.size())] { cancel(id); });
    } else if (payload.starts_with(kCancelled)) {
      const std::string id = payload.substr(kCancelled.size());
      producer_.cancelled(id);
      followers_.cancelled(id);
    } else {
      followers_.message(payload);
      producer_.message(message);
    }
  }

  void reachable_again() {
    if (!reachable()) return;
    producer_.connected();
    followers_.connected();
    report_ready();
  }

  void report_ready() {
    if (!reachable() || !consumer_.ready()) return;
    if (!std::exchange(said_ready_, true))
      context_.log(RedisLogLevel::info, "redis: connected to " + context_.url.describe());
    trouble_.clear();
  }

  /// Each outage is told once, and again where its reason changes.
  void trouble(const Error& error) {
    const std::string text = error.message();
    if (said_ready_ || trouble_ != text) context_.log(RedisLogLevel::error, "redis: away: " + text);
    said_ready_ = false;
    trouble_ = text;
  }

  void schedule_sample() {
    sample_timer_.expires_after(kSamplePeriod);
    sample_timer_.async_wait(context_.guard([this](const boost::system::error_code& code) {
      if (code) return;
      if (context_.commands->up()) sample();
      schedule_sample();
    }));
  }

  void sample() {
    run_script(*context_.commands, redis_scripts::sample(), {context_.keys.list()}, {},
               [this](const Result<RedisReply>& reply) {
                 if (!reply || reply->elements.size() != 2) return;
                 depth_ = static_cast<std::size_t>(reply->at(0).integer);
                 oldest_ = milliseconds(reply->at(1).integer);
               });
    if (!context_.refusal.empty()) probe();
  }

  /// Are writes still refused?
  void probe() {
    context_.commands->send({"SET", context_.keys.prefix() + "probe", "1", "PX", "1000"},
                            [this](const Result<RedisReply>& reply) {
                              if (!reply) return;
                              if (reply->is_error()) return context_.refused(*reply);
                              context_.refusal.clear();
                              context_.log(RedisLogLevel::info, "redis: writes are accepted again");
                            });
  }

  RedisContext context_;
  RedisProducer producer_;
  RedisFollowers followers_;
  RedisConsumer consumer_;
  std::shared_ptr<RedisConnection> publications_{};
  boost::asio::steady_timer sample_timer_;
  std::function<void(const std::string&)> cancel_{};
  std::string trouble_{};
  bool said_ready_ = false;
  std::size_t depth_ = 0;
  milliseconds oldest_{};
};

}  // namespace

std::unique_ptr<Queue> make_redis_queue(boost::asio::io_context& io, const RedisQueueOptions& options) {
  return std::make_unique<RedisQueue>(io, options);
}

}  // namespace executor
