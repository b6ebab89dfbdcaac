#include "backend/docker_host.hpp"

#include <doctest/doctest.h>

namespace executor::docker {
namespace {

TEST_CASE("a container's owner is told from a later process of the same number, and from another boot's") {
  const std::string own = own_name();
  CHECK(owner_lives(own));
  std::string later = own;
  later.push_back('0');
  CHECK_FALSE(owner_lives(later));
  CHECK_FALSE(owner_lives(own.substr(1)));
  const std::size_t pid = own.find("]/") + 2;
  CHECK_FALSE(owner_lives(own.substr(0, pid) + "0/1"));
  CHECK_FALSE(owner_lives(own.substr(0, pid) + "../self/1"));
  CHECK_FALSE(owner_lives(own.substr(0, pid)));
  CHECK_FALSE(owner_lives(""));
}

TEST_CASE("an owner whose processes are not seen from here is taken for alive") {
  std::string elsewhere = own_name();
  elsewhere.insert(elsewhere.find("pid:[") + 5, "9");
  CHECK(owner_lives(elsewhere));
}

}  // namespace
}  // namespace executor::docker
