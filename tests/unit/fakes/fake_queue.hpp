// A queue whose tests play both the producer and the server.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "queue/queue.hpp"

namespace executor {

class FakeQueue : public Queue {
 public:
  void submit(QueuedJob job, Answer answer) override {
    submitted.emplace_back(std::move(job), std::move(answer));
  }
  void abandon(const std::string& job_id) override { abandoned.push_back(job_id); }
  void consume(std::size_t capacity, std::function<void(Delivery)> on_job) override {
    leases = capacity;
    deliver = std::move(on_job);
  }
  void stop_consuming() override { leases = 0; }
  void complete(const Delivery& delivery, std::string json) override {
    completed.emplace_back(delivery.job.id, std::move(json));
  }
  void progress(const Delivery& delivery, const std::string& event) override {
    told.emplace_back(delivery.job.id, event);
  }
  void retry(const Delivery& delivery, const std::string& reason) override {
    retried.emplace_back(delivery.job.id, reason);
  }
  void reject(const Delivery& delivery, const std::string& reason, std::string json) override {
    rejected.emplace_back(delivery.job.id, reason);
    completed.emplace_back(delivery.job.id, std::move(json));
  }
  [[nodiscard]] Status status() const override { return current; }

  using Pairs = std::vector<std::pair<std::string, std::string>>;
  std::vector<std::pair<QueuedJob, Answer>> submitted{};
  std::vector<std::string> abandoned{};
  std::function<void(Delivery)> deliver{};
  std::size_t leases = 0;
  Pairs completed{};
  Pairs told{};
  Pairs retried{};
  Pairs rejected{};
  Status current{.ready = true, .detail = "fake"};
};

}  // namespace executor
