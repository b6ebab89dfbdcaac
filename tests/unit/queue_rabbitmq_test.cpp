#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "queue/rabbitmq_ledger.hpp"
#include "queue/rabbitmq_message.hpp"
#include "queue/rabbitmq_url.hpp"

using namespace executor;
using Action = RabbitLedger::Action;
using nlohmann::json;

namespace {

RabbitDelivery delivery(std::uint64_t number, bool redelivered = false, std::string reply_to = "r") {
  return {.message = {.reply_to = std::move(reply_to)},
          .tag = {.epoch = 1, .number = number},
          .redelivered = redelivered};
}
RabbitJob job(std::string id, std::string digest = "d") {
  return {.id = std::move(id), .digest = std::move(digest)};
}

std::string refused(const char* url) {
  const auto parsed = parse_rabbit_url(url);
  return parsed.has_value() ? "accepted" : parsed.error().what;
}

}  // namespace

TEST_CASE("a RabbitMQ URL has the usual defaults") {
  const RabbitUrl url = parse_rabbit_url("amqp://queue.example").value();
  CHECK(url.port == 5672);
  CHECK(url.user == "guest");
  CHECK(url.vhost == "/");
  CHECK(url.describe() == "amqp://queue.example:5672");
  CHECK(parse_rabbit_url("amqps://h").value().port == 5671);
  CHECK(parse_rabbit_url("amqps://h").value().verify_peer);
}

TEST_CASE("a RabbitMQ URL carries credentials, vhost and parameters, and shows no credentials") {
  const RabbitUrl url =
      parse_rabbit_url(
          "amqps://us%40er:pa%2Fss@[::1]:1234/a%2Fb?heartbeat=3&ca=/c&cert=/x&key=/y&verify=none")
          .value();
  CHECK(url.user == "us@er");
  CHECK(url.password == "pa/ss");
  CHECK(url.host == "::1");
  CHECK(url.port == 1234);
  CHECK(url.vhost == "a/b");
  CHECK(url.heartbeat_seconds == 3);
  CHECK(url.ca_file == "/c");
  CHECK_FALSE(url.verify_peer);
  CHECK(url.describe() == "amqps://[::1]:1234/a/b");
  CHECK(parse_rabbit_url("amqp://h/%2F").value().vhost == "/");
}

TEST_CASE("a malformed RabbitMQ URL is refused with what is wrong and without its password") {
  for (const char* url :
       {"", "h", "http://h", "amqp://", "amqp://h:0", "amqp://h:70000", "amqp://h/a/b", "amqp://h#x",
        "amqp://h?heartbeat=x", "amqp://h?heartbeat=601", "amqp://h?ca=/c", "amqps://h?cert=/c",
        "amqps://h?verify=maybe", "amqp://secret:@h", "amqp://:secret@h", "amqp://u:secret@h?x=1"}) {
    CHECK_MESSAGE(refused(url).starts_with("read RabbitMQ URL: "), url);
    CHECK(refused(url).find("secret") == std::string::npos);
  }
}

TEST_CASE("a new job is run, one that comes again from a worker that is gone counts an attempt") {
  RabbitLedger ledger(1 << 20);
  CHECK(ledger.look_at(delivery(1), job("a")) == Action::run);
  CHECK(ledger.look_at(delivery(1, true), job("a")) == Action::again);
}

TEST_CASE("a job that runs here goes on for the delivery that comes again") {
  RabbitLedger ledger(1 << 20);
  const auto lease = ledger.lease(delivery(1), job("a"));
  RabbitDelivery later = delivery(7, true);
  later.tag.epoch = 2;
  CHECK(ledger.look_at(later, job("a")) == Action::goes_on);
  CHECK(ledger.find(lease)->delivery.tag.epoch == 2);
  CHECK(ledger.find(lease)->delivery.tag.number == 7);
  CHECK(ledger.look_at(delivery(8), job("a", "other")) == Action::conflict);
}

TEST_CASE("a job that is sent twice while it runs runs once for each receiver") {
  RabbitLedger ledger(1 << 20);
  ledger.lease(delivery(1), job("a"));
  CHECK(ledger.look_at(delivery(2), job("a")) == Action::acknowledge);
  CHECK(ledger.look_at(delivery(3, false, "elsewhere"), job("a")) == Action::run);
}

TEST_CASE("a job that was put back may come again before its first delivery is acknowledged") {
  RabbitLedger ledger(1 << 20);
  const auto lease = ledger.lease(delivery(1, true), job("a"));
  ledger.disown(lease);
  CHECK(ledger.look_at(delivery(2), job("a")) == Action::run);
  CHECK(ledger.find(lease)->delivery.tag.number == 1);
}

TEST_CASE("a job that has ended is not run again: its result is sent unless it has been stored there") {
  RabbitLedger ledger(1 << 20);
  const auto lease = ledger.lease(delivery(1), job("a"));
  ledger.remember(job("a"), delivery(1).message, "result", false);
  ledger.end(lease);
  CHECK(ledger.leases() == 0);
  CHECK(ledger.look_at(delivery(2, true), job("a")) == Action::answer);
  CHECK(ledger.result_of("a") == "result");
  ledger.remember(job("a"), delivery(1).message, "result", true);
  CHECK(ledger.look_at(delivery(3, true), job("a")) == Action::acknowledge);
  CHECK(ledger.look_at(delivery(4, false, "elsewhere"), job("a")) == Action::answer);
  CHECK(ledger.look_at(delivery(5), job("a", "other")) == Action::conflict);
}

