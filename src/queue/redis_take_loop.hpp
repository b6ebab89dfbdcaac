// When a worker asks Redis for a job: the decisions of the take connection, without any I/O.
//
// One BLMOVE is outstanding at a time, and only while there is room for what it may bring. Before it,
// whatever was taken and never claimed (the connection broke in between) is given back. A worker that stops
// consuming breaks a blocked BLMOVE off from the other connection rather than waiting for its timeout.
// A job of this very process may be leased with its submission, where there is room beside all of that.
#pragma once

#include <cstddef>

namespace executor {

class RedisTakeLoop {
 public:
  enum class Action { none, recover, block, unblock };

  void start(std::size_t capacity) {
    capacity_ = capacity;
    consuming_ = true;
  }
  void stop() { consuming_ = false; }

  void connected() { *this = with_connection(true); }
  void disconnected() { *this = with_connection(false); }

  /// BLMOVE answered; `message` tells whether it brought one, which then is about to be claimed.
  void answered(bool message) {
    blocked_ = false;
    unblocking_ = false;
    if (message) ++claiming_;
    if (!message) recover_due_ = true;  // nothing else happens: a good moment to look
  }
  /// The server refused BLMOVE (out of memory, read-only): pause() until resumed.
  void refused() {
    blocked_ = false;
    unblocking_ = false;
    paused_ = true;
  }
  void resumed() { paused_ = false; }

  /// A claim was answered; `left` messages stand in the processing list beside it.
  void claimed(bool granted, std::size_t left) {
    if (claiming_ > 0) --claiming_;
    if (granted) ++leased_;
    if (left > 0) recover_due_ = true;
  }
  void released() {
    if (leased_ > 0) --leased_;
  }

  /// Keeps a place for a job that is about to be submitted; false where there is none, or half of all are
  /// taken: what is more than that goes to the list, where another host may have nothing to do.
  [[nodiscard]] bool reserve() {
    if (!connected_ || !consuming_ || paused_) return false;
    if (taken() + (blocked_ ? 1 : 0) >= capacity_ || 2 * (taken() + 1) > capacity_) return false;
    ++reserved_;
    return true;
  }
  /// A submission for which a place was kept is over; `granted` tells whether it is leased here.
  void submitted(bool granted) {
    if (reserved_ > 0) --reserved_;
    if (granted) ++leased_;
  }

  [[nodiscard]] bool consuming() const { return consuming_; }
  [[nodiscard]] std::size_t leased() const { return leased_; }

  /// What to do now; asking changes the state as if it was done.
  [[nodiscard]] Action next() {
    if (!connected_) return Action::none;
    if (blocked_) {
      if (consuming_ || unblocking_) return Action::none;
      unblocking_ = true;
      return Action::unblock;
    }
    if (!consuming_ || paused_ || taken() >= capacity_) return Action::none;
    if (recover_due_) {
      recover_due_ = false;
      return Action::recover;
    }
    blocked_ = true;
    return Action::block;
  }

 private:
  [[nodiscard]] std::size_t taken() const { return leased_ + claiming_ + reserved_; }

  /// What survives a change of connection: the capacity, the leases in hand, and what the other connection is
  /// at.
  [[nodiscard]] RedisTakeLoop with_connection(bool connected) const {
    RedisTakeLoop fresh;
    fresh.capacity_ = capacity_;
    fresh.consuming_ = consuming_;
    fresh.leased_ = leased_;
    fresh.reserved_ = reserved_;
    fresh.connected_ = connected;
    fresh.recover_due_ = connected;
    return fresh;
  }

  std::size_t capacity_ = 0;
  std::size_t leased_ = 0;
  std::size_t claiming_ = 0;
  std::size_t reserved_ = 0;
  bool connected_ = false;
  bool consuming_ = false;
  bool blocked_ = false;
  bool unblocking_ = false;
  bool paused_ = false;
  bool recover_due_ = false;
};

}  // namespace executor
