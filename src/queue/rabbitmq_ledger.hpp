// What a worker knows of the jobs that RabbitMQ gave it: which run here, which have ended here and how.
// Decides what to do with a delivery; no I/O.
//
// A message that was given to somebody and not acknowledged comes again, marked as such. If it is a job that
// runs here (the connection was lost meanwhile), the run goes on for the new delivery. If it has ended here,
// its result is not made again. Otherwise its worker is gone, and it counts as one more attempt.
//
// Thread safety: none of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "queue/rabbitmq_link.hpp"
#include "queue/rabbitmq_message.hpp"

namespace executor {

class RabbitLedger {
 public:
  struct Lease {
    RabbitDelivery delivery;
    RabbitJob job;
    std::string mark{};                   ///< where what settles it leaves one; empty: nowhere
    bool settling = false;                ///< has ended: its messages are on their way
    bool looking = false;                 ///< whether there is a mark is still being asked
    bool marked = false;                  ///< it was settled before, and is only to be acknowledged
    std::optional<std::string> result{};  ///< of a run that has ended while that was asked
  };
  enum class Action {
    run,          ///< a new job: lease() it
    again,        ///< it was given to a worker that is gone: one attempt more
    goes_on,      ///< runs here since an earlier connection; the lease now belongs to this delivery
    answer,       ///< ended here; its result is to be sent
    acknowledge,  ///< sent twice: it runs here, or its result has been stored where it belongs
    conflict,     ///< another job is known under this id
  };

  explicit RabbitLedger(std::size_t remembered_bytes) : remembered_max_(remembered_bytes) {}

  [[nodiscard]] Action look_at(const RabbitDelivery& delivery, const RabbitJob& job) {
    if (const auto found = by_id_.find(job.id); found != by_id_.end()) {
      Lease& lease = leases_.at(found->second);
      if (lease.job.digest != job.digest) return Action::conflict;
      if (lease.delivery.tag.epoch != delivery.tag.epoch) {
        lease.delivery.tag = delivery.tag;
        return Action::goes_on;
      }
      return same_receiver(lease.delivery.message, delivery.message) ? Action::acknowledge : Action::run;
    }
    if (const auto found = ended_.find(job.id); found != ended_.end()) {
      if (found->second.digest != job.digest) return Action::conflict;
      const bool told = found->second.stored && same_receiver(found->second.receiver, delivery.message);
      return told ? Action::acknowledge : Action::answer;
    }
    return delivery.redelivered ? Action::again : Action::run;
  }

  /// The number that names the lease from now on.
  std::uint64_t lease(RabbitDelivery delivery, RabbitJob job, std::string mark = {}) {
    const std::uint64_t number = ++last_;
    by_id_.emplace(job.id, number);
    leases_.emplace(number, Lease{std::move(delivery), std::move(job), std::move(mark)});
    return number;
  }
  [[nodiscard]] Lease* find(std::uint64_t number) {
    const auto found = leases_.find(number);
    return found == leases_.end() ? nullptr : &found->second;
  }
  void end(std::uint64_t number) {
    disown(number);
    leases_.erase(number);
  }
  /// The lease stays until its delivery is acknowledged, but no run stands behind it: the job may come again.
  void disown(std::uint64_t number) {
    const auto found = leases_.find(number);
    if (found == leases_.end()) return;
    const auto id = by_id_.find(found->second.job.id);
    if (id != by_id_.end() && id->second == number) by_id_.erase(id);
  }
  [[nodiscard]] std::size_t leases() const { return leases_.size(); }

  /// A run stands behind this job here.
  [[nodiscard]] bool runs(const std::string& id) const { return by_id_.contains(id); }

  /// Keeps a result for deliveries of its job that still come; the oldest are forgotten when there are many.
  void remember(const RabbitJob& job, const RabbitMessage& receiver, std::string result, bool stored) {
    forget(job.id);
    bytes_ += result.size() + kEntryBytes;
    const auto place = order_.insert(order_.end(), job.id);
    ended_.emplace(job.id, Ended{job.digest, envelope(receiver), std::move(result), stored, place});
    while (bytes_ > remembered_max_ && !order_.empty()) forget(std::string(order_.front()));
  }
  [[nodiscard]] const std::string& result_of(const std::string& id) const { return ended_.at(id).result; }

 private:
  struct Ended {
    std::string digest;
    RabbitMessage receiver;  // without a body
    std::string result;
    bool stored = false;
    std::list<std::string>::iterator place{};
  };
  static constexpr std::size_t kEntryBytes = 512;

  static bool same_receiver(const RabbitMessage& a, const RabbitMessage& b) {
    return a.reply_to == b.reply_to && a.correlation_id == b.correlation_id;
  }
  static RabbitMessage envelope(const RabbitMessage& message) {
    return {.reply_to = message.reply_to, .correlation_id = message.correlation_id};
  }
  void forget(const std::string& id) {
    const auto found = ended_.find(id);
    if (found == ended_.end()) return;
    bytes_ -= found->second.result.size() + kEntryBytes;
    order_.erase(found->second.place);
    ended_.erase(found);
  }

  std::size_t remembered_max_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, Lease> leases_{};
  std::unordered_map<std::string, std::uint64_t> by_id_{};
  std::unordered_map<std::string, Ended> ended_{};
  std::list<std::string> order_{};  // oldest first
  std::size_t bytes_ = 0;
};

}  // namespace executor
