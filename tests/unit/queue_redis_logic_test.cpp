#include <doctest/doctest.h>

#include "queue/redis_backoff.hpp"
#include "queue/redis_keys.hpp"
#include "queue/redis_scripts.hpp"
#include "queue/redis_settlement.hpp"
#include "queue/redis_take_loop.hpp"
#include "queue/redis_undertaker.hpp"
#include "queue/redis_waiters.hpp"

using namespace executor;
using std::chrono::milliseconds;

TEST_CASE("waits between attempts double up to the longest and begin anew after a success") {
  RedisBackoff backoff(milliseconds(50), milliseconds(5000));
  std::vector<milliseconds::rep> waits;
  for (int attempt = 0; attempt < 9; ++attempt) waits.push_back(backoff.next(1.0).count());
  CHECK(waits == std::vector<milliseconds::rep>{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000});
  backoff.reset();
  CHECK(backoff.next(1.0) == milliseconds(50));
}

TEST_CASE("a wait is drawn from the upper half of its step") {
  RedisBackoff backoff(milliseconds(100), milliseconds(100));
  CHECK(backoff.next(0.0) == milliseconds(50));
  CHECK(backoff.next(0.5) == milliseconds(75));
}

TEST_CASE("helper keys carry the list's hash tag") {
  const RedisKeys keys = *RedisKeys::make("executor:tasks");
  CHECK(keys.list() == "executor:tasks");
  CHECK(keys.processing("w") == "{executor:tasks}:processing:w");
  CHECK(keys.job("j") == "{executor:tasks}:job:j");
  CHECK(keys.workers() == "{executor:tasks}:workers");
  CHECK(RedisKeys::result("j") == "executor:results:j");
}

TEST_CASE("a list with a hash tag of its own keeps its helpers apart from other lists of that tag") {
  const RedisKeys keys = *RedisKeys::make("a{b}c");
  CHECK(keys.prefix() == "{b}:a{b}c:");
  CHECK(keys.prefix() != RedisKeys::make("{b}")->prefix());
}

TEST_CASE("a queue key that no helper could share a slot with is refused") {
  CHECK_FALSE(RedisKeys::make("").has_value());
  CHECK_FALSE(RedisKeys::make("a}b").has_value());
  CHECK_FALSE(RedisKeys::make("{}a").has_value());
  CHECK_FALSE(RedisKeys::make("executor:dead").has_value());
  CHECK_FALSE(RedisKeys::make("executor:results:x").has_value());
  CHECK(RedisKeys::make("{a}b").has_value());
}

TEST_CASE("a script is called by its digest, and by its text where that is not known") {
  const RedisScript script{"s", "return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"};
  CHECK(eval_sha(script, {"k"}, {"a", "b"}) == RedisCommand{"EVALSHA", script.sha1, "1", "k", "a", "b"});
  CHECK(eval_text(script, {}, {}) == RedisCommand{"EVAL", "return 1", "0"});
  CHECK(redis_scripts::submit().sha1.size() == 40);
  CHECK(redis_scripts::submit().sha1 != redis_scripts::claim().sha1);
}

TEST_CASE("the head of a buried message is one line whatever the reason holds") {
  CHECK(redis_burying_head("a\nb\"\xff", "id").find('\n') == std::string::npos);
}

namespace {

QueuedJob job(const std::string& id) { return {id, "{}", nullptr}; }
const Queue::Answer kNobody = [](const Result<std::string>&) {};
using Added = RedisWaiters::Added;

}  // namespace

TEST_CASE("the first who waits for a job submits it, the second joins, another body is refused") {
  RedisWaiters waiters(10);
  CHECK(waiters.add(job("a"), "d1", kNobody) == Added::first);
  CHECK(waiters.add(job("a"), "d1", kNobody) == Added::joined);
  CHECK(waiters.add(job("a"), "d2", kNobody) == Added::conflict);
  CHECK(waiters.add(job("b"), "d2", kNobody) == Added::first);
  CHECK(waiters.size() == 3);
  CHECK(waiters.ids().size() == 2);
}

TEST_CASE("no more may wait than there is room for, and an answer makes room") {
  RedisWaiters waiters(2);
  CHECK(waiters.add(job("a"), "d", kNobody) == Added::first);
  CHECK(waiters.add(job("a"), "d", kNobody) == Added::joined);
  CHECK(waiters.add(job("b"), "d", kNobody) == Added::full);
  CHECK(waiters.take("a").size() == 2);
  CHECK(waiters.add(job("b"), "d", kNobody) == Added::first);
}

