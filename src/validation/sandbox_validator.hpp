// The validator of the service: asks policy.py, which runs in a long-lived sandbox of its own, and remembers
// answers.
//
//   closed ──open──▶ starting ──{"ready"}──▶ idle ◀──▶ busy (one request in the sandbox, the others wait in
//   order)
//      ▲                │                     │          │
//      └────────────────┴── closed, deadline, nonsense ──┘
//
// With one request in the sandbox at a time, a crash is that request's and nobody else's: it gets a violation
// of rule "parser" and the next one a fresh sandbox. A sandbox that never gets ready is an infrastructure
// failure instead: it is tried once more, then everybody who waits is told so by an Error.
//
// Thread safety: all on the thread of the executor given. Ownership: owns the channel; may be destroyed at
// any time but from inside a callback, and then `done` of what is pending is never called.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/limits.hpp"
#include "validation/channel.hpp"
#include "validation/frame.hpp"
#include "validation/report_cache.hpp"
#include "validation/validator.hpp"

namespace executor {

/// What programs may use. A list of "*" alone allows all.
struct SourcePolicy {
  bool enabled = true;  ///< false: nothing is looked for but syntax errors
  std::vector<std::string> modules{"math", "random", "statistics"};
  std::optional<std::vector<std::string>>
      builtins{};  ///< nothing: all but those that reach files, code or frames
};

struct SandboxValidatorOptions {
  SourcePolicy policy{};
  std::vector<std::string> languages{"python"};       ///< those that have a policy; others pass unseen
  std::chrono::milliseconds start_deadline{30'000};   ///< from opening a channel to its being ready
  std::chrono::milliseconds request_deadline{5'000};  ///< from handing over a source to its answer
  std::size_t answer_max = 1 * kMiB;                  ///< bytes of one answer
  std::size_t max_waiting = 1024;                     ///< requests; more are refused with no_buffer_space
  std::size_t requests_per_channel = 10'000;          ///< then a fresh sandbox takes over
  /// Then as well, once nobody waits: what this one was forked from may have been replaced, and its memory
  /// lives on in this one alone.
  std::chrono::milliseconds channel_lifetime = std::chrono::minutes(10);
  std::size_t cache_entries = 4096;
  std::size_t cache_bytes = 16 * kMiB;  ///< of violations and code in the cache
  std::size_t code_max = 0;             ///< bytes of one source's code that are asked for; 0: of none
};

class SandboxValidator : public Validator {
 public:
  SandboxValidator(boost::asio::any_io_executor executor, OpenChannel open_channel,
                   SandboxValidatorOptions options);
  ~SandboxValidator() override;
  SandboxValidator(const SandboxValidator&) = delete;
  SandboxValidator& operator=(const SandboxValidator&) = delete;

  /// Opens the sandbox ahead of the first request. Not needed, but that request is faster then.
  void start();

  void validate(std::string language, std::string source, Done done) override;

  struct Status {
    bool ready = false;       ///< a sandbox stands and has answered
    std::string detail;       ///< why the last one went away, for /health; empty when none did
    std::size_t waiting = 0;  ///< requests, the one in the sandbox included
    std::uint64_t cache_hits = 0;
    std::uint64_t checked = 0;   ///< answers from the sandbox
    std::uint64_t restarts = 0;  ///< sandboxes lost to a crash, a deadline or nonsense
  };
  [[nodiscard]] Status status() const;

 private:
  enum class State { closed, starting, idle, busy };
  enum class Loss { ended, nonsense, slow };
  struct Request {
    SourceKey key;
    std::string source;
    Done done;
    bool tried = false;  ///< a sandbox has ended over it
  };

  void open();
  void close();
  void replace();
  void age();
  void hand_over();
  void on_bytes(std::string_view bytes);
  void on_frame(const std::string& body);
  void on_answer(const std::string& body);
  void lose(const std::string& why, Loss loss);
  void fail_all(const Error& error);
  void answer(Done done, Result<ValidationReport> result);
  void arm(std::chrono::milliseconds deadline);
  void disarm();
  [[nodiscard]] std::string configuration() const;

  boost::asio::any_io_executor executor_;
  OpenChannel open_channel_;
  SandboxValidatorOptions options_;
  boost::asio::steady_timer timer_, age_timer_;
  std::uint64_t timer_round_ = 0;
  ReportCache cache_;

  State state_ = State::closed;
  std::unique_ptr<ValidatorChannel> channel_{};
  std::shared_ptr<bool> open_since_{};  // one for each channel: events of earlier ones find it changed
  FrameReader frames_;
  std::size_t served_ = 0;         // by this channel
  bool old_ = false;               // this channel: past its lifetime
  bool start_failed_ = false;      // the channel before this one never got ready
  std::deque<Request> waiting_{};  // in state busy, the first one is in the sandbox
  Status counters_{};
};

}  // namespace executor
