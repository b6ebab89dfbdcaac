#include "queue/embedded.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using executor::Delivery;
using executor::EmbeddedQueue;
using executor::Job;
using executor::QueuedJob;
using executor::Result;

namespace {

QueuedJob job(const std::string& id, const std::string& user = "") {
  auto parsed = std::make_shared<Job>();
  parsed->id = id;
  parsed->user_id = user;
  return {.id = id, .body = {}, .parsed = std::move(parsed)};
}

struct Bench {
  explicit Bench(std::size_t capacity = 100) : queue(context, {.capacity = capacity}) {}

  void submit(const std::string& id, const std::string& user = "") {
    queue.submit(job(id, user), [this, id](Result<std::string> answer) {
      if (answer)
        answers.push_back(id + "=" + *answer);
      else
        answers.push_back(id + "!" + std::to_string(answer.error().code.value()));
    });
  }
  void consume(std::size_t capacity) {
    queue.consume(capacity, [this](Delivery delivery) { taken.push_back(std::move(delivery)); });
  }
  void run() {
    context.restart();
    context.run();
  }
  std::string order() const {
    std::string text;
    for (const Delivery& delivery : taken) text += delivery.job.id + " ";
    return text;
  }

  boost::asio::io_context context{1};
  EmbeddedQueue queue;
  std::vector<std::string> answers{};
  std::vector<Delivery> taken{};
};

std::string code(std::errc value) { return std::to_string(static_cast<int>(value)); }

}  // namespace

TEST_CASE("jobs are handed out in order, no more than the capacity at a time") {
  Bench bench;
  bench.submit("a");
  bench.submit("b");
  bench.submit("c");
  bench.consume(2);
  CHECK(bench.taken.empty());  // never from inside a call
  bench.run();
  CHECK(bench.order() == "a b ");
  bench.queue.complete(bench.taken[0], "A");
  bench.run();
  CHECK(bench.order() == "a b c ");
  CHECK(bench.answers == std::vector<std::string>{"a=A"});
}

TEST_CASE("an answer comes once and never from inside a call") {
  Bench bench;
  bench.consume(1);
  bench.submit("a");
  bench.run();
  bench.queue.complete(bench.taken[0], "1");
  bench.queue.complete(bench.taken[0], "2");
  CHECK(bench.answers.empty());
  bench.run();
  CHECK(bench.answers == std::vector<std::string>{"a=1"});
}

TEST_CASE("a full queue refuses with no_buffer_space and keeps what it has") {
  Bench bench(2);
  bench.submit("a");
  bench.submit("b");
  bench.submit("c");
  CHECK(bench.answers.empty());
  bench.run();
  CHECK(bench.answers == std::vector<std::string>{"c!" + code(std::errc::no_buffer_space)});
  CHECK(bench.queue.status().depth == 2);
}

TEST_CASE("a full queue takes a user with less in it for the last job of the one who has most") {
  Bench bench(3);
  for (const char* id : {"a1", "a2", "a3", "a4"}) bench.submit(id, "flood");
  bench.submit("b1", "other");
  bench.submit("b2", "other");  // as many as the flood would have left
  bench.submit("c1", "third");
  bench.submit("a5", "flood");
  bench.run();
  const std::string full = "!" + code(std::errc::no_buffer_space);
  CHECK(bench.answers ==
        std::vector<std::string>{"a4" + full, "a3" + full, "b2" + full, "a2" + full, "a5" + full});
  bench.consume(10);
  bench.run();
  CHECK(bench.order() == "a1 b1 c1 ");
}

TEST_CASE("a job that was told of its acceptance, or was given back, keeps its place in a full queue") {
  const std::string full = "!" + code(std::errc::no_buffer_space);
  Bench bench(2);
  for (const char* id : {"a1", "a2"}) {
    QueuedJob told = job(id, "flood");
    told.accepted = [] {};
    bench.queue.submit(std::move(told),
                       [&bench](const Result<std::string>&) { bench.answers.emplace_back("a"); });
  }
  bench.submit("b", "other");
  bench.run();
  CHECK(bench.answers == std::vector<std::string>{"b" + full});
  Bench second(2);
  second.submit("a1", "flood");
  second.submit("a2", "flood");
  second.consume(2);
  second.run();
  for (const Delivery& delivery : std::vector<Delivery>(second.taken))
    second.queue.retry(delivery, "its sandbox is gone");
  second.submit("b", "other");
  second.run();
  CHECK(second.answers == std::vector<std::string>{"b" + full});
}

TEST_CASE("an id that is waiting already is refused") {
  Bench bench;
  bench.submit("a");
  bench.submit("a");
  bench.run();
  CHECK(bench.answers == std::vector<std::string>{"a!" + code(std::errc::file_exists)});
}

