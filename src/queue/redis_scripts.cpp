// The life of a job as the scripts see it. Its record is the hash {…}:job:<id>:
//
//              submit                 claim                      finish
//   (nothing) ───────▶ queued ─────────────────▶ running ─────────────────▶ done ──TTL──▶ (nothing)
//        │               ▲ │ abandon               │  ▲
//        │               │ └────────▶ cancelled    │  └── reclaim (the record was lost with an unpersisted
//        Redis) └─ claim ───────┼─────────────────────────┤
//     (foreign producer) └──── requeue, reap ──────┘
//
// Where nothing waits and the submitting process has room, submit leads to running at once.
//
//   state, digest, worker, attempts    body: the message, while it runs    origin: "front" if submit made the
//   record w:<front>  fronts to notify        r:<key>  reply keys of further senders of the same job
//
// A job that outlives its request has the fields tests (how many) and, where somebody has cancelled it,
// cancelled; l:<front> are fronts that listen without having asked for it. {…}:events:<id> holds its events.
//
// Redis runs out of memory between commands, not inside a script that has begun to write; so a script is done
// wholly or not at all. Times are Redis' own (TIME, PEXPIRE): no clock of a worker's host has a say.
#include "queue/redis_scripts.hpp"

#include <string_view>
#include <utility>

#include "queue/redis_connection.hpp"
#include "queue/redis_message.hpp"

namespace executor {
namespace {

RedisScript make_script(std::string name, std::string_view text) {
  RedisScript script{std::move(name), std::string(text), {}};
  script.sha1 = sha1_hex(script.text);
  return script;
}

/// Milliseconds of Redis' clock.
constexpr std::string_view kNow = R"lua(
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
)lua";

/// The message in a processing list whose SHA-1 is given, removed from it. Usually the only one there.
constexpr std::string_view kTakeOut = R"lua(
local function take_out(processing, sha1)
  for _, raw in ipairs(redis.call('LRANGE', processing, 0, -1)) do
    if redis.sha1hex(raw) == sha1 then
      redis.call('LREM', processing, 1, raw)
      return raw
    end
  end
  return nil
end
)lua";

/// Everything left in a processing list goes back to where the next worker takes it. What is too large, or
/// was left behind `stray_max` times (it may be what fells its workers), goes to `burying` instead.
constexpr std::string_view kReturnStrays = R"lua(
local function return_strays(processing, list, burying, strays, stray_max, size_max)
  local count = 0
  while true do
    local raw = redis.call('LINDEX', processing, 0)
    if not raw then return count end
    local reason
    if #raw > size_max then
      reason = 'larger than ' .. string.format('%.0f', size_max) .. ' bytes'
    else
      local sha1 = redis.sha1hex(raw)
      local times = redis.call('HINCRBY', strays, sha1, 1)
      redis.call('PEXPIRE', strays, 3600000)
      if times >= stray_max then
        reason = 'taken ' .. times .. ' times by workers that were gone before they could claim it'
        redis.call('HDEL', strays, sha1)
      end
    end
    redis.call('LPOP', processing)
    if reason then
      redis.call('LPUSH', burying, cjson.encode({reason = reason, id = ''}) .. '\n' .. raw)
    else
      redis.call('RPUSH', list, raw)
    end
    count = count + 1
  end
end
)lua";

std::string join(std::string_view first, std::string_view second, std::string_view third = {}) {
  return std::string(first).append(second).append(third);
}

}  // namespace

