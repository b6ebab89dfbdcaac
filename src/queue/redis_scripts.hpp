// The steps that must be one: Lua scripts that run inside Redis. All keys of a script share the list's hash
// slot.
//
// Each script is a flat piece of Lua in redis_scripts.cpp with its keys, arguments and answers above it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/redis_reply.hpp"

namespace executor {

class RedisConnection;

/// A script and the name under which Redis keeps it.
struct RedisScript {
  std::string name;
  std::string text;
  std::string sha1;
};

/// Publications that are no results begin so, which no job's id does.
inline constexpr std::string_view kCancel = "!cancel ";
inline constexpr std::string_view kProgress = "!progress ";
inline constexpr std::string_view kCancelled = "!cancelled ";
/// In an event that tells the end of a test.
inline constexpr std::string_view kTestEvent = R"("event":"test")";

namespace redis_scripts {

[[nodiscard]] const RedisScript& submit();
[[nodiscard]] const RedisScript& abandon();
[[nodiscard]] const RedisScript& known();
[[nodiscard]] const RedisScript& tell();
[[nodiscard]] const RedisScript& claim();
[[nodiscard]] const RedisScript& set_aside();
[[nodiscard]] const RedisScript& recover();
[[nodiscard]] const RedisScript& reclaim();
[[nodiscard]] const RedisScript& requeue();
[[nodiscard]] const RedisScript& finish();
[[nodiscard]] const RedisScript& reap();
[[nodiscard]] const RedisScript& register_worker();
[[nodiscard]] const RedisScript& peek_burying();
[[nodiscard]] const RedisScript& drop_buried();
[[nodiscard]] const RedisScript& push_reply();
[[nodiscard]] const RedisScript& sample();

}  // namespace redis_scripts

/// EVALSHA of a script that Redis may already know.
[[nodiscard]] RedisCommand eval_sha(const RedisScript& script, const std::vector<std::string>& keys,
                                    const std::vector<std::string>& arguments);
/// EVAL of the same: it also makes the script known.
[[nodiscard]] RedisCommand eval_text(const RedisScript& script, const std::vector<std::string>& keys,
                                     const std::vector<std::string>& arguments);

/// Runs the script on the connection: EVALSHA, and EVAL once Redis says that it does not know it. `done`
/// receives the reply (which may be an error reply), or an Error when the connection was lost before it came.
void run_script(RedisConnection& connection, const RedisScript& script, std::vector<std::string> keys,
                std::vector<std::string> arguments, std::function<void(Result<RedisReply>)> done);

}  // namespace executor
