#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "queue/redis_message.hpp"

using namespace executor;
using nlohmann::json;

namespace {

constexpr std::size_t kLimit = 10'000;

RedisMessage good(std::string_view raw) {
  const auto message = read_redis_message(raw, kLimit);
  REQUIRE_MESSAGE(std::holds_alternative<RedisMessage>(message), raw);
  return std::get<RedisMessage>(message);
}

UnusableMessage bad(std::string_view raw, std::size_t limit = kLimit) {
  const auto message = read_redis_message(raw, limit);
  REQUIRE_MESSAGE(std::holds_alternative<UnusableMessage>(message), raw);
  return std::get<UnusableMessage>(message);
}

}  // namespace

TEST_CASE("a message gives its id and its reply key") {
  const RedisMessage message = good(R"({"jobId": "a-1", "source": "x", "replyTo": "executor:results:me"})");
  CHECK(message.id == "a-1");
  CHECK(message.reply_to == "executor:results:me");
  CHECK(message.digest.size() == 64);
}

TEST_CASE("a reply key that is the result's own key needs no second copy") {
  CHECK(good(R"({"jobId": "a", "replyTo": "executor:results:a"})").reply_to.empty());
}

TEST_CASE("the digest does not depend on order, blanks, or on when and by whom a job was sent") {
  const std::string digest = good(R"({"jobId":"a","source":"x","tests":[{"stdin":"1"}]})").digest;
  CHECK(good(R"({ "tests": [ {"stdin": "1"} ], "source": "x", "jobId": "a" })").digest == digest);
  CHECK(good(R"({"enqueuedAt":12,"jobId":"a","source":"x","tests":[{"stdin":"1"}],"traceId":"t",)"
             R"("replyTo":"executor:results:r"})")
            .digest == digest);
}

TEST_CASE("the digest depends on everything that the job is") {
  const std::string digest = good(R"({"jobId":"a","source":"x","tests":[{"stdin":"1"}]})").digest;
  CHECK(good(R"({"jobId":"a","source":"y","tests":[{"stdin":"1"}]})").digest != digest);
  CHECK(good(R"({"jobId":"a","source":"x","tests":[{"stdin":"2"}]})").digest != digest);
  CHECK(good(R"({"jobId":"a","source":"x","tests":[{"stdin":"1","enqueuedAt":1}]})").digest != digest);
}

TEST_CASE("a message that can be no job says why") {
  CHECK(bad("").reason == "not JSON (at byte 1)");
  CHECK(bad("{").reason.starts_with("not JSON"));
  CHECK(bad("hello").reason.starts_with("not JSON"));
  CHECK(bad("{\"jobId\":\"\xff\"}").reason.starts_with("not JSON"));
  CHECK(bad(R"({"jobId":"a"} x)").reason.starts_with("not JSON"));
  CHECK(bad("[]").reason == "not a JSON object");
  CHECK(bad("\"jobId\"").reason == "not a JSON object");
  CHECK(bad("7").reason == "not a JSON object");
  CHECK(bad("{}").reason == "jobId is missing");
  CHECK(bad(R"({"tests":[{"jobId":"a"}]})").reason == "jobId is missing");
  CHECK(bad(R"({"jobId":1})").reason == "jobId must be a string, not a number");
  CHECK(bad(R"({"jobId":null})").reason == "jobId must be a string, not null");
  CHECK(bad(R"({"jobId":["a"]})").reason == "jobId must be a string, not an object or array");
  CHECK(bad(R"({"jobId":"a","jobId":"b"})").reason == "jobId stands there twice");
  CHECK(bad(R"({"jobId":""})").reason.starts_with("jobId must be 1 to 128"));
  CHECK(bad(R"({"jobId":"a b"})").reason.starts_with("jobId must be 1 to 128"));
  CHECK(bad(R"({"jobId":")" + std::string(129, 'a') + "\"}").reason.starts_with("jobId must be 1 to 128"));
}

TEST_CASE("a reply key outside the results is refused, and the id is told") {
  const UnusableMessage message = bad(R"({"jobId":"a","replyTo":"executor:tasks"})");
  CHECK(message.reason == "replyTo must be a key under executor:results:");
  CHECK(message.id == "a");
  CHECK(bad(R"({"jobId":"a","replyTo":""})").id == "a");
  CHECK(bad(R"({"jobId":"a","replyTo":5})").reason == "replyTo must be a string, not a number");
}

TEST_CASE("a message over the limit is refused, and its id is told where it can be read") {
  const std::string raw = R"({"jobId":"big","source":")" + std::string(200, 'x') + "\"}";
  CHECK(bad(raw, 100).reason == "larger than 100 bytes");
  CHECK(bad(raw, 100).id == "big");
  CHECK(good(raw).id == "big");
}

TEST_CASE("nesting is bounded before anything recursive sees it") {
  const std::string deep(5'000'000, '[');
  CHECK(bad("{\"jobId\":\"a\",\"x\":" + deep, deep.size() * 2).reason == "nested deeper than 64");
  CHECK(bad("{\"jobId\":\"a\",\"x\":" + deep, deep.size() * 2).id == "a");
  const std::string letter = redis_dead_letter("r", deep, deep.size(), 0, 1);
  CHECK(json::parse(letter)["job"].is_string());
}

TEST_CASE("the enqueue time is taken off from the beginning only") {
  CHECK(without_enqueue_time(R"({"enqueuedAt":123,"jobId":"a"})") == R"({"jobId":"a"})");
  CHECK(without_enqueue_time(R"({"jobId":"a","enqueuedAt":123})") == R"({"jobId":"a","enqueuedAt":123})");
  CHECK(without_enqueue_time(R"({"enqueuedAt":"x","jobId":"a"})") == R"({"enqueuedAt":"x","jobId":"a"})");
  CHECK(without_enqueue_time(R"({"enqueuedAt":1})") == R"({"enqueuedAt":1})");
}

TEST_CASE("a dead letter holds the job as JSON, or as a string where it is none") {
  const json letter = json::parse(redis_dead_letter("why", R"({"jobId":"a"})", 13, 3, 1234));
  CHECK(letter ==
        json{{"reason", "why"}, {"job", {{"jobId", "a"}}}, {"attempts", 3}, {"time", 1234}, {"bytes", 13}});
  CHECK(json::parse(redis_dead_letter("why", "\xffnot json", 9, 0, 0))["job"] == "\xEF\xBF\xBDnot json");
  const std::string large(kDeadJobTextMax * 2, 'x');
  CHECK(json::parse(redis_dead_letter("why", large, large.size(), 0, 0))["job"] ==
        large.substr(0, kDeadJobTextMax));
}

TEST_CASE("an error result has the shape of every error") {
  CHECK(json::parse(redis_error_result("a", "infrastructure_error", "m")) ==
        json{{"jobId", "a"}, {"ok", false}, {"error", {{"code", "infrastructure_error"}, {"message", "m"}}}});
}

TEST_CASE("the digests are those that Redis computes") {
  CHECK(sha1_hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
