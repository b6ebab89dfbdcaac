// The kernel's texts: flat keyed files and single values of control groups, /proc/self/cgroup, mountinfo,
// status.
#include <string_view>

#include "cgroup/hierarchy.hpp"
#include "cgroup/layout.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor::cgroup;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* key : {"oom_kill", "usage_usec", ""}) (void)flat_keyed_value(text, key);
  (void)single_value(text);
  const std::string_view first = text.substr(0, text.find('\0'));
  const std::string_view rest = text.substr(std::min(size, first.size() + 1));
  // the controllers are those of the group that was found, so there are none where none was
  const bool unified = !own_unified_group(first, rest).empty();
  (void)find_placement(first, rest, unified ? "cpu memory pids\n" : "");
  (void)find_placement(first, rest, "");
  return 0;
}
