#include "http/admission.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace executor::http;

namespace {

// Jobs by their number, in the order in which they were let in.
struct Gate {
  Gate(Share user, Share token) : admission(std::make_shared<Admission>(user, token)) {}

  bool enter(int job, const std::string& user, const std::string& token = {}) {
    Job& entry = jobs.emplace_back();
    return admission->enter(
        user, token,
        [this, job, &entry](Admission::Ticket ticket) {
          entered.push_back(job);
          entry.ticket = std::move(ticket);
        },
        entry.place);
  }
  void end(std::size_t index) { jobs[index].ticket.reset(); }
  void leave(std::size_t index) { jobs[index].place.reset(); }

  struct Job {
    Admission::Ticket ticket{};
    Admission::Ticket place{};
  };
  std::vector<int> entered{};
  std::deque<Job> jobs{};
  std::shared_ptr<Admission> admission;  // goes first: nobody is let in when the others' tickets go
};

using Order = std::vector<int>;

}  // namespace

TEST_CASE("without limits everybody is let in at once") {
  Gate gate({}, {});
  for (int i = 0; i < 100; ++i) CHECK(gate.enter(i, "ann", "t"));
  CHECK(gate.entered.size() == 100);
}

TEST_CASE("a user has so many jobs at once, so many waiting, and no more") {
  Gate gate({.concurrent = 2, .waiting = 1}, {});
  for (int i = 0; i < 3; ++i) CHECK(gate.enter(i, "ann"));
  CHECK_FALSE(gate.enter(3, "ann"));
  CHECK(gate.entered == Order{0, 1});
  CHECK(gate.enter(4, "ben"));
  gate.end(1);
  CHECK(gate.entered == Order{0, 1, 4, 2});
  CHECK(gate.admission->held_back() == 0);
  CHECK(gate.enter(5, "ann"));
}

TEST_CASE("who waits holds up nobody behind it") {
  Gate gate({.concurrent = 1, .waiting = 5}, {});
  for (const auto& [job, user] : {std::pair(0, "ann"), {1, "ann"}, {2, "ben"}, {3, "ben"}})
    CHECK(gate.enter(job, user));
  CHECK(gate.entered == Order{0, 2});
  gate.end(2);
  CHECK(gate.entered == Order{0, 2, 3});
}

TEST_CASE("a job counts for its user and for its token") {
  Gate gate({.concurrent = 1, .waiting = 9}, {.concurrent = 2, .waiting = 0});
  CHECK(gate.enter(0, "ann", "site"));
  CHECK(gate.enter(1, "ann", "site"));  // waits for ann's first
  CHECK(gate.enter(2, "ben", "site"));
  CHECK_FALSE(gate.enter(3, "cid", "site"));
  CHECK(gate.enter(4, "cid", "other"));
  CHECK(gate.entered == Order{0, 2, 4});
  gate.end(2);
  CHECK(gate.entered == Order{0, 2, 4});
  gate.end(0);
  CHECK(gate.entered == Order{0, 2, 4, 1});
}

TEST_CASE("who leaves the line makes room in it, and is not let in") {
  Gate gate({.concurrent = 1, .waiting = 1}, {});
  CHECK(gate.enter(0, "ann"));
  CHECK(gate.enter(1, "ann"));
  CHECK_FALSE(gate.enter(2, "ann"));
  gate.leave(1);
  CHECK(gate.enter(3, "ann"));
  gate.end(0);
  CHECK(gate.entered == Order{0, 3});
}

TEST_CASE("tickets may outlive what they were for") {
  Gate gate({.concurrent = 1, .waiting = 1}, {});
  CHECK(gate.enter(0, "ann"));
  CHECK(gate.enter(1, "ann"));
  gate.admission.reset();
  gate.end(0);
  gate.leave(1);
  CHECK(gate.entered == Order{0});
}
