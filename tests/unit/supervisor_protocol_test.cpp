#include <doctest/doctest.h>

#include <random>

#include "supervisor/protocol.hpp"

namespace executor::supervisor {
namespace {

Program sample_program() {
  Program program;
  program.source = "print(1)\n";
  program.stdin_bytes = std::string("a\0b", 3);
  program.args = {"one", ""};
  program.files = {{"data.txt", "x"}};
  program.processes = true;
  program.limits.wall_time = std::chrono::milliseconds(1500);
  program.compiled = std::string("c\0de", 4);
  return program;
}

/// Everything that a splitter gives of these bytes, handed over in pieces of `size`.
std::vector<std::string> bodies(const std::string& bytes, std::size_t size) {
  FrameSplitter splitter;
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    splitter.append(std::string_view(bytes).substr(at, size));
    while (const auto frame = splitter.next()) found.emplace_back(frame->body);
  }
  return found;
}

TEST_CASE("a program arrives as it was sent") {
  FrameSplitter splitter;
  splitter.append(encode(RunMessage{7, sample_program()}));
  const auto frame = splitter.next();
  REQUIRE(frame.has_value());
  CHECK(frame->type == MessageType::run);
  const auto message = decode<RunMessage>(frame->body);
  REQUIRE(message.has_value());
  CHECK(message->id == 7);
  CHECK(message->program.source == "print(1)\n");
  CHECK(message->program.stdin_bytes == std::string("a\0b", 3));
  CHECK(message->program.args == std::vector<std::string>{"one", ""});
  REQUIRE(message->program.files.size() == 1);
  CHECK(message->program.files[0].content == "x");
  CHECK(message->program.processes);
  CHECK(message->program.compiled == std::string("c\0de", 4));
  CHECK(message->program.limits.wall_time == std::chrono::milliseconds(1500));
}

TEST_CASE("facts arrive as they were sent") {
  FinishedMessage sent;
  sent.id = 1ULL << 40;
  sent.outcome.ending = Ending::memory_limit;
  sent.outcome.stdout_bytes = std::string(100'000, 'x');
  sent.outcome.stdout_truncated = true;
  sent.outcome.cpu_time = std::chrono::nanoseconds(123'456'789);
  sent.outcome.isolation = {"seccomp"};
  const std::string frame = encode(sent);
  const auto got = decode<FinishedMessage>(std::string_view(frame).substr(5));
  REQUIRE(got.has_value());
  CHECK(got->id == sent.id);
  CHECK(got->outcome.ending == Ending::memory_limit);
  CHECK(got->outcome.stdout_bytes == sent.outcome.stdout_bytes);
  CHECK(got->outcome.stdout_truncated);
  CHECK_FALSE(got->outcome.stderr_truncated);
  CHECK(got->outcome.cpu_time == sent.outcome.cpu_time);
  CHECK(got->outcome.isolation == sent.outcome.isolation);
}

TEST_CASE("where the stream is cut makes no difference") {
  const std::string bytes = encode(RunMessage{1, sample_program()}) + encode(CancelMessage{1}) +
                            encode(StatisticsMessage{1, 2, 3, 4, 0});
  const auto whole = bodies(bytes, bytes.size());
  REQUIRE(whole.size() == 3);
  for (std::size_t size = 1; size < 64; ++size) CHECK(bodies(bytes, size) == whole);
}

TEST_CASE("a length that nobody sends breaks the stream") {
  for (const std::uint32_t length : {0U, kLargestFrame + 1, ~0U}) {
    FrameSplitter splitter;
    splitter.append({reinterpret_cast<const char*>(&length), sizeof length});
    CHECK_FALSE(splitter.next().has_value());
    CHECK(splitter.broken());
  }
}

TEST_CASE("a body that is too short or too long is no message") {
  const std::string body = encode(RunMessage{1, sample_program()}).substr(5);
  for (std::size_t size = 0; size < body.size(); ++size)
    CHECK_FALSE(decode<RunMessage>(std::string_view(body).substr(0, size)).has_value());
  CHECK(decode<RunMessage>(body).has_value());
  CHECK_FALSE(decode<RunMessage>(body + "x").has_value());
}

TEST_CASE("damaged frames are taken or refused, and harm nothing") {
  const std::string body = encode(RunMessage{1, sample_program()}).substr(5);
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = body;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (!decode<RunMessage>(damaged)) ++refused;
  }
  CHECK(refused > 1000);    // damaged lengths
  CHECK(refused < 20'000);  // damaged contents are the sender's matter
}

}  // namespace
}  // namespace executor::supervisor
