#include <doctest/doctest.h>

#include <limits>

#include "cgroup/files.hpp"
#include "cgroup/hierarchy.hpp"

namespace executor::cgroup {
namespace {

TEST_CASE("a value is found by its whole key") {
  const char* const events = "low 0\nhigh 0\nmax 31\noom 2\noom_kill 1\noom_group_kill 7\n";
  CHECK(flat_keyed_value(events, "oom_kill").value() == 1);
  CHECK(flat_keyed_value(events, "oom").value() == 2);
  CHECK(flat_keyed_value(events, "low").value() == 0);
}

TEST_CASE("a missing key is an error") {
  CHECK_FALSE(flat_keyed_value("low 0\n", "oom_kill").has_value());
  CHECK_FALSE(flat_keyed_value("", "oom_kill").has_value());
  CHECK_FALSE(flat_keyed_value("oom_kill", "oom_kill").has_value());
}

TEST_CASE("single values are whole numbers or max") {
  CHECK(single_value("4096\n").value() == 4096);
  CHECK(single_value("max\n").value() == std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", "\n", "-1\n", "12x\n", " 12\n", "99999999999999999999\n"})
    CHECK_FALSE(single_value(bad).has_value());
}

TEST_CASE("a CPU quota is given for a period of 100 ms and never below the kernel's minimum") {
  CHECK(quota_us(1'000'000'000) == 100'000);
  CHECK(quota_us(2'500'000'000) == 250'000);
  CHECK(quota_us(500'000'000) == 50'000);
  CHECK(quota_us(1) == 1000);
}

}  // namespace
}  // namespace executor::cgroup
