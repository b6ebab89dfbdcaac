// One finding of the source policy, as it is shown to the sender.
#pragma once

#include <string>

namespace executor {

struct Violation {
  int line = 0;    ///< 1-based, 0 when the whole source is meant
  int column = 0;  ///< 1-based, in characters
  std::string rule;
  std::string message;
  friend bool operator==(const Violation&, const Violation&) = default;
};

}  // namespace executor
