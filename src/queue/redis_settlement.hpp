// How a result becomes the result: the steps from a finished run to an ended lease, as a state machine
// without I/O.
//
//   store ──stored──▶ bury (dead letters only) ──▶ reply (where the job names a key) ──▶ finish ──▶ settled
//     └──taken──▶ fetch ──found──▶ (as above, with the result that was first; nothing is buried then)
//
// Every step may be repeated, so after any failure (connection lost, Redis out of memory or read-only) it
// starts over at `store`: a restarted Redis may have forgotten what it had confirmed. What stays true is that
// no lease ends before its result stands, and that everybody is told the result which was stored first.
#pragma once

#include <optional>
#include <string>

namespace executor {

class RedisSettlement {
 public:
  enum class Step { store, overwrite, fetch, bury, reply, finish, settled };
  enum class Event {
    ok,          ///< the step's command succeeded
    taken,       ///< store: another result stands already
    found,       ///< fetch: here it is
    missing,     ///< fetch: it has gone meanwhile
    wrong_type,  ///< fetch: something that is no result stands under the key
    failed,      ///< any step: connection lost or an error reply; try again later
  };

  /// `dead_reason` makes it a dead letter. `reply_to` may be empty.
  RedisSettlement(std::string result, std::optional<std::string> dead_reason, std::string reply_to)
      : result_(std::move(result)), dead_reason_(std::move(dead_reason)), reply_to_(std::move(reply_to)) {}

  [[nodiscard]] Step step() const { return step_; }
  /// What is stored, or once another was first, that one.
  [[nodiscard]] const std::string& result() const { return result_; }
  [[nodiscard]] const std::string& dead_reason() const { return *dead_reason_; }
  [[nodiscard]] const std::string& reply_to() const { return reply_to_; }
  /// A different result was first; ours is dropped.
  [[nodiscard]] bool superseded() const { return superseded_; }
  /// The result is confirmed to stand, so those who wait may have it.
  [[nodiscard]] bool stored() const { return stored_; }

  /// Advances; `value` is the stored result for Event::found.
  void resume(Event event, std::string value = {}) {
    if (event == Event::failed) {
      step_ = Step::store;
      return;
    }
    switch (step_) {
      case Step::store:
        if (event == Event::taken) {
          step_ = Step::fetch;
        } else {
          after_store();
        }
        break;
      case Step::overwrite:
        after_store();
        break;
      case Step::fetch:
        fetched(event, std::move(value));
        break;
      case Step::bury:
        dead_reason_.reset();
        after_bury();
        break;
      case Step::reply:
        step_ = Step::finish;
        break;
      case Step::finish:
        step_ = Step::settled;
        break;
      case Step::settled:
        break;
    }
  }

 private:
  void fetched(Event event, std::string value) {
    if (event == Event::missing) {
      step_ = Step::store;
    } else if (event == Event::wrong_type) {
      step_ = Step::overwrite;
    } else {
      if (value != result_) {
        superseded_ = true;
        dead_reason_.reset();
        result_ = std::move(value);
      }
      after_store();
    }
  }
  void after_store() {
    stored_ = true;
    if (dead_reason_) {
      step_ = Step::bury;
    } else {
      after_bury();
    }
  }
  void after_bury() { step_ = reply_to_.empty() ? Step::finish : Step::reply; }

  Step step_ = Step::store;
  std::string result_;
  std::optional<std::string> dead_reason_;
  std::string reply_to_;
  bool superseded_ = false;
  bool stored_ = false;
};

}  // namespace executor
