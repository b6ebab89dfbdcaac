#include "queue/redis_producer.hpp"

#include <utility>
#include <variant>

#include "queue/redis_message.hpp"
#include "queue/redis_scripts.hpp"

namespace executor {
namespace {

/// Also what a worker has to come back in and claim its running jobs again, after Redis has forgotten
/// everything: a job that is submitted again before that may run twice (and is answered once).
constexpr std::chrono::milliseconds kResubmitPause{500};
constexpr int kMissesMax = 2;

Error submit_error(std::string what, std::errc code) {
  return {"submit job: " + std::move(what), std::make_error_code(code)};
}

}  // namespace

RedisProducer::RedisProducer(RedisContext& context, Worker worker)
    : context_(context),
      worker_(std::move(worker)),
      waiters_(context.options.max_waiting),
      resubmit_timer_(context.io) {}

void RedisProducer::answer_later(Queue::Answer answer, Result<std::string> outcome) {
  context_.post([answer = std::move(answer), outcome = std::move(outcome)]() { answer(outcome); });
}

void RedisProducer::settle(const std::string& id, const Result<std::string>& outcome) {
  for (auto& answer : waiters_.take(id)) answer_later(std::move(answer), outcome);
}

void RedisProducer::submit(QueuedJob job, Queue::Answer answer, bool reachable) {
  const auto refuse = [&](std::string what, std::errc code) {
    answer_later(std::move(answer), submit_error(std::move(what), code));
  };
  if (!reachable) return refuse("Redis is away", std::errc::not_connected);
  const auto message = read_redis_message(job.body, context_.options.message_limit);
  if (const auto* unusable = std::get_if<UnusableMessage>(&message)) {
    return refuse(unusable->reason, std::errc::invalid_argument);
  }
  const auto& readable = std::get<RedisMessage>(message);
  if (readable.id != job.id) return refuse("the body names another jobId", std::errc::invalid_argument);
  job.body.erase(0, job.body.find('{'));

  const std::string id = job.id;
  switch (waiters_.add(std::move(job), readable.digest, answer)) {
    case RedisWaiters::Added::first:
      return worker_.offer(id) ? send_offered(id, readable) : send_submit(id, "new");
    case RedisWaiters::Added::joined:
      return;
    case RedisWaiters::Added::conflict:
      return refuse("another body is known under this jobId", std::errc::file_exists);
    case RedisWaiters::Added::full:
      return refuse("too many jobs wait for their answers", std::errc::no_buffer_space);
  }
}

void RedisProducer::abandon(const std::string& id) {
  if (waiters_.leave(id)) send_abandon(id);
}

void RedisProducer::send_abandon(const std::string& id) {
  run_script(*context_.commands, redis_scripts::abandon(), {context_.keys.job(id)},
             {context_.instance, context_.keys.front_channel(""), id}, [](const Result<RedisReply>&) {});
}

void RedisProducer::connected() {
  for (const auto& id : waiters_.ids()) {
    const auto* waiter = waiters_.find(id);
    send_submit(id, waiter->accepted && !waiter->vanished ? "known" : "new");
  }
}

std::vector<std::string> RedisProducer::submit_arguments(const RedisWaiters::Waiter& waiter,
                                                         const char* mode) const {
  const bool outlives = waiter.job.progress && waiter.job.parsed;
  return {waiter.digest,
          waiter.job.body,
          context_.instance,
          std::to_string(context_.options.record_ttl.count()),
          mode,
          outlives ? std::to_string(waiter.job.parsed->tests.size()) : std::string()};
}

void RedisProducer::send_submit(const std::string& id, const char* mode) {
  const auto* waiter = waiters_.find(id);
  if (waiter == nullptr) return;
  const auto& keys = context_.keys;
  run_script(*context_.commands, redis_scripts::submit(),
             {keys.job(id), keys.list(), keys.leases(context_.instance)}, submit_arguments(*waiter, mode),
             [this, id](const Result<RedisReply>& reply) {
               if (reply) submitted(id, *reply);  // else: connected() submits it again
             });
}

/// The worker of this process has room: where nothing waits, the job is leased to it with its submission. As
/// with a claim, a result may stand although no record says so.
void RedisProducer::send_offered(const std::string& id, RedisMessage message) {
  struct Answers {
    std::optional<Result<RedisReply>> submission, stored;
  };
  const auto& keys = context_.keys;
  const RedisWaiters::Waiter& waiter = *waiters_.find(id);
  const auto answers = std::make_shared<Answers>();
  const auto both = [this, answers, message = std::move(message), body = waiter.job.body] {
    if (!answers->submission || !answers->stored) return;
    const Result<RedisReply>& reply = *answers->submission;
    const bool granted = reply && reply->text == "run" && *answers->stored;
    const bool stands = granted && (*answers->stored)->is_string();
    if (reply) submitted(message.id, *reply);  // else: connected() submits it again
    worker_.answered(message.id, granted ? std::optional(message) : std::nullopt, body,
                     stands ? std::optional((*answers->stored)->text) : std::nullopt);
    // who waited for it left before anybody could be told to stop
    if (granted && waiters_.find(message.id) == nullptr) send_abandon(message.id);
  };
  auto arguments = submit_arguments(waiter, "new");
  arguments.push_back(id);
  run_script(*context_.commands, redis_scripts::submit(),
             {keys.job(id), keys.list(), keys.leases(context_.instance)}, std::move(arguments),
             [answers, both](Result<RedisReply> reply) {
               answers->submission = std::move(reply);
               both();
             });
  context_.commands->send({"GET", RedisKeys::result(id)}, [answers, both](Result<RedisReply> reply) {
    answers->stored = std::move(reply);
    both();
  });
}

void RedisProducer::submitted(const std::string& id, const RedisReply& reply) {
  auto* waiter = waiters_.find(id);
  if (waiter == nullptr) return;
  if (reply.is_error()) return refused(id, reply);
  context_.refusal.clear();
  if (reply.text == "conflict") {
    return settle(id, submit_error("another body is known under this jobId", std::errc::file_exists));
  }
  if (reply.text == "cancelled") return cancelled(id);
  if (!std::exchange(waiter->accepted, true) && waiter->job.accepted) context_.post(waiter->job.accepted);
  waiter->vanished = reply.text == "unknown";
  if (waiter->vanished) return resubmit_soon();
  if (reply.text == "done") fetch(id);
}

void RedisProducer::refused(const std::string& id, const RedisReply& error) {
  context_.refused(error);
  if (waiters_.find(id)->accepted) return resubmit_soon();
  const bool full = error.error_code() == "OOM";
  settle(id, submit_error("Redis answers " + error.text,
                          full ? std::errc::no_buffer_space : std::errc::not_connected));
}

void RedisProducer::resubmit_soon() {
  if (std::exchange(resubmit_pending_, true)) return;
  resubmit_timer_.expires_after(kResubmitPause);
  resubmit_timer_.async_wait(context_.guard([this](const boost::system::error_code&) {
    resubmit_pending_ = false;
    if (context_.commands->up()) connected();
  }));
}

void RedisProducer::message(const RedisReply& publication) {
  const std::string& payload = publication.at(2).text;
  const auto newline = payload.find('\n');
  if (payload.starts_with(kProgress)) return progress(payload, newline);
  const std::string id = payload.substr(0, newline);
  if (newline == std::string::npos) return fetch(id);
  result(id, payload.substr(newline + 1));
}

void RedisProducer::progress(const std::string& payload, std::size_t newline) {
  const auto* waiter = waiters_.find(payload.substr(kProgress.size(), newline - kProgress.size()));
  if (waiter == nullptr || !waiter->job.progress || newline == std::string::npos) return;
  context_.post([progress = waiter->job.progress, event = payload.substr(newline + 1)] { progress(event); });
}

void RedisProducer::cancelled(const std::string& id) {
  settle(id, Error{"wait for job: it was cancelled", std::make_error_code(std::errc::operation_canceled)});
}

void RedisProducer::result(const std::string& id, const std::string& json) { settle(id, json); }

void RedisProducer::fetch(const std::string& id) {
  if (waiters_.find(id) == nullptr) return;
  context_.commands->send({"GET", RedisKeys::result(id)}, [this, id](const Result<RedisReply>& reply) {
    if (reply) fetched(id, *reply);  // else: connected() asks again
  });
}

void RedisProducer::fetched(const std::string& id, const RedisReply& reply) {
  auto* waiter = waiters_.find(id);
  if (waiter == nullptr) return;
  if (reply.is_string()) return settle(id, reply.text);
  if (++waiter->misses > kMissesMax) {
    return settle(id, Error{"wait for job: its result is gone", std::make_error_code(std::errc::no_message)});
  }
  send_submit(id, "again");
}

std::shared_ptr<const Job> RedisProducer::parsed(const std::string& id) {
  const auto* waiter = waiters_.find(id);
  return waiter == nullptr ? nullptr : waiter->job.parsed;
}

}  // namespace executor
