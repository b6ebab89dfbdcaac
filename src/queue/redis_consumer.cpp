#include "queue/redis_consumer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "queue/redis_message.hpp"
#include "queue/redis_scripts.hpp"

namespace executor {
namespace {

using std::chrono::milliseconds;

/// How long BLMOVE blocks. Finite, so that a lost connection is noticed and strays are looked for.
constexpr std::chrono::seconds kBlock{5};
constexpr milliseconds kRefusedPause{1000};
/// A message found taken but unclaimed so often is what fells its takers.
constexpr int kStrayMax = 5;

RedisCommand load(const RedisScript& script) { return {"SCRIPT", "LOAD", script.text}; }

}  // namespace

RedisConsumer::RedisConsumer(RedisContext& context, Hooks hooks)
    : context_(context),
      hooks_(std::move(hooks)),
      settler_(context, hooks_.stored),
      undertaker_(context),
      pause_timer_(context.io),
      beat_timer_(context.io),
      random_(std::random_device{}()) {}

RedisConsumer::~RedisConsumer() {
  if (take_) take_->close();
}

void RedisConsumer::consume(std::size_t capacity, std::function<void(Delivery)> on_job) {
  on_job_ = std::move(on_job);
  loop_.start(capacity);
  if (take_) return advance();
  start_take();
  schedule_beat();
}

void RedisConsumer::stop_consuming() {
  loop_.stop();
  advance();
}

// -- taking

void RedisConsumer::start_take() {
  namespace scripts = redis_scripts;
  RedisConnectionOptions options{context_.url, "executor-take"};
  // claims are pipelined in front of the next BLMOVE: there is no room for a fall-back to EVAL
  options.prelude = {load(scripts::register_worker()), load(scripts::recover()), load(scripts::claim()),
                     load(scripts::set_aside()), load(scripts::requeue())};
  options.hints = {};
  options.reply_limit = 2 * context_.options.message_limit;
  options.command_timeout = context_.options.command_timeout;
  take_ = std::make_shared<RedisConnection>(context_.io, std::move(options));
  RedisConnection::Events events;
  events.up = [this]() { take_up(); };
  events.down = [this](const Error& error) {
    registered_ = false;
    claiming_.clear();
    loop_.disconnected();
    hooks_.trouble(error);
  };
  take_->start(std::move(events));
}

void RedisConsumer::take_up() {
  const auto& keys = context_.keys;
  const std::string& me = context_.instance;
  take_->send({"CLIENT", "ID"}, [this](const Result<RedisReply>& reply) {
    if (reply) take_client_id_ = reply->is_error() ? "" : std::to_string(reply->integer);
  });
  take_->send(eval_sha(redis_scripts::register_worker(), {keys.alive(me), keys.workers(), keys.leases(me)},
                       {me, std::to_string(context_.options.lease_ttl.count())}),
              [this](const Result<RedisReply>& reply) {
                if (reply) registered(*reply);
              });
}

void RedisConsumer::registered(const RedisReply& reply) {
  if (reply.is_error()) {
    context_.refused(reply);
    return take_->drop(
        {"register worker: " + reply.text, std::make_error_code(std::errc::operation_not_permitted)});
  }
  give_back(unheard(reply));
  registered_ = true;
  loop_.connected();
  hooks_.changed();
  advance();
}

/// The leases that are neither in hand nor asked for were granted to nobody: the answer was lost with the
/// connection before, or a Redis restarted from an older state has resurrected them.
std::set<std::string> RedisConsumer::unheard(const RedisReply& leases) const {
  std::set<std::string> found;
  for (const auto& element : leases.elements) {
    const std::string& id = element.text;
    if (!settler_.holds(id) && !claiming_.contains(id) && !offered_.contains(id) &&
        !giving_back_.contains(id))
      found.insert(id);
  }
  return found;
}

void RedisConsumer::give_back(const std::set<std::string>& unheard) {
  const auto& keys = context_.keys;
  for (const std::string& id : unheard) {
    giving_back_.insert(id);
    run_script(*context_.commands, redis_scripts::requeue(),
               {keys.job(id), keys.leases(context_.instance), keys.list()}, {id, context_.instance, "", "1"},
               [this, id](const Result<RedisReply>&) { giving_back_.erase(id); });
  }
}

/// A server may carry out what a lost connection had asked for long after a new one stands. So what nobody
/// has heard of at two beats in turn is given back too.
void RedisConsumer::look_for_unheard() {
  context_.commands->send({"SMEMBERS", context_.keys.leases(context_.instance)},
                          [this](const Result<RedisReply>& reply) {
                            if (!reply || reply->is_error()) return;
                            const std::set<std::string> now = unheard(*reply);
                            std::set<std::string> twice;
                            std::ranges::set_intersection(now, unheard_, std::inserter(twice, twice.end()));
                            give_back(twice);
                            unheard_ = now;
                          });
}

void RedisConsumer::advance() {
  for (;;) {
    switch (loop_.next()) {
      case RedisTakeLoop::Action::none:
        return;
      case RedisTakeLoop::Action::block:
        block();
        break;
      case RedisTakeLoop::Action::unblock:
        if (!take_client_id_.empty()) {
          context_.commands->send({"CLIENT", "UNBLOCK", take_client_id_}, [](const Result<RedisReply>&) {});
        }
        break;
      case RedisTakeLoop::Action::recover: {
        const auto& keys = context_.keys;
        const std::string& me = context_.instance;
        take_->send(eval_sha(redis_scripts::recover(),
                             {keys.processing(me), keys.list(), keys.burying(me), keys.strays()},
                             {std::to_string(kStrayMax), std::to_string(context_.options.message_limit)}),
                    [this](const Result<RedisReply>& reply) {
                      if (reply && reply->integer > 0) undertaker_.work();
                    });
        break;
      }
    }
  }
}

void RedisConsumer::block() {
  const auto& keys = context_.keys;
  take_->send(
      {"BLMOVE", keys.list(), keys.processing(context_.instance), "RIGHT", "LEFT",
       std::to_string(kBlock.count())},
      [this](const Result<RedisReply>& reply) { blocked_answer(reply); }, kBlock);
}

void RedisConsumer::blocked_answer(const Result<RedisReply>& reply) {
  if (!reply) return;  // disconnected() follows
  if (reply->is_error()) return pause_taking(*reply);
  loop_.answered(reply->is_string());
  if (reply->is_string()) {
    const auto message = read_redis_message(reply->text, context_.options.message_limit);
    if (const auto* readable = std::get_if<RedisMessage>(&message)) {
      claim(reply->text, *readable);
    } else {
      set_aside(reply->text, std::get<UnusableMessage>(message));
    }
  }
  advance();
}

void RedisConsumer::pause_taking(const RedisReply& error) {
  context_.refused(error);
  loop_.refused();
  pause_timer_.expires_after(kRefusedPause);
  pause_timer_.async_wait(context_.guard([this](const boost::system::error_code& code) {
    if (code) return;
    loop_.resumed();
    advance();
  }));
}

void RedisConsumer::claim(const std::string& raw, const RedisMessage& message) {
  const auto& keys = context_.keys;
  const std::string& me = context_.instance;
  claiming_.insert(message.id);
  auto granted = std::make_shared<RedisReply>();
  take_->send(eval_sha(redis_scripts::claim(),
                       {keys.processing(me), keys.leases(me), keys.burying(me), keys.job(message.id)},
                       {sha1_hex(raw), message.id, message.digest, me,
                        std::to_string(context_.options.record_ttl.count()), message.reply_to,
                        redis_burying_head("another body is known under this jobId", ""),
                        std::to_string(context_.options.max_attempts)}),
              [granted](Result<RedisReply> reply) {
                if (reply) *granted = std::move(*reply);
              });
  // a result may stand although no record says so: its worker was lost right after it was stored
  take_->send({"GET", RedisKeys::result(message.id)},
              [this, granted, raw, message](const Result<RedisReply>& stored) {
                if (stored) claimed(raw, message, *granted, *stored);
              });
}

void RedisConsumer::claimed(const std::string& raw, const RedisMessage& message, const RedisReply& reply,
                            const RedisReply& stored) {
  claiming_.erase(message.id);
  if (reply.is_error()) {
    // nothing is lost: what was taken is still in the processing list, and the next connection gives it back
    return take_->drop(
        {"claim job: " + reply.text, std::make_error_code(std::errc::operation_not_permitted)});
  }
  const std::string& verdict = reply.at(0).text;
  const auto attempt = static_cast<int>(reply.at(1).integer);
  const bool runs = verdict == "run" && !stored.is_string();
  loop_.claimed(runs, static_cast<std::size_t>(reply.at(3).integer));
  if (runs) {
    deliver(raw, message, attempt, milliseconds(reply.at(2).integer));
  } else if (verdict == "run" || verdict == "exhausted") {
    const auto tag = settler_.hold({message.id, raw, message.digest, message.reply_to, attempt});
    if (stored.is_string()) {
      settler_.settle(tag, stored.text, std::nullopt);
    } else {
      give_up(tag, "its worker was lost in each of " + std::to_string(attempt) + " attempts");
    }
  } else if (verdict == "done") {
    already_done(raw, message, stored);
  } else if (verdict == "conflict") {
    undertaker_.work();
  }
  advance();
}

void RedisConsumer::set_aside(const std::string& raw, const UnusableMessage& message) {
  const auto& keys = context_.keys;
  const std::string& me = context_.instance;
  take_->send(eval_sha(redis_scripts::set_aside(), {keys.processing(me), keys.burying(me)},
                       {sha1_hex(raw), redis_burying_head(message.reason, message.id)}),
              [this](const Result<RedisReply>& reply) {
                if (!reply) return;
                loop_.claimed(false, static_cast<std::size_t>(std::max(0LL, reply->integer)));
                undertaker_.work();
                advance();
              });
}

void RedisConsumer::deliver(const std::string& raw, const RedisMessage& message, int attempt,
                            milliseconds waited) {
  const auto tag = settler_.hold({message.id, raw, message.digest, message.reply_to, attempt});
  if (!loop_.consuming()) {  // stopped while this one was on its way
    loop_.released();
    settler_.give_back(tag, false, milliseconds(0));
    return;
  }
  Delivery delivery{{message.id, without_enqueue_time(raw), hooks_.parsed(message.id)}, attempt, waited, tag};
  context_.post([this, delivery = std::move(delivery)]() { on_job_(delivery); });
}

bool RedisConsumer::offer(const std::string& id) {
  if (!loop_.reserve()) return false;
  offered_.insert(id);
  return true;
}

void RedisConsumer::submitted(const std::string& id, const std::optional<RedisMessage>& granted,
                              const std::string& body, const std::optional<std::string>& result) {
  offered_.erase(id);
  loop_.submitted(granted && !result);
  if (granted && !result) deliver(body, *granted, 1, milliseconds(0));
  if (granted && result)
    settler_.settle(settler_.hold({id, body, granted->digest, granted->reply_to, 1}), *result, std::nullopt);
  advance();
}

/// The same job came again after its result: whoever sent it finds the result; where it has expired, the job
/// runs anew.
void RedisConsumer::already_done(const std::string& raw, const RedisMessage& message,
                                 const RedisReply& stored) {
  const auto& keys = context_.keys;
  const auto ignore = [](const Result<RedisReply>&) {};
  if (!stored.is_string()) {
    std::string body = without_enqueue_time(raw);
    body.erase(0, body.find('{'));
    return run_script(*context_.commands, redis_scripts::submit(), {keys.job(message.id), keys.list()},
                      {message.digest, std::move(body), context_.instance,
                       std::to_string(context_.options.record_ttl.count()), "again"},
                      ignore);
  }
  if (message.reply_to.empty()) return;
  run_script(*context_.commands, redis_scripts::push_reply(), {message.reply_to},
             {stored.text, std::to_string(context_.options.result_ttl.count())}, ignore);
}

// -- ending leases

void RedisConsumer::complete(const Delivery& delivery, std::string result_json) {
  if (!settler_.settle(delivery.tag, std::move(result_json), std::nullopt)) return;
  loop_.released();
  advance();
}

void RedisConsumer::retry(const Delivery& delivery, const std::string& reason) {
  const RedisLease* lease = settler_.find(delivery.tag);
  if (lease == nullptr) return;
  const auto& options = context_.options;
  const bool ends = lease->attempt >= options.max_attempts
                        ? give_up(delivery.tag, reason)
                        : settler_.give_back(delivery.tag, true, options.retry_delay * lease->attempt);
  if (!ends) return;
  loop_.released();
  advance();
}

bool RedisConsumer::give_up(std::uint64_t tag, const std::string& reason) {
  const RedisLease& lease = *settler_.find(tag);
  context_.log(RedisLogLevel::error, "redis: job " + lease.id + " is given up: " + reason);
  const std::string text = reason + " (attempt " + std::to_string(lease.attempt) + " of " +
                           std::to_string(context_.options.max_attempts) + ")";
  return settler_.settle(tag, redis_error_result(lease.id, "infrastructure_error", text), reason);
}

void RedisConsumer::reject(const Delivery& delivery, const std::string& reason, std::string result_json) {
  if (!settler_.settle(delivery.tag, std::move(result_json), reason)) return;
  loop_.released();
  advance();
}

// -- staying alive, and taking over from those who did not

void RedisConsumer::connected() {
  commands_up_since_ = Clock::now();
  if (!take_) return;
  register_again();
  settler_.connected();
  undertaker_.work();
}

void RedisConsumer::schedule_beat() {
  // a little apart, so that several workers do not reap at the same instant
  const double spread = std::uniform_real_distribution<double>(0.8, 1.0)(random_);
  const auto third = std::chrono::duration<double, std::milli>(context_.options.lease_ttl) / 3.0;
  beat_timer_.expires_after(std::chrono::duration_cast<milliseconds>(third * spread));
  beat_timer_.async_wait(context_.guard([this](const boost::system::error_code& code) {
    if (code) return;
    if (context_.commands->up()) beat();
    schedule_beat();
  }));
}

/// PEXPIRE rather than SET: it is let through even when Redis is out of memory.
void RedisConsumer::beat() {
  const std::string ttl = std::to_string(context_.options.lease_ttl.count());
  context_.commands->send({"PEXPIRE", context_.keys.alive(context_.instance), ttl},
                          [this](const Result<RedisReply>& reply) {
                            if (!reply || reply->is_error() || reply->integer == 1) return;
                            context_.log(RedisLogLevel::warning, "redis: this worker was taken for dead");
                            register_again();
                            settler_.reclaim();
                          });
  look_for_unheard();
  undertaker_.work();
  // after an outage every worker looks dead at first: each gets a whole lease's time to come back
  if (Clock::now() - commands_up_since_ > context_.options.lease_ttl) reap();
}

void RedisConsumer::register_again() {
  const auto& keys = context_.keys;
  const std::string& me = context_.instance;
  run_script(
      *context_.commands, redis_scripts::register_worker(), {keys.alive(me), keys.workers(), keys.leases(me)},
      {me, std::to_string(context_.options.lease_ttl.count())}, [this](const Result<RedisReply>& reply) {
        if (reply && !reply->is_error()) give_back(unheard(*reply));
      });
}

void RedisConsumer::reap() {
  const auto& keys = context_.keys;
  const std::string& me = context_.instance;
  run_script(*context_.commands, redis_scripts::reap(),
             {keys.workers(), keys.list(), keys.burying(me), keys.strays()},
             {keys.prefix(), me, std::to_string(kStrayMax), std::to_string(context_.options.message_limit)},
             [this](const Result<RedisReply>& reply) {
               if (!reply || reply->integer <= 0) return;
               context_.log(RedisLogLevel::warning, "redis: " + std::to_string(reply->integer) +
                                                        " job(s) of a worker that is gone wait again");
             });
}

}  // namespace executor
