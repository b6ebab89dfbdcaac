#include "executor/runner.hpp"

#include <boost/asio/io_context.hpp>
#include <optional>

#include "backend/native_start.hpp"
#include "supervisor/client.hpp"

namespace executor {

struct Runner::State {
  explicit State(supervisor::StewardHandle steward) : handle(std::move(steward)) {}
  supervisor::StewardHandle handle;
  boost::asio::io_context context;
  std::unique_ptr<supervisor::Client> client;
};

Runner::Runner(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Runner>> Runner::start(const RunnerOptions& options) {
  NativeOptions native;
  native.warm_pool = options.warm_pool;
  native.defaults = options.defaults;
  auto handle = start_native(native);
  if (!handle) return handle.error();
  auto state = std::make_unique<State>(std::move(*handle));
  state->client = std::make_unique<supervisor::Client>(state->context, std::move(state->handle.connection));
  return std::unique_ptr<Runner>(new Runner(std::move(state)));
}

Runner::~Runner() {
  state_->client.reset();
  supervisor::wait_for_end(state_->handle);
}

Result<Outcome> Runner::run(const Program& program) {
  std::optional<Result<Outcome>> answer;
  state_->client->run(program, [&answer](Result<Outcome> outcome) { answer.emplace(std::move(outcome)); });
  state_->context.restart();
  while (!answer && state_->context.run_one() > 0) {
  }
  if (!answer) return errno_error("wait for the sandbox supervisor", ECONNRESET);
  return std::move(*answer);
}

}  // namespace executor
