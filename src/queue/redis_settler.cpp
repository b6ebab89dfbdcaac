#include "queue/redis_settler.hpp"

#include <algorithm>
#include <utility>

#include "executor/limits.hpp"
#include "queue/clock.hpp"
#include "queue/redis_message.hpp"
#include "queue/redis_scripts.hpp"

namespace executor {
namespace {

using Step = RedisSettlement::Step;
using Event = RedisSettlement::Event;

constexpr std::chrono::milliseconds kAgainPause{500};
/// A result up to this size travels inside the publication; the front fetches a larger one.
constexpr std::size_t kPublishedMax = 256 * kKiB;

/// What a reply to the step's command means.
Event event_of(Step step, const RedisReply& reply) {
  if (reply.is_error()) {
    return step == Step::fetch && reply.error_code() == "WRONGTYPE" ? Event::wrong_type : Event::failed;
  }
  if (step == Step::store) return reply.is_nil() ? Event::taken : Event::ok;
  if (step == Step::fetch) return reply.is_string() ? Event::found : Event::missing;
  return Event::ok;
}

}  // namespace

RedisSettler::RedisSettler(RedisContext& context, Stored stored)
    : context_(context), stored_(std::move(stored)), again_timer_(context.io) {}

std::uint64_t RedisSettler::hold(RedisLease lease) {
  leases_.emplace(++last_tag_, Held{std::move(lease)});
  return last_tag_;
}

const RedisLease* RedisSettler::find(std::uint64_t tag) const {
  const auto found = leases_.find(tag);
  return found == leases_.end() ? nullptr : &found->second.lease;
}

bool RedisSettler::holds(const std::string& id) const {
  return std::any_of(leases_.begin(), leases_.end(),
                     [&](const auto& entry) { return entry.second.lease.id == id; });
}

bool RedisSettler::settle(std::uint64_t tag, std::string result, std::optional<std::string> dead_reason) {
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settlement || found->second.going_back) return false;
  Held& held = found->second;
  if (result.size() > context_.options.result_limit) {
    result = redis_error_result(
        held.lease.id, "result_too_large",
        "the result is larger than " + std::to_string(context_.options.result_limit) + " bytes");
  }
  held.settlement.emplace(std::move(result), std::move(dead_reason), held.lease.reply_to);
  drive(tag);
  return true;
}

bool RedisSettler::give_back(std::uint64_t tag, bool attempt_counts, std::chrono::milliseconds delay) {
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.settlement || found->second.going_back) return false;
  found->second.going_back = true;
  found->second.attempt_counts = attempt_counts;
  found->second.in_flight = true;  // until the delay is over
  auto timer = std::make_shared<boost::asio::steady_timer>(context_.io, delay);
  timer->async_wait(context_.guard([this, tag, timer](const boost::system::error_code&) {
    const auto waiting = leases_.find(tag);
    if (waiting == leases_.end()) return;
    waiting->second.in_flight = false;
    drive(tag);
  }));
  return true;
}

void RedisSettler::connected() {
  reclaim();
  std::vector<std::uint64_t> tags;
  for (const auto& [tag, held] : leases_) tags.push_back(tag);
  for (const auto tag : tags) drive(tag);
}

void RedisSettler::reclaim() {
  for (const auto& [tag, held] : leases_) {
    if (!held.settlement) reclaim_one(held.lease);
  }
}

void RedisSettler::reclaim_one(const RedisLease& lease) {
  const auto& keys = context_.keys;
  run_script(
      *context_.commands, redis_scripts::reclaim(), {keys.job(lease.id), keys.leases(context_.instance)},
      {lease.id, lease.digest, context_.instance, std::to_string(lease.attempt), lease.raw,
       std::to_string(context_.options.record_ttl.count()), lease.reply_to},
      [this, id = lease.id](const Result<RedisReply>& reply) {
        if (reply && reply->text == "lost") {
          context_.log(RedisLogLevel::warning, "redis: the lease of job " + id + " went to another worker");
        }
      });
}

void RedisSettler::drive(std::uint64_t tag) {
  const auto found = leases_.find(tag);
  if (found == leases_.end() || found->second.in_flight || !context_.commands->up()) return;
  Held& held = found->second;
  if (held.going_back) {
    held.in_flight = true;
    return put_back(tag, held);
  }
  if (!held.settlement) return;
  const RedisSettlement& settlement = *held.settlement;
  const std::string key = RedisKeys::result(held.lease.id);
  const std::string ttl = std::to_string(context_.options.result_ttl.count());
  switch (settlement.step()) {
    case Step::store:
      return step(tag, held, {"SET", key, settlement.result(), "PX", ttl, "NX"});
    case Step::overwrite:
      return step(tag, held, {"SET", key, settlement.result(), "PX", ttl});
    case Step::fetch:
      return step(tag, held, {"GET", key});
    case Step::bury:
      return bury(tag, held);
    case Step::reply:
      return step(
          tag, held,
          eval_text(redis_scripts::push_reply(), {settlement.reply_to()}, {settlement.result(), ttl}));
    case Step::finish:
      return finish(tag, held);
    case Step::settled:
      leases_.erase(found);
      return;
  }
}

