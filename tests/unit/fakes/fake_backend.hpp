// A backend that runs nothing: tests look at what was started and say how it ended.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.hpp"

namespace executor {

class FakeBackend : public Backend {
 public:
  struct Run {
    RunId id;
    Program program;
    Done done;
  };

  explicit FakeBackend(boost::asio::io_context& context) : context_(context) {}

  RunId start(Program program, Done done) override {
    const RunId id = ++last_id_;
    ++started;
    if (answer_at_once) {
      boost::asio::post(context_, [this, program = std::move(program), done = std::move(done)] {
        done(answer_at_once(program));
      });
    } else {
      live.push_back({id, std::move(program), std::move(done)});
    }
    return id;
  }

  /// A cancelled run ends as the real ones do, in a later turn of the loop.
  void cancel(RunId id) override {
    cancelled.push_back(id);
    const auto run = std::find_if(live.begin(), live.end(), [id](const Run& each) { return each.id == id; });
    if (run == live.end() || ignore_cancel) return;
    boost::asio::post(context_,
                      [done = std::move(run->done)] { done(Outcome{.ending = Ending::cancelled}); });
    live.erase(run);
  }

  /// Ends the run at `index` of live.
  void end(std::size_t index, Result<Outcome> outcome) {
    const Done done = std::move(live[index].done);
    live.erase(live.begin() + static_cast<std::ptrdiff_t>(index));
    done(std::move(outcome));
  }

  // -- for a test whose backend lives on another thread
  void end_first_from_outside(Outcome outcome) {
    boost::asio::post(context_, [this, outcome = std::move(outcome)] { end(0, outcome); });
  }
  void count_cancelled_from_outside(std::size_t& count) {
    std::promise<std::size_t> counted;
    boost::asio::post(context_, [this, &counted] { counted.set_value(cancelled.size()); });
    count = counted.get_future().get();
  }

  [[nodiscard]] std::string name() const override { return "native"; }
  [[nodiscard]] Status status() const override {
    Status status = current;
    status.live = live.size();
    return status;
  }

  std::function<Result<Outcome>(const Program&)> answer_at_once{};
  std::vector<Run> live{};
  std::vector<RunId> cancelled{};
  std::size_t started = 0;
  bool ignore_cancel = false;
  Status current{.ready = true, .detail = "fake"};

 private:
  boost::asio::io_context& context_;
  RunId last_id_ = 0;
};

}  // namespace executor
