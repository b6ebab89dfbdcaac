#include "rootfs/archive.hpp"

#include <doctest/doctest.h>

#include "rootfs/digest.hpp"
#include "rootfs_fixture.hpp"

namespace executor::rootfs {
namespace {

using Packages = std::vector<PackageVersion>;

void ignore(const std::string& /*line*/) {}

TEST_CASE("a package's file name spells the colon of its epoch") {
  CHECK(package_file_name({"zlib1g", "1:1.2.13.dfsg-1"}, "amd64") == "zlib1g_1%3a1.2.13.dfsg-1_amd64.deb");
}

TEST_CASE("what apt-cache madison prints gives the binary packages on offer") {
  CHECK(
      parse_madison("     libc6 | 2.36-9+deb12u14 | http://archive bookworm/main amd64 Packages\n"
                    "     glibc | 2.36-9+deb12u14 | http://archive bookworm/main Sources\n"
                    "     libc6 | 2.36-9+deb12u7 | http://archive bookworm-security/main amd64 Packages\n") ==
      Packages{{"libc6", "2.36-9+deb12u14"}, {"libc6", "2.36-9+deb12u7"}});
}

TEST_CASE("what apt-get prints as addresses gives names and versions") {
  CHECK(
      parse_uris(
          "'http://archive/libc6_2.36-9%2bdeb12u14_amd64.deb' libc6_2.36-9+deb12u14_amd64.deb 27 SHA256:00\n"
          "'http://archive/libcrypt1_4.4.33-2_amd64.deb' libcrypt1_1%3a4.4.33-2_amd64.deb 89 SHA256:00\n"
          "Reading package lists...\n") ==
      Packages{{"libc6", "2.36-9+deb12u14"}, {"libcrypt1", "1:4.4.33-2"}});
}

TEST_CASE_FIXTURE(TreeFixture, "a cached package that agrees with its digest is used without asking apt") {
  write("nothing-of-debian_1.0_all.deb", "content");
  write("nothing-of-debian_1.0_all.deb.sha256", sha256("content") + "\n");
  const auto packages =
      fetch_packages({{"nothing-of-debian", "1.0"}}, root, VersionChoice::listed_or_candidate, &ignore);
  REQUIRE(packages.has_value());
  REQUIRE(packages->size() == 1);
  CHECK(packages->front().file == root / "nothing-of-debian_1.0_all.deb");
  CHECK(packages->front().sha256 == sha256("content"));
}

}  // namespace
}  // namespace executor::rootfs