void RedisSettler::bury(std::uint64_t tag, Held& held) {
  const std::string dead(RedisKeys::kDead);
  const std::string body = without_enqueue_time(held.lease.raw);
  step(tag, held,
       {"LPUSH", dead,
        redis_dead_letter(held.settlement->dead_reason(), body, body.size(), held.lease.attempt, now_ms())});
  context_.commands->send({"LTRIM", dead, "0", std::to_string(kDeadLettersMax - 1)},
                          [](const Result<RedisReply>&) {});
}

void RedisSettler::put_back(std::uint64_t tag, const Held& held) {
  const auto& keys = context_.keys;
  const RedisLease& lease = held.lease;
  run_script(*context_.commands, redis_scripts::requeue(),
             {keys.job(lease.id), keys.leases(context_.instance), keys.list()},
             {lease.id, context_.instance, std::to_string(lease.attempt), held.attempt_counts ? "0" : "1"},
             [this, tag](const Result<RedisReply>& reply) {
               const auto found = leases_.find(tag);
               if (found == leases_.end()) return;
               found->second.in_flight = false;
               if (!reply) return;  // connected() drives it again
               if (reply->is_error()) return try_again_soon();
               leases_.erase(found);
             });
}

void RedisSettler::step(std::uint64_t tag, Held& held, const RedisCommand& command) {
  held.in_flight = true;
  context_.commands->send(command, [this, tag](const Result<RedisReply>& reply) { stepped(tag, reply); });
}

void RedisSettler::stepped(std::uint64_t tag, const Result<RedisReply>& reply) {
  const auto found = leases_.find(tag);
  if (found == leases_.end()) return;
  Held& held = found->second;
  if (!reply) return advance(tag, held, Event::failed);
  const Event event = event_of(held.settlement->step(), *reply);
  if (event == Event::failed && held.settlement->step() == Step::reply) {
    // somebody else's key is not worth a lease: the result stands under the job's own key
    context_.log(RedisLogLevel::warning, "redis: reply key of job " + held.lease.id + ": " + reply->text);
    return advance(tag, held, Event::ok);
  }
  if (event == Event::failed) context_.refused(*reply);
  const bool refused = event == Event::failed;
  advance(tag, held, event, reply->text);
  if (refused) try_again_soon();
}

void RedisSettler::advance(std::uint64_t tag, Held& held, Event event, std::string value) {
  RedisSettlement& settlement = *held.settlement;
  const bool stood = settlement.stored();
  held.in_flight = false;
  settlement.resume(event, std::move(value));
  if (!stood && settlement.stored()) {
    context_.refusal.clear();
    if (settlement.superseded()) {
      context_.log(RedisLogLevel::warning,
                   "redis: job " + held.lease.id + " had a result already; this one is dropped");
    }
    stored_(held.lease.id, settlement.result());
  }
  if (event != Event::failed) drive(tag);
}

void RedisSettler::finish(std::uint64_t tag, Held& held) {
  held.in_flight = true;
  const auto& keys = context_.keys;
  const RedisLease& lease = held.lease;
  const std::string& result = held.settlement->result();
  const std::string message = result.size() > kPublishedMax ? lease.id : lease.id + "\n" + result;
  run_script(*context_.commands, redis_scripts::finish(),
             {keys.job(lease.id), keys.leases(context_.instance), keys.events(lease.id)},
             {lease.id, context_.instance, std::to_string(lease.attempt), lease.digest,
              std::to_string(context_.options.result_ttl.count()), message, keys.front_channel(""),
              context_.instance},
             [this, tag](const Result<RedisReply>& reply) { finished(tag, reply); });
}

void RedisSettler::finished(std::uint64_t tag, const Result<RedisReply>& reply) {
  const auto found = leases_.find(tag);
  if (found == leases_.end()) return;
  Held& held = found->second;
  if (!reply || reply->is_error()) {
    advance(tag, held, Event::failed);
    if (reply) try_again_soon();
    return;
  }
  const std::string ttl = std::to_string(context_.options.result_ttl.count());
  for (const auto& key : reply->elements) {
    if (key.text == held.lease.reply_to) continue;
    run_script(*context_.commands, redis_scripts::push_reply(), {key.text}, {held.settlement->result(), ttl},
               [](const Result<RedisReply>&) {});
  }
  advance(tag, held, Event::ok);
}

void RedisSettler::try_again_soon() {
  if (std::exchange(again_pending_, true)) return;
  again_timer_.expires_after(kAgainPause);
  again_timer_.async_wait(context_.guard([this](const boost::system::error_code&) {
    again_pending_ = false;
    std::vector<std::uint64_t> tags;
    for (const auto& [tag, held] : leases_) tags.push_back(tag);
    for (const auto tag : tags) drive(tag);
  }));
}

}  // namespace executor
