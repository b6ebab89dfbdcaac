// The leases in hand, and how each of them ends: by a result (RedisSettlement's steps, one command at a time)
// or by going back into the queue. Whatever fails is tried again until Redis confirms it.
//
// Thread safety: the io_context's thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "queue/redis_context.hpp"
#include "queue/redis_settlement.hpp"

namespace executor {

/// A job that this worker holds.
struct RedisLease {
  std::string id;
  std::string raw;  ///< the message as it stood in the list
  std::string digest;
  std::string reply_to;
  int attempt = 1;
};

class RedisSettler {
 public:
  using Stored = std::function<void(const std::string& id, const std::string& json)>;

  RedisSettler(RedisContext& context, Stored stored);

  /// Takes charge of a lease and names it.
  std::uint64_t hold(RedisLease lease);
  [[nodiscard]] const RedisLease* find(std::uint64_t tag) const;
  [[nodiscard]] bool holds(const std::string& id) const;
  [[nodiscard]] std::size_t held() const { return leases_.size(); }

  /// Ends the lease with a result, and a dead letter if there is a reason for one. False if it is ending
  /// already.
  bool settle(std::uint64_t tag, std::string result, std::optional<std::string> dead_reason);
  /// Ends the lease by putting the job back where the next worker takes it. False if it is ending already.
  bool give_back(std::uint64_t tag, bool attempt_counts, std::chrono::milliseconds delay);

  /// The connection is back: leases are claimed again, unfinished steps repeated.
  void connected();
  /// Claims every lease in hand again; of no effect on those that stand.
  void reclaim();

 private:
  struct Held {
    RedisLease lease;
    std::optional<RedisSettlement> settlement{};
    bool going_back = false;
    bool attempt_counts = true;
    bool in_flight = false;
  };

  void reclaim_one(const RedisLease& lease);
  void drive(std::uint64_t tag);
  void bury(std::uint64_t tag, Held& held);
  void put_back(std::uint64_t tag, const Held& held);
  void step(std::uint64_t tag, Held& held, const RedisCommand& command);
  void stepped(std::uint64_t tag, const Result<RedisReply>& reply);
  void finish(std::uint64_t tag, Held& held);
  void finished(std::uint64_t tag, const Result<RedisReply>& reply);
  void advance(std::uint64_t tag, Held& held, RedisSettlement::Event event, std::string value = {});
  void try_again_soon();

  RedisContext& context_;
  Stored stored_;
  std::map<std::uint64_t, Held> leases_{};
  std::uint64_t last_tag_ = 0;
  boost::asio::steady_timer again_timer_;
  bool again_pending_ = false;
};

}  // namespace executor
