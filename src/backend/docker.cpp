#include "backend/docker.hpp"

#include <algorithm>
#include <utility>

namespace executor {

using docker::Run;

DockerBackend::DockerBackend(std::shared_ptr<docker::Host> host)
    : host_(std::move(host)), patience_(host_->context()) {
  host_->start([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) on_host_change();
  });
}

DockerBackend::~DockerBackend() {
  alive_.reset();
  for (const auto& [id, run] : std::exchange(runs_, {})) run->abandon();
}

Backend::RunId DockerBackend::start(Program program, Done done) {
  const RunId id = next_id_++;
  auto run = std::make_shared<Run>(
      host_, std::move(program),
      [this, alive = std::weak_ptr(alive_), id, done = std::move(done)](Result<Outcome> outcome) {
        if (!alive.expired()) runs_.erase(id);
        done(std::move(outcome));
      });
  runs_[id] = run;
  begin_or_wait(std::move(run));
  return id;
}

void DockerBackend::cancel(RunId id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  const auto run = found->second;
  std::erase_if(waiting_, [&run](const Waiting& waiting) { return waiting.run == run; });
  run->stop(Ending::cancelled);
}

Backend::Status DockerBackend::status() const {
  Status status;
  status.ready = host_->ready();
  status.detail = host_->detail();
  status.live = runs_.size() - std::min(runs_.size(), waiting_.size());
  status.warm = host_->warm();
  status.warm_hits = host_->warm_hits();
  status.warm_misses = next_id_ - 1 - status.warm_hits;
  status.leaks_removed = host_->leaks_removed();
  return status;
}

std::shared_ptr<Run> DockerBackend::open_channel(Program program,
                                                 std::function<void(std::string_view)> on_bytes,
                                                 std::function<void(Error)> closed) {
  auto run = std::make_shared<Run>(
      host_, std::move(program), [closed = std::move(closed)](const Result<Outcome>& outcome) {
        closed(outcome ? errno_error("the channel's program ended", ECHILD) : outcome.error());
      });
  run->become_channel(std::move(on_bytes));
  begin_or_wait(run);
  return run;
}

void DockerBackend::begin_or_wait(std::shared_ptr<Run> run) {
  if (host_->ready()) return run->start();
  waiting_.push_back({std::move(run), Clock::now() + host_->options().start_deadline});
  if (waiting_.size() == 1) give_up_waiting();
}

void DockerBackend::on_host_change() {
  if (host_->ready()) {
    patience_.cancel();
    for (const Waiting& waiting : std::exchange(waiting_, {})) waiting.run->start();
  }
  if (on_change) on_change();
}

/// Fails those that have waited long enough, and comes back for the next.
void DockerBackend::give_up_waiting() {
  while (!waiting_.empty() && waiting_.front().until <= Clock::now()) {
    const auto run = std::move(waiting_.front().run);
    waiting_.pop_front();
    run->fail(
        Error("wait for the Docker engine: " + host_->detail(), std::make_error_code(std::errc::timed_out)));
  }
  if (waiting_.empty()) return;
  patience_.expires_at(waiting_.front().until);
  patience_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& code) {
    if (!code && !alive.expired()) give_up_waiting();
  });
}

}  // namespace executor