TEST_CASE("users with waiting jobs take turns") {
  Bench bench;
  for (const char* id : {"a1", "a2", "a3", "a4"}) bench.submit(id, "a");
  for (const char* id : {"b1", "b2"}) bench.submit(id, "b");
  bench.submit("c1", "c");
  bench.consume(100);
  bench.run();
  CHECK(bench.order() == "a1 b1 c1 a2 b2 a3 a4 ");
}

TEST_CASE("a user without a lease gets one beyond the capacity, up to as many again") {
  Bench bench;
  for (const char* id : {"a1", "a2", "a3"}) bench.submit(id, "a");
  bench.consume(2);
  bench.run();
  CHECK(bench.order() == "a1 a2 ");
  for (const char* id : {"b1", "b2"}) bench.submit(id, "b");
  bench.submit("c1", "c");
  bench.submit("d1", "d");
  bench.run();
  CHECK(bench.order() == "a1 a2 b1 c1 ");
  bench.queue.complete(bench.taken[2], "");
  bench.run();
  CHECK(bench.order() == "a1 a2 b1 c1 d1 ");
}

TEST_CASE("acceptance is told once, progress to whoever still waits") {
  Bench bench;
  std::string told;
  QueuedJob queued = job("a");
  queued.accepted = [&told] { told += "accepted "; };
  queued.progress = [&told](const std::string& event) { told += event + " "; };
  bench.queue.submit(std::move(queued), [&told](const Result<std::string>&) { told += "answered "; });
  bench.consume(1);
  CHECK(told.empty());
  bench.run();
  bench.queue.progress(bench.taken[0], "1");
  bench.queue.complete(bench.taken[0], "");
  bench.queue.progress(bench.taken[0], "2");
  bench.run();
  CHECK(told == "accepted 1 answered ");
}

TEST_CASE("a user that comes back stands behind those who wait") {
  Bench bench;
  bench.submit("a1", "a");
  bench.submit("b1", "b");
  bench.submit("b2", "b");
  bench.consume(1);
  bench.run();
  bench.submit("a2", "a");
  for (std::size_t i = 0; i < bench.taken.size(); ++i) {
    bench.queue.complete(bench.taken[i], "");
    bench.run();
  }
  CHECK(bench.order() == "a1 b1 a2 b2 ");
}

TEST_CASE("an abandoned job that waits is dropped, one that runs is not answered") {
  Bench bench;
  bench.consume(1);
  bench.submit("a");
  bench.submit("b");
  bench.run();
  bench.queue.abandon("b");
  bench.queue.abandon("a");
  bench.queue.abandon("unknown");
  CHECK(bench.queue.status().depth == 0);
  bench.queue.complete(bench.taken[0], "A");
  bench.run();
  CHECK(bench.order() == "a ");
  CHECK(bench.answers.empty());
}

TEST_CASE("a retried job is handed out first, and refused after its third attempt") {
  Bench bench;
  bench.submit("a");
  bench.submit("b");
  bench.consume(1);
  bench.run();
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(bench.taken.size() == i + 1);
    CHECK(bench.taken[i].job.id == "a");
    CHECK(bench.taken[i].attempt == static_cast<int>(i) + 1);
    bench.queue.retry(bench.taken[i], "the sandbox could not be built");
    bench.run();
  }
  CHECK(bench.answers == std::vector<std::string>{"a!" + code(std::errc::io_error)});
  CHECK(bench.taken.back().job.id == "b");
}

TEST_CASE("when consuming stops, waiting jobs are refused and leases stay valid") {
  Bench bench;
  bench.consume(1);
  bench.submit("a");
  bench.submit("b");
  bench.run();
  bench.queue.stop_consuming();
  bench.run();
  CHECK(bench.answers == std::vector<std::string>{"b!" + code(std::errc::operation_canceled)});
  CHECK(bench.queue.status().leased == 1);
  bench.queue.complete(bench.taken[0], "A");
  bench.run();
  CHECK(bench.answers.back() == "a=A");
  CHECK(bench.queue.status().leased == 0);
}

TEST_CASE("a job given back by a worker that stops is answered as cancelled") {
  Bench bench;
  bench.consume(1);
  bench.submit("a");
  bench.run();
  bench.queue.stop_consuming();
  bench.queue.retry(bench.taken[0], "the worker stops");
  bench.run();
  CHECK(bench.answers == std::vector<std::string>{"a!" + code(std::errc::operation_canceled)});
}

TEST_CASE("the status counts what waits and what is leased") {
  Bench bench;
  CHECK(bench.queue.status().ready);
  CHECK(bench.queue.status().oldest == std::chrono::milliseconds(0));
  bench.submit("a");
  bench.submit("b");
  bench.consume(1);
  bench.run();
  CHECK(bench.queue.status().depth == 1);
  CHECK(bench.queue.status().leased == 1);
}