TEST_CASE("an answer is handed out once") {
  RedisWaiters waiters(2);
  CHECK(waiters.add(job("a"), "d", kNobody) == Added::first);
  CHECK(waiters.take("a").size() == 1);
  CHECK(waiters.take("a").empty());
  CHECK(waiters.find("a") == nullptr);
}

TEST_CASE("a job is abandoned when the last who waited for it left") {
  RedisWaiters waiters(5);
  CHECK(waiters.add(job("a"), "d", kNobody) == Added::first);
  CHECK(waiters.add(job("a"), "d", kNobody) == Added::joined);
  CHECK_FALSE(waiters.leave("a"));
  CHECK(waiters.leave("a"));
  CHECK_FALSE(waiters.leave("a"));
  CHECK(waiters.size() == 0);
}

namespace {
using Step = RedisSettlement::Step;
using Event = RedisSettlement::Event;
}  // namespace

TEST_CASE("a result is stored before its lease is finished") {
  RedisSettlement settlement("r", std::nullopt, "");
  CHECK(settlement.step() == Step::store);
  CHECK_FALSE(settlement.stored());
  settlement.resume(Event::ok);
  CHECK(settlement.stored());
  CHECK(settlement.step() == Step::finish);
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::settled);
}

TEST_CASE("a dead letter is buried and a reply key served before the lease is finished") {
  RedisSettlement settlement("r", "why", "executor:results:x");
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::bury);
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::reply);
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::finish);
}

TEST_CASE("whoever stored first is believed, and the later result is dropped") {
  RedisSettlement settlement("late", "why", "");
  settlement.resume(Event::taken);
  CHECK(settlement.step() == Step::fetch);
  CHECK_FALSE(settlement.stored());
  settlement.resume(Event::found, "first");
  CHECK(settlement.result() == "first");
  CHECK(settlement.superseded());
  CHECK(settlement.step() == Step::finish);  // a job with a result is not dead
}

TEST_CASE("finding one's own result again is no loss") {
  RedisSettlement settlement("r", std::nullopt, "");
  settlement.resume(Event::taken);
  settlement.resume(Event::found, "r");
  CHECK_FALSE(settlement.superseded());
  CHECK(settlement.step() == Step::finish);
}

TEST_CASE("a result that expired between two steps is stored again") {
  RedisSettlement settlement("r", std::nullopt, "");
  settlement.resume(Event::taken);
  settlement.resume(Event::missing);
  CHECK(settlement.step() == Step::store);
  CHECK(settlement.result() == "r");
}

TEST_CASE("something else under the result's key gives way") {
  RedisSettlement settlement("r", std::nullopt, "");
  settlement.resume(Event::taken);
  settlement.resume(Event::wrong_type);
  CHECK(settlement.step() == Step::overwrite);
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::finish);
  CHECK(settlement.result() == "r");
}

TEST_CASE("after any failure the result is stored again, and a letter that was buried is not buried twice") {
  RedisSettlement settlement("r", "why", "executor:results:x");
  settlement.resume(Event::failed);
  CHECK(settlement.step() == Step::store);
  settlement.resume(Event::ok);
  settlement.resume(Event::failed);  // while burying
  CHECK(settlement.step() == Step::store);
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::bury);
  settlement.resume(Event::ok);
  settlement.resume(Event::failed);  // while replying
  settlement.resume(Event::ok);
  CHECK(settlement.step() == Step::reply);
}

namespace {

using Action = RedisTakeLoop::Action;

RedisTakeLoop connected_loop(std::size_t capacity) {
  RedisTakeLoop loop;
  loop.start(capacity);
  loop.connected();
  return loop;
}

}  // namespace

TEST_CASE("a worker recovers what was left behind, then blocks once") {
  RedisTakeLoop loop = connected_loop(2);
  CHECK(loop.next() == Action::recover);
  CHECK(loop.next() == Action::block);
  CHECK(loop.next() == Action::none);
}

TEST_CASE("nothing is asked without a connection or before consuming") {
  RedisTakeLoop loop;
  CHECK(loop.next() == Action::none);
  loop.start(1);
  CHECK(loop.next() == Action::none);
  RedisTakeLoop idle;
  idle.connected();
  CHECK(idle.next() == Action::none);
}

