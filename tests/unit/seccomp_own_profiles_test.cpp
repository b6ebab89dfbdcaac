// What the service's own processes may call, to the last entry: whoever gives one back, or takes a condition
// away, changes a list here and says why.
#include <doctest/doctest.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <array>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/sys.hpp"
#include "seccomp/profile.hpp"

namespace executor::seccomp {
namespace {

using Arguments = std::array<std::uint64_t, 6>;

Profile profile_of(const std::string& file) {
  const auto profile = parse_profile(sys::read_file(PROFILES "/" + file).value());
  REQUIRE_MESSAGE(profile.has_value(), file);
  return *profile;
}

std::set<std::string> allowed_in(const std::string& file) {
  std::set<std::string> names;
  for (const Rule& rule : profile_of(file).rules)
    if (rule.action == Action::allow) names.insert(rule.names.begin(), rule.names.end());
  return names;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> found;
  for (std::string word; stream >> word;) found.insert(word);
  return found;
}

struct Tried {
  const char* call;
  Arguments arguments;
  bool passes = true;
};

void hold(const std::string& file, const std::vector<Tried>& table) {
  const Profile profile = profile_of(file);
  for (const Tried& tried : table) {
    std::string shown = file + ": " + tried.call;
    for (const std::uint64_t argument : tried.arguments) shown += " " + std::to_string(argument);
    const Decision decision = decide(profile, syscall_number(tried.call), tried.arguments);
    CHECK_MESSAGE((decision.action == Action::allow) == tried.passes, shown);
  }
}

TEST_CASE("init may reap, say once that it stands, and nothing else") {
  CHECK(allowed_in("init.json") == words("close rt_sigtimedwait wait4 write"));
  constexpr std::uint64_t kNoHangAll = 0x40000001;
  hold("init.json", {{"wait4", {~0ULL, 0, kNoHangAll}},
                     {"wait4", {~0ULL, 0, 0x40000000}, false},
                     {"write", {1, 4096, 8}},
                     {"write", {2, 4096, 8}, false},
                     {"write", {0, 4096, 8}, false}});
}

}  // namespace
}  // namespace executor::seccomp
