// The byte stream between the front and the sandbox in which sources are parsed. Made by the supervisor's
// client; faked in tests.
//
// Thread safety: all calls and all events on the owner's io_context thread. No event comes from inside
// write() or from inside the factory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor {

class ValidatorChannel {
 public:
  struct Events {
    std::function<void(std::string_view)>
        on_bytes;                          ///< what the program in the sandbox wrote, in pieces of any size
    std::function<void(Error)> on_closed;  ///< the sandbox is gone, or never came to be; nothing follows
  };

  /// Ends the sandbox. No event comes from here on.
  virtual ~ValidatorChannel() = default;

  /// Queues bytes for the program's standard input. Bytes written before the sandbox stands are kept.
  virtual void write(std::string bytes) = 0;
};

/// Starts policy_script() in a fresh long-lived sandbox. An Error, here or by on_closed, says why that
/// failed.
using OpenChannel = std::function<Result<std::unique_ptr<ValidatorChannel>>(ValidatorChannel::Events)>;

}  // namespace executor
