#include <doctest/doctest.h>

#include "cgroup/layout.hpp"

namespace executor::cgroup {
namespace {

constexpr const char* kUnifiedMounts =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kHybridMounts =
    "31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 23 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "34 23 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

TEST_CASE("a unified hierarchy with its controllers is preferred") {
  const auto placement =
      find_placement("0::/system.slice/executor.service\n", kUnifiedMounts, "cpu memory pids\n");
  REQUIRE(placement.has_value());
  CHECK(placement->version == 2);
  CHECK(placement->groups == std::vector<std::string>{"/sys/fs/cgroup/system.slice/executor.service"});
  CHECK(placement->unified_root == "/sys/fs/cgroup");
}

TEST_CASE("a hybrid host is served by its v1 controllers") {
  const auto placement =
      find_placement("4:memory:/a/b\n3:pids:/\n2:cpu,cpuacct:/c\n0::/\n", kHybridMounts, "");
  REQUIRE(placement.has_value());
  CHECK(placement->version == 1);
  CHECK(placement->groups == std::vector<std::string>{"/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/pids",
                                                      "/sys/fs/cgroup/cpu,cpuacct/c",
                                                      "/sys/fs/cgroup/cpu,cpuacct/c"});
}

TEST_CASE("a controller that is nowhere is named") {
  const auto placement = find_placement("0::/\n", kUnifiedMounts, "cpu pids\n");
  REQUIRE_FALSE(placement.has_value());
  CHECK(placement.error().what.find("\"memory\"") != std::string::npos);
}

TEST_CASE("a mount that shows a part of the hierarchy is followed") {
  const char* const mounts = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  CHECK(own_unified_group("0::/docker/abc/x\n", mounts) == "/sys/fs/cgroup/x");
  CHECK(own_unified_group("0::/docker/abc\n", mounts) == "/sys/fs/cgroup");
}

TEST_CASE("without a cgroup2 mount there is no unified group") {
  CHECK(own_unified_group("0::/\n", "").empty());
}

}  // namespace
}  // namespace executor::cgroup
