// The queue inside one process: bounded, first in first out for each user, round robin between the users that
// wait. A user who has no lease gets one even where the worker has as many as it asked for (up to twice
// that), so that nobody's long jobs keep others out; the worker shares its slots. Nothing outlives the
// process. No call takes longer for more waiting jobs, but that a full queue looks at each user who waits:
// one with less in it than the one who has most takes the place of that one's last.
//
// Thread safety: the io_context's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <list>
#include <string>
#include <unordered_map>

#include "queue/queue.hpp"

namespace executor {

struct EmbeddedQueueOptions {
  std::size_t capacity = 1000;  ///< jobs waiting; leased ones do not count
  int max_attempts = 3;
};

class EmbeddedQueue : public Queue {
 public:
  using Clock = std::chrono::steady_clock;

  EmbeddedQueue(boost::asio::io_context& context, EmbeddedQueueOptions options)
      : context_(context), options_(options) {}

  void submit(QueuedJob job, Answer answer) override;
  void abandon(const std::string& job_id) override;
  void consume(std::size_t capacity, std::function<void(Delivery)> on_job) override;
  /// Jobs that still wait are answered with std::errc::operation_canceled: nobody else could ever take them.
  void stop_consuming() override;
  void progress(const Delivery& delivery, const std::string& event_json) override;
  void complete(const Delivery& delivery, std::string result_json) override;
  void retry(const Delivery& delivery, const std::string& reason) override;
  void reject(const Delivery& delivery, const std::string& reason, std::string result_json) override;
  [[nodiscard]] Status status() const override;

 private:
  struct Entry {
    QueuedJob job;
    Answer answer;
    Clock::time_point accepted;
    int attempt = 1;
  };
  using Line = std::list<Entry>;
  struct User {
    std::string id;
    Line line;
  };
  using Users = std::list<User>;
  struct Place {
    Users::iterator user;
    Line::iterator entry;
    std::list<std::string>::iterator age;
  };

  bool make_room(const std::string& user_id);
  void put(Entry entry, bool first);
  Entry take(const Place& place);
  void hand_out();
  [[nodiscard]] bool may_hand_out() const;
  void end_lease(const Entry& entry);
  void hand_out_soon();
  void answer(Entry& entry, Result<std::string> result);

  boost::asio::io_context& context_;
  EmbeddedQueueOptions options_;
  Users users_{};  // those with waiting jobs, in the order of their turns
  std::unordered_map<std::string, Users::iterator> by_user_{};
  std::unordered_map<std::string, Place> waiting_{};  // by job id
  std::list<std::string> by_age_{};                   // ids of waiting jobs, oldest first
  std::unordered_map<std::uint64_t, Entry> leased_{};
  std::unordered_map<std::string, std::size_t> leases_by_user_{};
  std::uint64_t last_tag_ = 0;
  std::size_t capacity_ = 0;  // leases given at most, 0 while nobody consumes
  std::function<void(Delivery)> on_job_{};
  bool hand_out_posted_ = false;
};

}  // namespace executor
