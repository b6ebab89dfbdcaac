#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>

#include "base/sys.hpp"
#include "supervisor/client.hpp"

namespace executor::supervisor {
namespace {

/// A client with a steward that the test plays, and the supervisors that it hands over.
class Stage {
 public:
  Stage() : client_(std::make_unique<Client>(context_, Connection{make_link(), {}, 0})) {}

  Client& client() { return *client_; }
  void turn() {
    context_.restart();
    context_.poll();
  }
  /// Hands the client a new supervisor, which says that it is ready.
  void start_supervisor(bool ready = true) {
    auto pair = sys::make_socket_pair(SOCK_STREAM);
    REQUIRE(pair.has_value());
    supervisor_ = std::move(pair->second);
    REQUIRE(sys::set_nonblocking(supervisor_.get()).has_value());
    const int fds[] = {pair->first.get()};
    REQUIRE(sys::send_with_fds(steward_.get(), "S", fds).has_value());
    received_ = {};
    if (ready) say(encode(ReadyMessage{{"seccomp"}, 0}));
    turn();
  }
  void end_supervisor() {
    supervisor_.reset();
    turn();
  }
  void end_steward() {
    steward_.reset();
    turn();
  }
  void say(const std::string& bytes) {
    REQUIRE(sys::raw::write_all(supervisor_.get(), bytes.data(), bytes.size()));
    turn();
  }
  /// The id of the next run message that the supervisor finds; none when there is none.
  std::optional<std::uint64_t> next_run() {
    read_what_is_there();
    const auto frame = received_.next();
    if (!frame || frame->type != MessageType::run) return std::nullopt;
    const auto message = decode<RunMessage>(frame->body);
    REQUIRE(message.has_value());
    return message->id;
  }
  std::optional<std::uint64_t> next_cancel() {
    read_what_is_there();
    const auto frame = received_.next();
    if (!frame || frame->type != MessageType::cancel) return std::nullopt;
    return decode<CancelMessage>(frame->body)->id;
  }
  void finish(std::uint64_t id, const std::string& output) {
    FinishedMessage message;
    message.id = id;
    message.outcome.stdout_bytes = output;
    say(encode(message));
  }

 private:
  UniqueFd make_link() {
    auto pair = sys::make_socket_pair(SOCK_SEQPACKET);
    REQUIRE(pair.has_value());
    steward_ = std::move(pair->second);
    return std::move(pair->first);
  }
  void read_what_is_there() {
    std::array<char, 4096> chunk;
    ssize_t n = 0;
    while ((n = ::read(supervisor_.get(), chunk.data(), chunk.size())) > 0)
      received_.append({chunk.data(), static_cast<std::size_t>(n)});
  }

