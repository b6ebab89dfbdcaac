// How much of the service one user or one token may have: so many unfinished jobs at once, and so many more
// that wait here for their turn. Pure logic; no I/O, no clock.
//
// Thread safety: none of its own.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace executor::http {

/// 0: no limit.
struct Share {
  std::size_t concurrent = 0;  ///< jobs in the queue or at a worker
  std::size_t waiting = 0;     ///< jobs held back beyond those; more are refused
};

class Admission : public std::enable_shared_from_this<Admission> {
 public:
  /// Held for as long as the job is unfinished; its end lets the next one in.
  using Ticket = std::shared_ptr<void>;
  using Granted = std::function<void(Ticket)>;

  Admission(Share user, Share token) : user_(user), token_(token) {}

  /// False: one of the two has as many jobs as it may. Else `granted` is called once, now or later; dropped
  /// with the `Ticket` that `waiting` points to, which is held while the turn is waited for.
  bool enter(const std::string& user, const std::string& token, Granted granted, Ticket& waiting) {
    const Keys keys = keys_of(user, token);
    for (const Key& key : keys) {
      const Share& share = share_of(key);
      if (share.concurrent == 0) continue;
      const Line& line = lines_[key];
      if (line.inside >= share.concurrent && line.waiting >= share.waiting) return false;
    }
    auto entry = std::make_shared<Entry>(Entry{keys, std::move(granted)});
    for (const Key& key : keys) ++lines_[key].waiting;
    line_.push_back(entry);
    waiting = Ticket(nullptr, [weak = weak_from_this(), entry](void*) {
      if (const auto self = weak.lock()) self->leave(*entry);
    });
    serve();
    return true;
  }

  [[nodiscard]] std::size_t held_back() const { return line_.size(); }

 private:
  using Key = std::pair<char, std::string>;  // 'u' user, 't' token
  using Keys = std::vector<Key>;
  struct Line {
    std::size_t inside = 0;
    std::size_t waiting = 0;
  };
  struct Entry {
    Keys keys;
    Granted granted;  // empty once it is in, or nobody waits for it any more
  };

  static Keys keys_of(const std::string& user, const std::string& token) {
    Keys keys;
    if (!user.empty()) keys.emplace_back('u', user);
    if (!token.empty()) keys.emplace_back('t', token);
    return keys;
  }
  [[nodiscard]] const Share& share_of(const Key& key) const { return key.first == 'u' ? user_ : token_; }

  [[nodiscard]] bool has_room(const Keys& keys) const {
    for (const Key& key : keys) {
      const std::size_t most = share_of(key).concurrent;
      if (most != 0 && lines_.at(key).inside >= most) return false;
    }
    return true;
  }

  /// In the order of arrival, but nobody waits for somebody else's limit.
  void serve() {
    for (auto each = line_.begin(); each != line_.end();) {
      const auto entry = *each;
      if (!entry->granted) {
        each = line_.erase(each);
      } else if (!has_room(entry->keys)) {
        ++each;
      } else {
        line_.erase(each);
        let_in(entry);
        each = line_.begin();  // whoever was let in may have changed everything
      }
    }
  }

  void let_in(const std::shared_ptr<Entry>& entry) {
    for (const Key& key : entry->keys) {
      --lines_[key].waiting;
      ++lines_[key].inside;
    }
    const Granted granted = std::exchange(entry->granted, nullptr);
    granted(Ticket(nullptr, [weak = weak_from_this(), keys = entry->keys](void*) {
      if (const auto self = weak.lock()) self->end(keys);
    }));
  }

  void leave(Entry& entry) {
    if (!std::exchange(entry.granted, nullptr)) return;
    for (const Key& key : entry.keys) {
      --lines_[key].waiting;
      tidy(key);
    }
  }

  void end(const Keys& keys) {
    for (const Key& key : keys) {
      --lines_[key].inside;
      tidy(key);
    }
    serve();
  }

  void tidy(const Key& key) {
    const auto found = lines_.find(key);
    if (found != lines_.end() && found->second.inside == 0 && found->second.waiting == 0) lines_.erase(found);
  }

  Share user_;
  Share token_;
  std::map<Key, Line> lines_{};
  std::deque<std::shared_ptr<Entry>> line_{};
};

}  // namespace executor::http
