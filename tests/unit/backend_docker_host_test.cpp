#include "backend/docker_host.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

namespace executor::docker {
namespace {

/// The four parts of a name: boot, PID namespace, pid, start time.
std::vector<std::string> parts_of(const std::string& name) {
  std::istringstream text(name);
  std::vector<std::string> parts(4);
  for (std::string& part : parts) std::getline(text, part, '/');
  return parts;
}

std::string joined(const std::vector<std::string>& parts) {
  std::ostringstream text;
  text << parts[0] << '/' << parts[1] << '/' << parts[2] << '/' << parts[3];
  return text.str();
}

/// Whether the owner lives whose name is ours but for one part.
bool lives_with(std::size_t part, const std::string& value) {
  auto parts = parts_of(own_name());
  parts[part] = value;
  return owner_lives(joined(parts));
}

TEST_CASE("a container's owner is told from a later process of the same number, and from another boot's") {
  CHECK(joined(parts_of(own_name())) == own_name());
  CHECK(owner_lives(own_name()));
  CHECK_FALSE(lives_with(0, "another boot"));
  CHECK_FALSE(lives_with(2, "0"));
  CHECK_FALSE(lives_with(2, "self"));
  CHECK_FALSE(lives_with(2, ""));
  CHECK_FALSE(lives_with(3, "1"));
  CHECK_FALSE(lives_with(3, ""));
  CHECK_FALSE(owner_lives(""));
}

TEST_CASE("an owner whose processes are not seen from here is taken for alive") {
  CHECK(lives_with(1, "pid:[1]"));
}

}  // namespace
}  // namespace executor::docker