TEST_CASE("the oldest results are forgotten when they become many") {
  RabbitLedger ledger(3000);
  for (const char* id : {"a", "b", "c"})
    ledger.remember(job(id), delivery(1).message, std::string(500, 'x'), true);
  CHECK(ledger.look_at(delivery(1), job("a")) == Action::run);
  CHECK(ledger.look_at(delivery(1), job("b")) == Action::acknowledge);
  CHECK(ledger.look_at(delivery(1), job("c")) == Action::acknowledge);
}

TEST_CASE("both forms of a message are read, and each has its result in its own form") {
  const std::string plain =
      R"({"jobId":"j1","language":"python","source":"1","tests":[{}],"replyTo":"executor:results:x"})";
  const auto first = read_rabbit_job({.body = plain, .message_id = "m"}, {}, "f");
  REQUIRE(std::holds_alternative<RabbitJob>(first));
  CHECK(std::get<RabbitJob>(first).id == "j1");
  CHECK_FALSE(std::get<RabbitJob>(first).solution_form);
  CHECK_FALSE(json::parse(std::get<RabbitJob>(first).body).contains("replyTo"));
  CHECK(rabbit_result(std::get<RabbitJob>(first), "{}") == "{}");

  const std::string solution =
      R"({"code":"1","language":"python","testCases":[{"input":"","expectedOutput":""}]})";
  const auto second = read_rabbit_job({.body = solution, .correlation_id = "c"}, {}, "f");
  REQUIRE(std::holds_alternative<RabbitJob>(second));
  CHECK(std::get<RabbitJob>(second).id == "c");
  CHECK(json::parse(std::get<RabbitJob>(second).body)["entry"] == "solution");
  CHECK(json::parse(rabbit_result(std::get<RabbitJob>(second), "{}"))["status"] == "fail");
}

TEST_CASE("each delivery of one message has the same mark, and no other message has it") {
  const RabbitMessage message{.body = "b", .reply_to = "r", .correlation_id = "c", .message_id = "m"};
  const std::string mark = rabbit_mark_name(message);
  CHECK(mark == rabbit_mark_name(message));
  CHECK(mark.starts_with("executor.sent."));
  CHECK(mark.size() == std::string("executor.sent.").size() + 64);
  for (auto RabbitMessage::*field :
       {&RabbitMessage::body, &RabbitMessage::reply_to, &RabbitMessage::correlation_id,
        &RabbitMessage::message_id, &RabbitMessage::copy}) {
    RabbitMessage other = message;
    other.*field = "other";
    CHECK(rabbit_mark_name(other) != mark);
  }
  RabbitMessage other = message;
  other.attempt = 2;
  CHECK(rabbit_mark_name(other) != mark);
  other = message;
  other.enqueued_ms = 1;
  CHECK(rabbit_mark_name(other) != mark);
  CHECK(rabbit_mark_name({.reply_to = "ab", .correlation_id = "c"}) !=
        rabbit_mark_name({.reply_to = "a", .correlation_id = "bc"}));
}

TEST_CASE("a message that names itself is told from one that was given a name") {
  const std::string plain = R"({"language":"python","source":"1","tests":[{}]})";
  const auto named = [](const RabbitMessage& message) {
    const auto read = read_rabbit_job(message, {}, "fallback");
    const auto* job = std::get_if<RabbitJob>(&read);
    return job != nullptr ? job->named : std::get<UnusableRabbitMessage>(read).named;
  };
  CHECK(named({.body = plain, .message_id = "m"}));
  CHECK(named({.body = "nonsense", .correlation_id = "c"}));
  CHECK_FALSE(named({.body = plain}));
  CHECK_FALSE(named({.body = "nonsense"}));
}

TEST_CASE("an answer goes to no queue that the service works by") {
  const RabbitForms forms{.own_queues = {"jobs", "jobs.dead"}};
  const std::string plain = R"({"jobId":"j","language":"python","source":"1","tests":[{}]})";
  for (const char* queue : {"jobs", "jobs.dead", "executor.sent.tried", "executor.sent.0a1b"}) {
    CAPTURE(queue);
    const auto read = read_rabbit_job({.body = plain, .reply_to = queue, .message_id = "m"}, forms, "f");
    REQUIRE(std::holds_alternative<UnusableRabbitMessage>(read));
    CHECK(std::get<UnusableRabbitMessage>(read).reason.starts_with("reply_to: "));
    CHECK(std::get<UnusableRabbitMessage>(read).id == "m");
  }
  for (const char* queue : {"", "results", "executor.replies.x", "jobs2", "amq.rabbitmq.reply-to"})
    CHECK(std::holds_alternative<RabbitJob>(read_rabbit_job({.body = plain, .reply_to = queue}, forms, "f")));
}

TEST_CASE("what can be no job says why, under the best id there is") {
  const auto reason = [](RabbitMessage message, const char* id) {
    const auto read = read_rabbit_job(message, {.size_limit = 1000}, "fallback");
    REQUIRE(std::holds_alternative<UnusableRabbitMessage>(read));
    const auto& unusable = std::get<UnusableRabbitMessage>(read);
    CHECK(unusable.id == id);
    CHECK(json::parse(unusable.result)["jobId"] == id);
    return unusable.reason;
  };
  CHECK(reason({.body = "{"}, "fallback").find("JSON") != std::string::npos);
  CHECK(reason({.body = R"({"jobId":"j"})"}, "j").starts_with("language"));
  CHECK(reason({.body = R"({"jobId":"no good id","code":1})", .message_id = "m"}, "m").find("must be") !=
        std::string::npos);
  CHECK(reason({.body = std::string(1001, ' ')}, "fallback").find("larger") != std::string::npos);
}
