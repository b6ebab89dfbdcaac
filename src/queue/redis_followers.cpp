#include "queue/redis_followers.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "queue/redis_scripts.hpp"

namespace executor {
namespace {

using State = KnownJob::State;

Error redis_away() { return {"ask for job: Redis is away", std::make_error_code(std::errc::not_connected)}; }
Error was_cancelled() {
  return {"wait for job: it was cancelled", std::make_error_code(std::errc::operation_canceled)};
}
Error result_gone() {
  return {"wait for job: its result is gone", std::make_error_code(std::errc::no_message)};
}

/// Nothing where nobody accepted such a job, or where all is forgotten about it.
std::optional<KnownJob> read_known(const RedisReply& reply) {
  if (reply.elements.size() < 2) return std::nullopt;
  KnownJob job;
  const std::string& state = reply.at(0).text;
  job.state = state == "queued"    ? State::queued
              : state == "running" ? State::running
              : state == "done"    ? State::ended
                                   : State::cancelled;
  const std::string& tests = reply.at(1).text;
  std::from_chars(tests.data(), tests.data() + tests.size(), job.tests);
  for (std::size_t i = 2; i < reply.elements.size(); ++i) job.events.push_back(reply.at(i).text);
  return job;
}

}  // namespace

void RedisFollowers::ask(const std::string& id, const char* what,
                         std::function<void(Result<RedisReply>)> done) {
  run_script(*context_.commands, redis_scripts::known(), {context_.keys.job(id), context_.keys.events(id)},
             {what, context_.instance, context_.keys.front_channel(""), id}, std::move(done));
}

void RedisFollowers::answer(const std::string& id, const Result<RedisReply>& reply,
                            const Queue::Known& known) {
  if (!reply || reply->is_error()) return known(redis_away());
  std::optional<KnownJob> job = read_known(*reply);
  if (!job || job->state != State::ended) return known(std::move(job));
  fetch(id, [known, job = std::move(*job)](const Result<std::string>& result) mutable {
    if (!result && result.error().code != std::errc::no_message) return known(result.error());
    if (!result) return known(std::optional<KnownJob>());
    job.result = *result;
    known(std::optional(std::move(job)));
  });
}

void RedisFollowers::look_up(const std::string& id, Queue::Known known) {
  ask(id, "look",
      [this, id, known = std::move(known)](const Result<RedisReply>& reply) { answer(id, reply, known); });
}

void RedisFollowers::cancel(const std::string& id, Queue::Known known) {
  followers_.erase(id);
  ask(id, "cancel",
      [this, id, known = std::move(known)](const Result<RedisReply>& reply) { answer(id, reply, known); });
}

void RedisFollowers::follow(const std::string& id, Queue::Known known, Queue::Listener listener) {
  followers_.insert_or_assign(id, Follower{std::move(listener)});
  const auto begun = [this, id, known = std::move(known)](Result<std::optional<KnownJob>> found) {
    const bool open = found && *found && (*found)->state <= State::running;
    const std::optional<KnownJob> job = open ? *found : std::nullopt;
    known(std::move(found));
    if (job) return begin(id, *job);
    followers_.erase(id);
  };
  ask(id, "follow", [this, id, begun](const Result<RedisReply>& reply) { answer(id, reply, begun); });
}

void RedisFollowers::begin(const std::string& id, const KnownJob& job) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  found->second.known = true;
  found->second.told = job.events.size();
  for (const auto& each : std::exchange(found->second.early, {})) each();
}

void RedisFollowers::connected() {
  for (const auto& [id, follower] : followers_)
    if (follower.known)
      ask(id, "follow", [this, id = id](const Result<RedisReply>& reply) { catch_up(id, reply); });
}

void RedisFollowers::catch_up(const std::string& id, const Result<RedisReply>& reply) {
  if (!reply || reply->is_error()) return;  // connected() asks again
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  const std::optional<KnownJob> job = read_known(*reply);
  if (!job) return end(id, result_gone());
  for (std::size_t i = found->second.told; i < job->events.size(); ++i) tell(id, job->events[i]);
  if (job->state == State::cancelled) end(id, was_cancelled());
  if (job->state == State::ended)
    fetch(id, [this, id](const Result<std::string>& result) { end(id, result); });
}

void RedisFollowers::message(const std::string& payload) {
  const bool progress = payload.starts_with(kProgress);
  const std::size_t begin = progress ? kProgress.size() : 0;
  const std::size_t newline = payload.find('\n');
  const std::string id = payload.substr(begin, newline == std::string::npos ? newline : newline - begin);
  if (!followers_.contains(id)) return;
  if (newline == std::string::npos)
    return fetch(id, [this, id](const Result<std::string>& result) { end(id, result); });
  std::string text = payload.substr(newline + 1);
  progress ? tell(id, text) : end(id, std::move(text));
}

void RedisFollowers::result(const std::string& id, const std::string& json) {
  if (followers_.contains(id)) end(id, json);
}
void RedisFollowers::cancelled(const std::string& id) {
  if (followers_.contains(id)) end(id, was_cancelled());
}

void RedisFollowers::tell(const std::string& id, const std::string& event) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  if (!found->second.known) return found->second.early.push_back([this, id, event] { tell(id, event); });
  if (event.find(kTestEvent) != std::string::npos) ++found->second.told;
  context_.post([progress = found->second.listener.progress, event] { progress(event); });
}

/// std::errc::no_message: there is none any more.
void RedisFollowers::fetch(const std::string& id, std::function<void(Result<std::string>)> done) {
  context_.commands->send({"GET", RedisKeys::result(id)},
                          [done = std::move(done)](const Result<RedisReply>& reply) {
                            if (!reply || reply->is_error()) return done(redis_away());
                            if (!reply->is_string()) return done(result_gone());
                            done(reply->text);
                          });
}

void RedisFollowers::end(const std::string& id, const Result<std::string>& result) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  if (!result && result.error().code == std::errc::not_connected) return;  // connected() asks again
  if (!found->second.known) return found->second.early.push_back([this, id, result] { end(id, result); });
  context_.post([answer = std::move(found->second.listener.answer), result] { answer(result); });
  followers_.erase(found);
}

}  // namespace executor
