// A seccomp profile's JSON → rules.
#include <cstdlib>
#include <string_view>

#include "seccomp/profile.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor::seccomp;
  const auto profile = parse_profile({reinterpret_cast<const char*>(data), size});
  if (!profile) return 0;
  if (profile->default_error_number < 1) std::abort();
  for (const Rule& rule : profile->rules)
    if (rule.names.empty() || rule.comment.empty() || (rule.action == Action::fail && rule.error_number == 0))
      std::abort();
  return 0;
}
