#include <doctest/doctest.h>

#include "telemetry/sentry_dsn.hpp"
#include "telemetry/sentry_report.hpp"

using namespace executor;
using nlohmann::ordered_json;
using std::chrono::seconds;

namespace {

SentryDsn good_dsn(std::string_view text) {
  const auto dsn = parse_sentry_dsn(text);
  REQUIRE_MESSAGE(dsn.has_value(), text);
  return *dsn;
}

std::string dsn_problem(std::string_view text) {
  const auto dsn = parse_sentry_dsn(text);
  REQUIRE_MESSAGE(!dsn.has_value(), text);
  CHECK(dsn.error().code == std::make_error_code(std::errc::invalid_argument));
  return dsn.error().message();
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  for (std::size_t end = 0; (end = text.find('\n', from)) != std::string::npos; from = end + 1)
    lines.push_back(text.substr(from, end - from));
  CHECK(from == text.size());
  return lines;
}

ordered_json event_of(const ordered_json& fields) {
  const auto lines =
      lines_of(sentry_envelope({"executor@1.2.3", "host", "all"}, "0123", 1.5, "internal_error", fields));
  REQUIRE(lines.size() == 3);
  return ordered_json::parse(lines[2]);
}

const SentryOutbox::Time kStart{std::chrono::hours(1)};

SentryOutbox outbox_with(int count) {
  SentryOutbox outbox({.waiting = 3});
  for (int i = 0; i < count; ++i) outbox.push(std::to_string(i));
  return outbox;
}

}  // namespace

TEST_CASE("a Sentry address becomes the project's envelope endpoint") {
  const SentryDsn dsn = good_dsn("https://abc123@sentry.example/42");
  CHECK(dsn.tls);
  CHECK(dsn.port == 443);
  CHECK(dsn.key == "abc123");
  CHECK(dsn.target == "/api/42/envelope/");
  CHECK(dsn.authority() == "sentry.example");
  CHECK(good_dsn("http://k@sentry.example/7").port == 80);
}

TEST_CASE("a Sentry server may have a port, a path of its own, an IPv6 address, and once gave out secrets") {
  const SentryDsn dsn = good_dsn("http://k:hush@[::1]:9000/errors/here/7");
  CHECK(dsn.host == "::1");
  CHECK(dsn.authority() == "[::1]:9000");
  CHECK(dsn.target == "/errors/here/api/7/envelope/");
  CHECK(dsn.describe() == "http://[::1]:9000/errors/here/api/7/envelope/");
}

TEST_CASE("a malformed Sentry address is refused with what is wrong, and without its key") {
  CHECK(has(dsn_problem("sentry.example/1"), "not of the form"));
  CHECK(has(dsn_problem("ftp://k@h/1"), "scheme must be"));
  CHECK(has(dsn_problem("https://h/1"), "public key"));
  CHECK(has(dsn_problem("https://k@/1"), "host is missing"));
  CHECK(has(dsn_problem("https://k@h:0/1"), "port must be"));
  CHECK(has(dsn_problem("https://k@h"), "project"));
  CHECK(has(dsn_problem("https://k@h/1/"), "project"));
  CHECK(has(dsn_problem("https://k@h/1?x=2"), "query"));
  for (const char* text : {"https://hunter2%0d%0aX:y@h/1", "https://hunter2@h:99999/1", "https://hunter2@h/",
                           "ftp://hunter2@h/1"})
    CHECK_FALSE(has(dsn_problem(text), "hunter2"));
}

TEST_CASE("an envelope is a header, an item's header with the length, and the event") {
  const auto lines =
      lines_of(sentry_envelope({"executor@1.2.3", "host", "all"}, "0123", 1.5, "worker_run_failed", {}));
  REQUIRE(lines.size() == 3);
  CHECK(ordered_json::parse(lines[0])["event_id"] == "0123");
  const auto item = ordered_json::parse(lines[1]);
  CHECK(item["type"] == "event");
  CHECK(item["length"] == lines[2].size());
  const auto event = ordered_json::parse(lines[2]);
  CHECK(event["event_id"] == "0123");
  CHECK(event["timestamp"] == 1.5);
  CHECK(event["level"] == "error");
  CHECK(event["logentry"]["formatted"] == "worker_run_failed");
  CHECK(event["release"] == "executor@1.2.3");
  CHECK(event["server_name"] == "host");
  CHECK(event["tags"]["role"] == "all");
}

