#include "app/job_log.hpp"

#include <chrono>
#include <utility>

namespace executor {

namespace {
constexpr std::chrono::milliseconds kMoment{3};
}

void JobLog::add(JobCompleted job) {
  waiting_.push_back(std::move(job));
  if (waiting_.size() > 1) return;  // the timer runs
  timer_.expires_after(kMoment);
  timer_.async_wait([this](const boost::system::error_code& code) {
    if (!code) flush();
  });
}

void JobLog::flush() {
  timer_.cancel();
  for (const JobCompleted& job : std::exchange(waiting_, {}))
    log_.info("worker_job_completed", to_fields(job));
}

}  // namespace executor
