#include "queue/redis_undertaker.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "queue/clock.hpp"
#include "queue/redis_message.hpp"
#include "queue/redis_scripts.hpp"

namespace executor {
namespace {

using nlohmann::json;

}  // namespace

std::string redis_burying_head(const std::string& reason, const std::string& id) {
  return json{{"reason", reason}, {"id", id}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

void RedisUndertaker::work() {
  if (working_ || !context_.commands->up()) return;
  working_ = true;
  run_script(*context_.commands, redis_scripts::peek_burying(), {context_.keys.burying(context_.instance)},
             {std::to_string(kDeadJobTextMax)}, [this](const Result<RedisReply>& reply) {
               working_ = false;
               if (reply && reply->elements.size() == 4) peeked(*reply);
             });
}

void RedisUndertaker::peeked(const RedisReply& entry) {
  const json head = json::parse(entry.at(0).text, nullptr, false);
  const bool readable = head.is_object();
  const std::string reason = readable ? head.value("reason", "") : "unknown";
  const std::string id = readable ? head.value("id", "") : "";
  const std::string& raw = entry.at(1).text;
  const auto size = static_cast<std::size_t>(entry.at(2).integer);
  context_.log(RedisLogLevel::warning, "redis: a message goes to the dead letters: " + reason);

  auto& commands = *context_.commands;
  const auto ignore = [](const Result<RedisReply>&) {};
  if (!id.empty()) {
    commands.send({"SET", RedisKeys::result(id), redis_error_result(id, "invalid_job", reason), "PX",
                   std::to_string(context_.options.result_ttl.count()), "NX"},
                  ignore);
  }
  working_ = true;
  const std::string dead(RedisKeys::kDead);
  commands.send({"LPUSH", dead, redis_dead_letter(reason, raw, size, 0, now_ms())},
                [this, sha1 = entry.at(3).text](const Result<RedisReply>& reply) { buried(reply, sha1); });
  commands.send({"LTRIM", dead, "0", std::to_string(kDeadLettersMax - 1)}, ignore);
}

void RedisUndertaker::buried(const Result<RedisReply>& reply, const std::string& entry_sha1) {
  working_ = false;
  if (!reply || reply->is_error()) return;  // the next beat tries again
  working_ = true;
  run_script(*context_.commands, redis_scripts::drop_buried(), {context_.keys.burying(context_.instance)},
             {entry_sha1}, [this](const Result<RedisReply>& left) {
               working_ = false;
               if (left && left->integer > 0) work();
             });
}

}  // namespace executor
