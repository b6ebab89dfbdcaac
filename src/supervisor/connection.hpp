// How the front reaches supervisors.
#pragma once

#include <cstdint>

#include "base/unique_fd.hpp"

namespace executor::supervisor {

struct Connection {
  UniqueFd link;                    ///< to the steward: each message brings the socket of a fresh supervisor
  UniqueFd first;                   ///< the first supervisor, which has said that it is ready
  std::uint64_t leaks_removed = 0;  ///< cgroups of dead services that the start found
};

}  // namespace executor::supervisor