namespace redis_scripts {

// KEYS job, list, leases   ARGV digest, body (begins with "{"), front, record TTL ms, mode
// mode: "new" | "known" (nothing is queued that is not known already) | "again" (run anew although it is
// done), tests (none or "" for a job that does not outlive its request), id (none where the front itself has
// no room to run it) → "queued" | "run" (leased to the worker of the front's name: nothing waits before it)
// | "joined" (waits or runs already) | "done" (the result stands) | "conflict" (another body has this id)
// | "unknown" (mode "known" only) | "cancelled" (by somebody, for everybody)
const RedisScript& submit() {
  static const RedisScript script = make_script("submit", join(kNow, R"lua(
local job, list, leases = KEYS[1], KEYS[2], KEYS[3]
local known = redis.call('HMGET', job, 'digest', 'state', 'cancelled')
local state = known[2]
if known[1] and known[1] ~= ARGV[1] then return 'conflict' end
if known[3] then return 'cancelled' end
if state == 'done' and ARGV[5] ~= 'again' then return 'done' end
if not state and ARGV[5] == 'known' then return 'unknown' end
local waits = state == 'running' or state == 'queued'
local message = not waits and string.format('{"enqueuedAt":%.0f,', now_ms()) .. string.sub(ARGV[2], 2)
local runs = not waits and ARGV[7] and state ~= 'cancelled' and redis.call('LLEN', list) == 0
local fields = {'w:' .. ARGV[3], '1'}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if not waits then
  set('digest', ARGV[1])
  set('origin', 'front')
  set('state', runs and 'running' or 'queued')
  if ARGV[6] and ARGV[6] ~= '' then set('tests', ARGV[6]) end
end
if runs then
  set('worker', ARGV[3])
  set('attempts', 1)
  set('body', message)
end
redis.call('HSET', job, unpack(fields))  -- the first write: it is what is refused without memory
redis.call('PEXPIRE', job, ARGV[4])
if waits then return 'joined' end
if state then redis.call('HDEL', job, 'exhausted') end
if state and not runs then redis.call('HDEL', job, 'attempts') end
if runs then
  redis.call('SADD', leases, ARGV[7])
  return 'run'
end
if state ~= 'cancelled' then redis.call('LPUSH', list, message) end
return 'queued'
)lua"));
  return script;
}

// KEYS job   ARGV front   → 1 if the job will not run, else 0
const RedisScript& abandon() {
  static const RedisScript script = make_script("abandon", R"lua(
local job = KEYS[1]
redis.call('HDEL', job, 'w:' .. ARGV[1])
local known = redis.call('HMGET', job, 'state', 'origin', 'worker')
if known[2] ~= 'front' then return 0 end
for _, field in ipairs(redis.call('HKEYS', job)) do
  if string.sub(field, 1, 2) == 'w:' then return 0 end
end
if known[1] == 'running' and known[3] then
  redis.call('PUBLISH', ARGV[2] .. known[3], '!cancel ' .. ARGV[3])
end
if known[1] ~= 'queued' then return 0 end
redis.call('HSET', job, 'state', 'cancelled')
return 1
)lua");
  return script;
}

// KEYS job, events   ARGV what ("look" | "follow" | "cancel"), front, front channel's prefix, id
// → {state, tests, event…}; nothing where no such job outlives its request
const RedisScript& known() {
  static const RedisScript script = make_script("known", R"lua(
local job, front = KEYS[1], ARGV[2]
local known = redis.call('HMGET', job, 'tests', 'state', 'cancelled', 'worker')
local state = known[3] and 'cancelled' or known[2]
if not known[1] or not state then return {} end
local open = state == 'queued' or state == 'running'
if open and ARGV[1] == 'follow' then redis.call('HSET', job, 'l:' .. front, '1') end
if open and ARGV[1] == 'cancel' then
  redis.call('HSET', job, 'cancelled', '1')
  if state == 'queued' then
    redis.call('HSET', job, 'state', 'cancelled')
  elseif known[4] then
    redis.call('PUBLISH', ARGV[3] .. known[4], '!cancel ' .. ARGV[4])
  end
  for _, field in ipairs(redis.call('HKEYS', job)) do
    local kind, name = string.sub(field, 1, 2), string.sub(field, 3)
    if kind == 'w:' or kind == 'l:' then
      redis.call('HDEL', job, field)
      if name ~= front then redis.call('PUBLISH', ARGV[3] .. name, '!cancelled ' .. ARGV[4]) end
    end
  end
  state = 'cancelled'
end
local answer = {state, known[1]}
for _, event in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do answer[#answer + 1] = event end
return answer
)lua");
  return script;
}

// KEYS job, events   ARGV front channel's prefix, message, event ("" for one that is not kept), record TTL ms
// → fronts that were told
const RedisScript& tell() {
  static const RedisScript script = make_script("tell", R"lua(
local told = 0
local known = redis.call('HMGET', KEYS[1], 'tests', 'cancelled')
if ARGV[3] ~= '' and known[1] and not known[2] and redis.call('LLEN', KEYS[2]) < tonumber(known[1]) then
  redis.call('RPUSH', KEYS[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local kind = string.sub(field, 1, 2)
  if kind == 'w:' or kind == 'l:' then
    redis.call('PUBLISH', ARGV[1] .. string.sub(field, 3), ARGV[2])
    told = told + 1
  end
end
return told
)lua");
  return script;
}

// KEYS processing, leases, burying, job   ARGV sha1 of the message, id, digest, worker, record TTL ms, reply
// key, head of a burying entry for a conflict, attempts maximum → {verdict, attempt, ms waited, messages left
// in processing}; verdict: "run" | "exhausted" (leased, to be given up) | "joined" (runs elsewhere) | "done"
// | "cancelled" | "conflict" (set aside) | "gone" (the message was taken from us)
const RedisScript& claim() {
  static const RedisScript script = make_script("claim", join(kNow, kTakeOut, R"lua(
local processing, leases, burying, job = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local raw = take_out(processing, ARGV[1])
local left = redis.call('LLEN', processing)
if not raw then return {'gone', 0, 0, left} end
local known = redis.call('HMGET', job, 'digest', 'state', 'attempts', 'cancelled', 'tests')
local state = known[4] and known[2] ~= 'running' and 'cancelled' or known[2]
if known[1] and known[1] ~= ARGV[3] then
  redis.call('LPUSH', burying, ARGV[7] .. '\n' .. raw)
  return {'conflict', 0, 0, left}
end
if state == 'running' then
  if ARGV[6] ~= '' then redis.call('HSET', job, 'r:' .. ARGV[6], '1') end
  return {'joined', 0, 0, left}
end
if state == 'done' then return {'done', 0, 0, left} end
if state == 'cancelled' then
  redis.call('DEL', job)
  if known[5] then
    redis.call('HSET', job, 'cancelled', '1', 'tests', known[5])
    redis.call('PEXPIRE', job, ARGV[5])
  end
  return {'cancelled', 0, 0, left}
end
local attempt, verdict = (tonumber(known[3]) or 0) + 1, 'run'
if attempt > tonumber(ARGV[8]) then
  attempt, verdict = attempt - 1, 'exhausted'
  redis.call('HSET', job, 'exhausted', '1')
end
redis.call('HSET', job, 'state', 'running', 'digest', ARGV[3], 'worker', ARGV[4], 'attempts', attempt, 'body', raw)
redis.call('PEXPIRE', job, ARGV[5])
redis.call('SADD', leases, ARGV[2])
local enqueued = string.match(raw, '^{"enqueuedAt":(%d+)')
local waited = enqueued and math.max(0, now_ms() - tonumber(enqueued)) or 0
return {verdict, attempt, waited, left}
)lua"));
  return script;
}

// KEYS processing, burying   ARGV sha1 of the message, head of the burying entry   → messages left in
// processing
const RedisScript& set_aside() {
  static const RedisScript script = make_script("set_aside", join(kTakeOut, R"lua(
local raw = take_out(KEYS[1], ARGV[1])
if raw then redis.call('LPUSH', KEYS[2], ARGV[2] .. '\n' .. raw) end
return redis.call('LLEN', KEYS[1])
)lua"));
  return script;
}

// KEYS processing, list, burying, strays   ARGV stray maximum, size maximum   → messages moved
const RedisScript& recover() {
  static const RedisScript script = make_script("recover", join(kReturnStrays, R"lua(
return return_strays(KEYS[1], KEYS[2], KEYS[3], KEYS[4], tonumber(ARGV[1]), tonumber(ARGV[2]))
)lua"));
  return script;
}

// KEYS job, leases   ARGV id, digest, worker, attempt, message, record TTL ms, reply key
// → "mine" (the lease stands, or stands again) | "lost"
const RedisScript& reclaim() {
  static const RedisScript script = make_script("reclaim", R"lua(
local job, leases = KEYS[1], KEYS[2]
local known = redis.call('HMGET', job, 'digest', 'state', 'worker', 'attempts')
if known[1] and known[1] ~= ARGV[2] then return 'lost' end
if known[2] == 'done' then return 'lost' end
if known[2] == 'running' and (known[3] ~= ARGV[3] or known[4] ~= ARGV[4]) then return 'lost' end
redis.call('HSET', job, 'state', 'running', 'digest', ARGV[2], 'worker', ARGV[3], 'attempts', ARGV[4], 'body', ARGV[5])
if ARGV[7] ~= '' then redis.call('HSET', job, 'r:' .. ARGV[7], '1') end
redis.call('PEXPIRE', job, ARGV[6])
redis.call('SADD', leases, ARGV[1])
return 'mine'
)lua");
  return script;
}

// KEYS job, leases, list   ARGV id, worker, attempt ("" for whichever it is), 1 if the attempt does not count
// → 1 if the job waits again, 0 if the lease was not ours
const RedisScript& requeue() {
  static const RedisScript script = make_script("requeue", R"lua(
local job, leases, list = KEYS[1], KEYS[2], KEYS[3]
local known = redis.call('HMGET', job, 'state', 'worker', 'attempts', 'body', 'exhausted')
local ours = known[1] == 'running' and known[2] == ARGV[2]
if ours and ARGV[3] ~= '' and known[3] ~= ARGV[3] then return 0 end
redis.call('SREM', leases, ARGV[1])
if not ours or not known[4] then return 0 end
redis.call('HDEL', job, 'worker', 'body')
redis.call('HSET', job, 'state', 'queued')
if ARGV[4] == '1' and not known[5] then redis.call('HINCRBY', job, 'attempts', -1) end
redis.call('RPUSH', list, known[4])
return 1
)lua");
  return script;
}

// KEYS job, leases, events   ARGV id, worker, attempt, digest, result TTL ms, message for the fronts, channel
// prefix, own front → the reply keys that still want the result
const RedisScript& finish() {
  static const RedisScript script = make_script("finish", R"lua(
local job, leases = KEYS[1], KEYS[2]
local known = redis.call('HMGET', job, 'state', 'worker', 'attempts', 'digest')
local worker_runs_it = known[1] == 'running' and known[2] == ARGV[2]
local ours = worker_runs_it and known[3] == ARGV[3]
if ours or not worker_runs_it then redis.call('SREM', leases, ARGV[1]) end
if known[4] and known[4] ~= ARGV[4] then return {} end
local replies = {}
for _, field in ipairs(redis.call('HKEYS', job)) do
  local kind, name = string.sub(field, 1, 2), string.sub(field, 3)
  if kind == 'w:' or kind == 'l:' then
    redis.call('HDEL', job, field)
    if name ~= ARGV[8] then redis.call('PUBLISH', ARGV[7] .. name, ARGV[6]) end
  elseif kind == 'r:' then
    redis.call('HDEL', job, field)
    replies[#replies + 1] = name
  end
end
if known[1] == 'running' and not ours then return replies end
redis.call('HDEL', job, 'body', 'worker')
redis.call('HSET', job, 'state', 'done', 'digest', ARGV[4])
redis.call('PEXPIRE', job, ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return replies
)lua");
  return script;
}

// Takes over from every worker whose alive key is gone: its jobs wait again at the taking end, and whoever
// claims one with no attempt left gives it up. The dead worker's keys are derived from the prefix: they are
// not known beforehand, and share the slot of the keys that are declared. KEYS workers, list, own burying,
// strays   ARGV prefix, worker, stray maximum, size maximum → jobs and messages that wait again
const RedisScript& reap() {
  static const RedisScript script = make_script("reap", join(kReturnStrays, R"lua(
local workers, list, own_burying, strays = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, me, returned = ARGV[1], ARGV[2], 0

local function take_over(worker, id)
  local job = prefix .. 'job:' .. id
  local known = redis.call('HMGET', job, 'state', 'worker', 'body')
  if known[1] ~= 'running' or known[2] ~= worker or not known[3] then return end
  redis.call('HSET', job, 'state', 'queued')
  redis.call('HDEL', job, 'worker', 'body')
  redis.call('RPUSH', list, known[3])
  returned = returned + 1
end

for _, worker in ipairs(redis.call('SMEMBERS', workers)) do
  if worker ~= me and redis.call('EXISTS', prefix .. 'alive:' .. worker) == 0 then
    local leases = prefix .. 'leases:' .. worker
    for _, id in ipairs(redis.call('SMEMBERS', leases)) do take_over(worker, id) end
    returned = returned + return_strays(prefix .. 'processing:' .. worker, list, own_burying, strays,
                                        tonumber(ARGV[3]), tonumber(ARGV[4]))
    while redis.call('LMOVE', prefix .. 'burying:' .. worker, own_burying, 'RIGHT', 'LEFT') do end
    redis.call('DEL', leases)
    redis.call('SREM', workers, worker)
  end
end
return returned
)lua"));
  return script;
}

// KEYS alive, workers, leases   ARGV worker, lease TTL ms   → the ids that the worker holds
const RedisScript& register_worker() {
  static const RedisScript script = make_script("register_worker", R"lua(
redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
return redis.call('SMEMBERS', KEYS[3])
)lua");
  return script;
}

// KEYS burying   ARGV bytes of the message to return   → {head, beginning of the message, its size, sha1 of
// the entry}
const RedisScript& peek_burying() {
  static const RedisScript script = make_script("peek_burying", R"lua(
local entry = redis.call('LINDEX', KEYS[1], -1)
if not entry then return {} end
local newline = string.find(entry, '\n', 1, true)
local first = newline + 1
return {string.sub(entry, 1, newline - 1), string.sub(entry, first, first + tonumber(ARGV[1]) - 1),
        #entry - newline, redis.sha1hex(entry)}
)lua");
  return script;
}

// KEYS burying   ARGV sha1 of the entry   → entries left
const RedisScript& drop_buried() {
  static const RedisScript script = make_script("drop_buried", R"lua(
local entry = redis.call('LINDEX', KEYS[1], -1)
if entry and redis.sha1hex(entry) == ARGV[1] then redis.call('RPOP', KEYS[1]) end
return redis.call('LLEN', KEYS[1])
)lua");
  return script;
}

// A reply key is a list, for BLPOP. One reply is enough, and a key that somebody uses for something else
// stays as it is. KEYS reply   ARGV result, TTL ms
const RedisScript& push_reply() {
  static const RedisScript script = make_script("push_reply", R"lua(
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
)lua");
  return script;
}

// KEYS list   → {jobs waiting, age in ms of the one that is next; 0 where its producer gave no enqueuedAt}
const RedisScript& sample() {
  static const RedisScript script = make_script("sample", join(kNow, R"lua(
local next_message = redis.call('LINDEX', KEYS[1], -1)
local enqueued = next_message and string.match(next_message, '^{"enqueuedAt":(%d+)')
local age = enqueued and math.max(0, now_ms() - tonumber(enqueued)) or 0
return {redis.call('LLEN', KEYS[1]), age}
)lua"));
  return script;
}

}  // namespace redis_scripts

namespace {

RedisCommand evaluate(const char* verb, const std::string& body, const std::vector<std::string>& keys,
                      const std::vector<std::string>& arguments) {
  RedisCommand command{verb, body, std::to_string(keys.size())};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace

RedisCommand eval_sha(const RedisScript& script, const std::vector<std::string>& keys,
                      const std::vector<std::string>& arguments) {
  return evaluate("EVALSHA", script.sha1, keys, arguments);
}

RedisCommand eval_text(const RedisScript& script, const std::vector<std::string>& keys,
                       const std::vector<std::string>& arguments) {
  return evaluate("EVAL", script.text, keys, arguments);
}

void run_script(RedisConnection& connection, const RedisScript& script, std::vector<std::string> keys,
                std::vector<std::string> arguments, std::function<void(Result<RedisReply>)> done) {
  const RedisCommand command = eval_sha(script, keys, arguments);
  auto fall_back = [weak = connection.weak_from_this(), &script, keys = std::move(keys),
                    arguments = std::move(arguments),
                    done = std::move(done)](Result<RedisReply> reply) mutable {
    const auto self = weak.lock();
    if (!self || !reply || reply->error_code() != "NOSCRIPT") return done(std::move(reply));
    self->send(eval_text(script, keys, arguments), std::move(done));
  };
  connection.send(command, std::move(fall_back));
}

}  // namespace executor
