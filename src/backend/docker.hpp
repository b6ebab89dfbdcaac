// The Docker backend: each program in a container of its own, which is removed before its outcome is told.
//
// While the engine is away, runs wait for it (at most Options::start_deadline); what it was running fails as
// infrastructure, and its containers are removed when it is back.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <memory>

#include "backend/backend.hpp"
#include "backend/docker_run.hpp"

namespace executor {

class DockerBackend final : public Backend {
 public:
  explicit DockerBackend(std::shared_ptr<docker::Host> host);
  ~DockerBackend() override;
  DockerBackend(const DockerBackend&) = delete;
  DockerBackend& operator=(const DockerBackend&) = delete;

  RunId start(Program program, Done done) override;
  void cancel(RunId id) override;
  [[nodiscard]] std::string name() const override { return "docker"; }
  [[nodiscard]] Status status() const override;

  /// A long-lived container whose standard streams are the caller's. `closed` says why it ended, and is the
  /// last that is heard of it.
  std::shared_ptr<docker::Run> open_channel(Program program, std::function<void(std::string_view)> on_bytes,
                                            std::function<void(Error)> closed);
  /// Called with every change between ready and not; for the trial at the start.
  std::function<void()> on_change{};
  [[nodiscard]] bool refused() const { return host_->refused(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::shared_ptr<docker::Run> run;
    Clock::time_point until;
  };

  void begin_or_wait(std::shared_ptr<docker::Run> run);
  void on_host_change();
  void give_up_waiting();

  std::shared_ptr<docker::Host> host_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  boost::asio::steady_timer patience_;
  std::map<RunId, std::shared_ptr<docker::Run>> runs_{};
  std::deque<Waiting> waiting_{};
  RunId next_id_ = 1;
};

}  // namespace executor
