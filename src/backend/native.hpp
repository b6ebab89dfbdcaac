// The native backend: programs go to the supervisor's process, facts come back (supervisor/client.hpp). The
// local runner is spoken to in the same way.
#pragma once

#include <memory>

#include "backend/backend.hpp"
#include "supervisor/client.hpp"

namespace executor {

class NativeBackend final : public Backend {
 public:
  /// The client is shared with the validator's channel; all on one io_context.
  explicit NativeBackend(std::shared_ptr<supervisor::Client> client, std::string name = "native")
      : client_(std::move(client)), name_(std::move(name)) {}

  RunId start(Program program, Done done) override {
    return client_->run(std::move(program), std::move(done));
  }
  void cancel(RunId id) override { client_->cancel(id); }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] Status status() const override;

 private:
  std::shared_ptr<supervisor::Client> client_;
  std::string name_;
};

}  // namespace executor