  boost::asio::io_context context_;
  UniqueFd steward_, supervisor_;
  FrameSplitter received_;
  std::unique_ptr<Client> client_;
};

/// Where a run's answer goes.
struct Answer {
  std::optional<Result<Outcome>> result;
  Client::Done done() {
    return [this](Result<Outcome> given) { result.emplace(std::move(given)); };
  }
};

TEST_CASE("a program is sent at once and its outcome comes back to the one who asked") {
  Stage stage;
  stage.start_supervisor();
  CHECK(stage.client().ready());
  CHECK(stage.client().isolation() == std::vector<std::string>{"seccomp"});
  Answer first, second;
  const auto first_id = stage.client().run({}, first.done());
  const auto second_id = stage.client().run({}, second.done());
  CHECK(stage.next_run() == first_id);
  CHECK(stage.next_run() == second_id);
  stage.finish(second_id, "second");
  REQUIRE(second.result.has_value());
  CHECK_FALSE(first.result.has_value());
  CHECK((*second.result)->stdout_bytes == "second");
  stage.finish(first_id, "first");
  CHECK((*first.result)->stdout_bytes == "first");
}

TEST_CASE("what is asked before a supervisor is there waits for it") {
  Stage stage;
  Answer answer;
  const auto id = stage.client().run({}, answer.done());
  stage.start_supervisor(false);
  CHECK_FALSE(stage.next_run().has_value());
  stage.say(encode(ReadyMessage{}));
  CHECK(stage.next_run() == id);
}

TEST_CASE("a supervisor's end fails what it had, and the next one is used") {
  Stage stage;
  stage.start_supervisor();
  Answer lost, later;
  stage.client().run({}, lost.done());
  stage.end_supervisor();
  REQUIRE(lost.result.has_value());
  REQUIRE_FALSE(lost.result->has_value());
  CHECK(lost.result->error().code.value() == ECONNRESET);
  CHECK_FALSE(stage.client().ready());
  const auto id = stage.client().run({}, later.done());
  stage.start_supervisor();
  CHECK(stage.next_run() == id);
  stage.finish(id, "again");
  CHECK((*later.result)->stdout_bytes == "again");
}

TEST_CASE("what a dead supervisor never got goes to the next one") {
  Stage stage;
  stage.start_supervisor(false);
  Answer answer;
  const auto id = stage.client().run({}, answer.done());
  stage.end_supervisor();
  CHECK_FALSE(answer.result.has_value());
  stage.start_supervisor();
  CHECK(stage.next_run() == id);
}

TEST_CASE("a supervisor that cannot start says which layer failed") {
  Stage stage;
  Answer answer;
  stage.client().run({}, answer.done());
  stage.start_supervisor(false);
  stage.say(encode(FailedMessage{"user_namespace", "clone", EPERM}));
  REQUIRE(answer.result.has_value());
  REQUIRE_FALSE(answer.result->has_value());
  CHECK(answer.result->error().stage == "user_namespace");
  CHECK(stage.client().detail().find("user_namespace") != std::string::npos);
}

TEST_CASE("nonsense ends the connection, not the client") {
  for (const std::string& nonsense :
       {std::string("\0\0\0\0", 4), std::string("\xff\xff\xff\xff", 4), std::string("\1\0\0\0\x63", 5),
        encode(CancelMessage{1}), encode(ReadyMessage{}).substr(0, 4) + std::string(20, '\x05')}) {
    Stage stage;
    stage.start_supervisor();
    Answer answer;
    stage.client().run({}, answer.done());
    stage.say(nonsense);
    REQUIRE(answer.result.has_value());
    CHECK_FALSE(answer.result->has_value());
    CHECK_FALSE(stage.client().ready());
    stage.start_supervisor();
    CHECK(stage.client().ready());
  }
}

TEST_CASE("an answer to nobody's question is dropped") {
  Stage stage;
  stage.start_supervisor();
  stage.finish(99, "x");
  CHECK(stage.client().ready());
}

TEST_CASE("cancelling tells the supervisor, or forgets what was never sent") {
  Stage stage;
  Answer waiting, sent;
  const auto waiting_id = stage.client().run({}, waiting.done());
  stage.client().cancel(waiting_id);
  stage.turn();
  REQUIRE(waiting.result.has_value());
  CHECK((*waiting.result)->ending == Ending::cancelled);
  stage.start_supervisor();
  CHECK_FALSE(stage.next_run().has_value());
  const auto sent_id = stage.client().run({}, sent.done());
  CHECK(stage.next_run() == sent_id);
  stage.client().cancel(sent_id);
  CHECK(stage.next_cancel() == sent_id);
  CHECK_FALSE(sent.result.has_value());
}

TEST_CASE("without a steward everything fails at once") {
  Stage stage;
  stage.start_supervisor();
  Answer running, later;
  stage.client().run({}, running.done());
  stage.end_steward();
  REQUIRE(running.result.has_value());
  CHECK_FALSE(running.result->has_value());
  CHECK(stage.client().abandoned());
  stage.client().run({}, later.done());
  stage.turn();
  REQUIRE(later.result.has_value());
  CHECK_FALSE(later.result->has_value());
}

TEST_CASE("a program larger than the socket's buffer arrives whole") {
  Stage stage;
  stage.start_supervisor();
  Program program;
  program.source = std::string(4 << 20, 'x');
  Answer answer;
  const auto id = stage.client().run(std::move(program), answer.done());
  std::optional<std::uint64_t> arrived;
  for (int round = 0; round < 10'000 && !arrived; ++round) {
    arrived = stage.next_run();
    stage.turn();
  }
  CHECK(arrived == id);
}

}  // namespace
}  // namespace executor::supervisor
