// The log's line for each job that has ended, written a moment after its answer.
//
// A line costs as much as a good part of a short test, and whoever waits for a job, its queue's server among
// them, need not wait for that. What a process that is killed in this moment would have written is lost.
//
// Ownership: the log's and the io_context's owner outlives it. Thread safety: the io_context's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "telemetry/log.hpp"

namespace executor {

class JobLog {
 public:
  JobLog(boost::asio::io_context& context, Log& log) : log_(log), timer_(context) {}
  ~JobLog() { flush(); }
  JobLog(const JobLog&) = delete;
  JobLog& operator=(const JobLog&) = delete;

  void add(JobCompleted job);
  /// Writes what waits to be written.
  void flush();

 private:
  Log& log_;
  boost::asio::steady_timer timer_;
  std::vector<JobCompleted> waiting_{};
};

}  // namespace executor
