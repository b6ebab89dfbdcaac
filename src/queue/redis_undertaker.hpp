// Messages that can be no job go from the worker's burying list to executor:dead, each with its reason; where
// its id could be read, an error result tells whoever waits. The list's hash slot differs from
// executor:dead's, so it is written first and removed after: a crash in between may bury a message twice, and
// never loses it.
//
// Thread safety: the io_context's thread only.
#pragma once

#include <string>

#include "queue/redis_context.hpp"

namespace executor {

class RedisUndertaker {
 public:
  explicit RedisUndertaker(RedisContext& context) : context_(context) {}

  /// Begins to work through the burying list, unless it is being done already.
  void work();

 private:
  void peeked(const RedisReply& entry);
  void buried(const Result<RedisReply>& reply, const std::string& entry_sha1);

  RedisContext& context_;
  bool working_ = false;
};

/// What stands before a message in a burying list. Pure.
[[nodiscard]] std::string redis_burying_head(const std::string& reason, const std::string& id);

}  // namespace executor
