#include "app/docker_channel.hpp"

#include <utility>

#include "backend/docker.hpp"
#include "validation/policy_script.hpp"

namespace executor {

namespace {

class DockerChannel final : public ValidatorChannel {
 public:
  explicit DockerChannel(std::shared_ptr<docker::Run> run) : run_(std::move(run)) {}
  ~DockerChannel() override { run_->abandon(); }
  DockerChannel(const DockerChannel&) = delete;
  DockerChannel& operator=(const DockerChannel&) = delete;
  void write(std::string bytes) override { run_->write(std::move(bytes)); }

 private:
  std::shared_ptr<docker::Run> run_;
};

}  // namespace

OpenChannel docker_channels(std::shared_ptr<docker::Host> host) {
  const auto backend = std::make_shared<DockerBackend>(std::move(host));
  return [backend](ValidatorChannel::Events events) -> Result<std::unique_ptr<ValidatorChannel>> {
    Program program;
    program.source = policy_script();
    auto run =
        backend->open_channel(std::move(program), std::move(events.on_bytes), std::move(events.on_closed));
    return std::unique_ptr<ValidatorChannel>(std::make_unique<DockerChannel>(std::move(run)));
  };
}

}  // namespace executor
