#include <doctest/doctest.h>

#include <string>

#include "queue/redis_reply.hpp"

using namespace executor;
using Type = RedisReply::Type;

namespace {

RedisReply only(std::string_view bytes) {
  RedisReader reader(1 << 20);
  REQUIRE(reader.feed(bytes).has_value());
  auto reply = reader.next();
  REQUIRE(reply.has_value());
  REQUIRE(reply->has_value());
  return **reply;
}

/// The error that the bytes lead to; empty when they lead to none.
std::string problem(std::string_view bytes, std::size_t limit = 1 << 20) {
  RedisReader reader(limit);
  if (const auto fed = reader.feed(bytes); !fed) return fed.error().what;
  for (;;) {
    const auto reply = reader.next();
    if (!reply) {
      CHECK(reply.error().code == std::make_error_code(std::errc::bad_message));
      return reply.error().what;
    }
    if (!*reply) return "";
  }
}

bool mentions(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a command is written as an array of byte strings") {
  std::string out = "x";
  append_command(out, {"SET", std::string("a\0b", 3), ""});
  CHECK(out == std::string("x*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n", 29));
}

TEST_CASE("every kind of reply is read") {
  CHECK(only("+OK\r\n").type == Type::status);
  CHECK(only("+OK\r\n").text == "OK");
  CHECK(only(":-42\r\n").integer == -42);
  CHECK(only("$-1\r\n").is_nil());
  CHECK(only("*-1\r\n").is_nil());
  CHECK(only("*0\r\n").elements.empty());
  CHECK(only("*0\r\n").type == Type::array);
  CHECK(only("$4\r\na\r\nb\r\n").text == "a\r\nb");
  const RedisReply error = only("-NOSCRIPT no such\r\n");
  CHECK(error.is_error());
  CHECK(error.error_code() == "NOSCRIPT");
  CHECK(only("-ERR\r\n").error_code() == "ERR");
  CHECK(only("+ERR x\r\n").error_code().empty());
}

TEST_CASE("nested arrays keep their order") {
  const RedisReply reply = only("*3\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n+b\r\n*2\r\n$-1\r\n:7\r\n");
  REQUIRE(reply.elements.size() == 3);
  CHECK(reply.at(0).at(0).integer == 1);
  CHECK(reply.at(0).at(1).at(0).text == "a");
  CHECK(reply.at(1).text == "b");
  CHECK(reply.at(2).at(0).is_nil());
  CHECK(reply.at(2).at(1).integer == 7);
  CHECK(reply.at(9).is_nil());
}

TEST_CASE("a reply that comes byte by byte is read once it is whole") {
  const std::string bytes = "*2\r\n$5\r\nhello\r\n:12\r\n";
  RedisReader reader(64);
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    REQUIRE(reader.feed(bytes.substr(index, 1)).has_value());
    const auto reply = reader.next();
    REQUIRE(reply.has_value());
    CHECK(reply->has_value() == (index + 1 == bytes.size()));
  }
}

TEST_CASE("several replies in one read come out one after the other") {
  RedisReader reader(64);
  REQUIRE(reader.feed("+a\r\n+b\r\n+c").has_value());
  CHECK((*reader.next())->text == "a");
  CHECK((*reader.next())->text == "b");
  CHECK_FALSE(reader.next()->has_value());
  REQUIRE(reader.feed("d\r\n").has_value());
  CHECK((*reader.next())->text == "cd");
}

TEST_CASE("many replies in a row never add up to the limit of one") {
  RedisReader reader(64);
  for (int round = 0; round < 1000; ++round) {
    REQUIRE(reader.feed("$9\r\n123456789\r\n").has_value());
    const auto reply = reader.next();
    REQUIRE(reply.has_value());
    REQUIRE(reply->has_value());
  }
}

TEST_CASE("garbage is an error and no reply") {
  CHECK(mentions(problem("HTTP/1.1 400 Bad Request\r\n"), "got \"H\" as reply type byte"));
  CHECK(mentions(problem(std::string("\0\0\0\0", 4)), "reply type byte"));
  CHECK(mentions(problem(":12x\r\n"), "Bad integer"));
  CHECK(mentions(problem("$-5\r\n"), "out of range"));
  CHECK(mentions(problem("$99999999999999999999\r\n"), "Bad bulk string length"));
  CHECK(mentions(problem("*99999999999\r\n"), "out of range"));
}

TEST_CASE("a claimed length reserves nothing") {
  CHECK(problem("*2147483647\r\n").empty());             // two thousand million values: none has come
  CHECK(problem("$9223372036854775807\r\nab").empty());  // likewise bytes
}

TEST_CASE("an unfinished reply may not grow past the limit") {
  CHECK(problem("$1000\r\n" + std::string(60, 'x'), 100).empty());
  CHECK(mentions(problem("$1000\r\n" + std::string(200, 'x'), 100), "longer than 100 bytes"));
  CHECK(mentions(problem("+" + std::string(200, 'x'), 100), "longer than 100 bytes"));
  CHECK(mentions(problem("*1000\r\n" + std::string(200, ':'), 100), "Bad integer") == false);
}

TEST_CASE("a reply may not hold more values than anything here asks for") {
  std::string bytes = "*2147483647\r\n";
  for (std::size_t count = 0; count < kReplyElementsMax; ++count) bytes += ":1\r\n";
  CHECK(mentions(problem(bytes, 1 << 30), "too many values"));
}

TEST_CASE("arrays nested without end are refused") {
  std::string bytes;
  for (int depth = 0; depth < 100; ++depth) bytes += "*1\r\n";
  CHECK(mentions(problem(bytes), "depth"));
}