TEST_CASE("a job being claimed counts against the capacity, so does a lease") {
  RedisTakeLoop loop = connected_loop(1);
  (void)loop.next();
  (void)loop.next();
  loop.answered(true);
  CHECK(loop.next() == Action::none);
  loop.claimed(true, 0);
  CHECK(loop.leased() == 1);
  CHECK(loop.next() == Action::none);
  loop.released();
  CHECK(loop.next() == Action::block);
}

TEST_CASE("a message that was no job frees its place at once") {
  RedisTakeLoop loop = connected_loop(1);
  (void)loop.next();
  (void)loop.next();
  loop.answered(true);
  loop.claimed(false, 0);
  CHECK(loop.leased() == 0);
  CHECK(loop.next() == Action::block);
}

TEST_CASE("strays are looked for when nothing came, and when a claim saw some") {
  RedisTakeLoop loop = connected_loop(5);
  (void)loop.next();
  (void)loop.next();
  loop.answered(false);
  CHECK(loop.next() == Action::recover);
  CHECK(loop.next() == Action::block);
  loop.answered(true);
  CHECK(loop.next() == Action::block);
  loop.claimed(true, 1);
  CHECK(loop.next() == Action::none);  // the blocked command comes first
  loop.answered(true);
  CHECK(loop.next() == Action::recover);
}

TEST_CASE("a refusal pauses the taking until it is resumed") {
  RedisTakeLoop loop = connected_loop(1);
  (void)loop.next();
  (void)loop.next();
  loop.refused();
  CHECK(loop.next() == Action::none);
  loop.resumed();
  CHECK(loop.next() == Action::block);
}

TEST_CASE("stopping breaks off a blocked command once and takes nothing more") {
  RedisTakeLoop loop = connected_loop(1);
  (void)loop.next();
  (void)loop.next();
  loop.stop();
  CHECK(loop.next() == Action::unblock);
  CHECK(loop.next() == Action::none);
  loop.answered(false);
  CHECK(loop.next() == Action::none);
  loop.start(1);
  CHECK(loop.next() == Action::recover);
}

TEST_CASE("a place is kept for a submission beside what the blocked command may bring") {
  RedisTakeLoop loop = connected_loop(2);
  (void)loop.next();
  (void)loop.next();  // blocked
  CHECK(loop.reserve());
  CHECK_FALSE(loop.reserve());
  loop.submitted(true);
  CHECK(loop.leased() == 1);
  CHECK_FALSE(loop.reserve());
  loop.answered(true);
  CHECK(loop.next() == Action::none);  // the claim has the other place
  loop.claimed(false, 0);
  CHECK(loop.next() == Action::block);
  loop.released();
  CHECK(loop.reserve());
  loop.submitted(false);
  CHECK(loop.leased() == 0);
}

TEST_CASE("places are kept for half of the capacity, the others are for what waits in the list") {
  RedisTakeLoop loop = connected_loop(5);
  CHECK(loop.reserve());
  CHECK(loop.reserve());
  CHECK_FALSE(loop.reserve());
  loop.submitted(true);
  CHECK_FALSE(loop.reserve());
  loop.released();
  CHECK(loop.reserve());
}

TEST_CASE(
    "no place is kept without a connection, when stopped or paused, or where one job has the whole room") {
  RedisTakeLoop loop;
  CHECK_FALSE(loop.reserve());
  loop.start(4);
  CHECK_FALSE(loop.reserve());
  loop.connected();
  CHECK(loop.reserve());
  loop.disconnected();
  loop.connected();
  CHECK(loop.reserve());  // and the first is kept still: half of four
  CHECK_FALSE(loop.reserve());
  loop.submitted(false);
  loop.refused();
  CHECK_FALSE(loop.reserve());
  loop.resumed();
  loop.stop();
  CHECK_FALSE(loop.reserve());
  RedisTakeLoop narrow = connected_loop(1);
  (void)narrow.next();
  (void)narrow.next();
  CHECK_FALSE(narrow.reserve());
}

TEST_CASE("a new connection forgets what was under way and keeps the leases in hand") {
  RedisTakeLoop loop = connected_loop(2);
  (void)loop.next();
  (void)loop.next();
  loop.answered(true);
  loop.claimed(true, 0);
  (void)loop.next();  // blocked
  loop.disconnected();
  CHECK(loop.next() == Action::none);
  loop.connected();
  CHECK(loop.leased() == 1);
  CHECK(loop.next() == Action::recover);
  CHECK(loop.next() == Action::block);
}
