#include "backend/native.hpp"

namespace executor {

Backend::Status NativeBackend::status() const {
  const auto& statistics = client_->statistics();
  Status status;
  status.ready = client_->ready();
  status.detail = client_->detail();
  status.warm = statistics.warm;
  status.warm_wanted = statistics.wanted;
  status.live = statistics.live;
  status.warm_hits = statistics.warm_hits;
  status.warm_misses = statistics.warm_misses;
  status.figures = statistics.figures;
  status.leaks_removed = statistics.leaks_removed;
  return status;
}

}  // namespace executor
