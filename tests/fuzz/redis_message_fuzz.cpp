// What anybody pushed to the queue → the id and the reply key, or why it can be no job.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "queue/redis_message.hpp"
#include "spec/parse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor;
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const auto read = read_redis_message(raw, 4096);
  if (const auto* message = std::get_if<RedisMessage>(&read)) {
    if (!is_job_id(message->id) || message->digest.empty()) std::abort();
    if (!message->reply_to.empty() && !message->reply_to.starts_with("executor:results:")) std::abort();
  } else if (const auto& unusable = std::get<UnusableMessage>(read);
             unusable.reason.empty() || (!unusable.id.empty() && !is_job_id(unusable.id))) {
    std::abort();
  }
  // whatever it is, the letter about it is JSON
  const std::string letter = redis_dead_letter("reason", raw, size, 1, 0);
  if (!nlohmann::json::accept(letter)) std::abort();
  if (without_enqueue_time(raw).size() > size) std::abort();
  return 0;
}