TEST_CASE("an event has ids and details of the record, and nothing that was not named for it") {
  const auto event = event_of(
      {{"jobId", "j-1"}, {"detail", "a\nb"}, {"source", "print(1)"}, {"stdout", "out"}, {"traceId", 7}});
  CHECK(event["tags"] == ordered_json{{"role", "all"}, {"jobId", "j-1"}});
  CHECK(event["extra"] == ordered_json{{"detail", "a\nb"}});
}

TEST_CASE("what stands in quotes stays in the log") {
  CHECK(without_quoted("open \"/var/x\": No such file") == "open …: No such file");
  CHECK(without_quoted("last read: '\"print('hidden')'; unexpected") == "last read: …; unexpected");
  CHECK(without_quoted("the front's profile") == "the front's profile");
  CHECK(without_quoted("a 'b\" c") == "a 'b\" c");
  CHECK(without_quoted(std::string(5000, 'x')).size() == 1024);
  CHECK(event_of({{"reason", "read \"secret\""}})["extra"]["reason"] == "read …");
}

TEST_CASE("bytes that are no text do not break an event") {
  CHECK(has(event_of({{"detail", std::string("\xff\x80 x")}})["extra"]["detail"].get<std::string>(), " x"));
}

TEST_CASE("reports leave one at a time, in order, and what is too much is dropped and counted") {
  SentryOutbox outbox = outbox_with(5);
  CHECK(outbox.dropped() == 2);
  REQUIRE(outbox.due());
  CHECK(*outbox.due() <= kStart);
  CHECK(outbox.take() == "0");
  CHECK_FALSE(outbox.due());
  outbox.answered(200, std::nullopt, kStart);
  CHECK(outbox.sent() == 1);
  CHECK(outbox.take() == "1");
  outbox.answered(200, std::nullopt, kStart);
  CHECK(outbox.take() == "2");
  CHECK_FALSE(outbox.idle());
  outbox.answered(200, std::nullopt, kStart);
  CHECK(outbox.idle());
  CHECK(outbox.sent() == 3);
}

TEST_CASE("a server that has too many reports gets none before the time that it names") {
  SentryOutbox outbox = outbox_with(3);
  outbox.take();
  outbox.answered(429, seconds(120), kStart);
  CHECK(outbox.dropped() == 1);
  CHECK(outbox.due() == kStart + seconds(120));
  outbox.take();
  outbox.answered(429, std::nullopt, kStart);
  CHECK(outbox.due() == kStart + seconds(60));
  outbox.take();
  outbox.answered(429, seconds(1'000'000), kStart);
  outbox.push("x");
  CHECK(outbox.due() == kStart + seconds(3600));
}

TEST_CASE("a server that is away or in trouble is tried ever more seldom, until it answers") {
  SentryOutbox outbox({});
  for (int i = 0; i < 12; ++i) outbox.push("x");
  for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
    outbox.take();
    pause == 4 ? outbox.answered(503, std::nullopt, kStart) : outbox.failed(kStart);
    CHECK(outbox.due() == kStart + seconds(pause));
  }
  CHECK(outbox.dropped() == 8);
  outbox.take();
  outbox.answered(200, std::nullopt, kStart);
  outbox.take();
  outbox.failed(kStart);
  CHECK(outbox.due() == kStart + seconds(1));
}

TEST_CASE("a report that is refused for itself holds no other one up") {
  SentryOutbox outbox = outbox_with(2);
  outbox.take();
  outbox.answered(400, seconds(30), kStart);
  CHECK(outbox.dropped() == 1);
  CHECK(*outbox.due() <= kStart);
}
