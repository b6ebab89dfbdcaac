#include "queue/redis_keys.hpp"

namespace executor {
namespace {

/// The part of a key that a cluster hashes: between the first "{" and the first "}" after it if that is not
/// empty, else the whole key (Redis cluster specification, "Hash tags").
std::string_view hashed_part(std::string_view key) {
  const auto open = key.find('{');
  if (open == std::string_view::npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

Result<RedisKeys> RedisKeys::make(const std::string& queue_key) {
  const auto invalid = [](const char* what) {
    return Error{what, std::make_error_code(std::errc::invalid_argument)};
  };
  if (queue_key.empty()) return invalid("queue key: must not be empty");
  if (queue_key == kDead || queue_key.starts_with(kResultPrefix)) {
    return invalid("queue key: executor:dead and executor:results: are taken");
  }
  const std::string_view tag = hashed_part(queue_key);
  if (tag.find('}') != std::string_view::npos) return invalid("queue key: a \"}\" without its \"{\"");
  std::string prefix = "{" + std::string(tag) + "}:";
  if (tag.size() != queue_key.size()) prefix += queue_key + ":";
  return RedisKeys(queue_key, std::move(prefix));
}

}  // namespace executor
