#include "rootfs/package_list.hpp"

#include <doctest/doctest.h>

namespace executor::rootfs {
namespace {

std::string package_error(std::string_view text) {
  const auto parsed = parse_package_list(text);
  REQUIRE(parsed.has_error());
  return parsed.error().message();
}

TEST_CASE("a package list is a name and a version a line, with comments") {
  const auto list =
      parse_package_list("# packages\n\nzlib1g 1:1.2.13.dfsg-1\n  libssl3\t3.0.22-1~deb12u2  \n");
  REQUIRE(list.has_value());
  CHECK(*list == std::vector<PackageVersion>{{"zlib1g", "1:1.2.13.dfsg-1"}, {"libssl3", "3.0.22-1~deb12u2"}});
}

TEST_CASE("a wrong line of a package list is named by its number") {
  CHECK(package_error("libc6 2.36\nlibssl3\n") == "line 2: a package name and a version are expected");
  CHECK(package_error("libc6 2.36 amd64\n") == "line 1: a package name and a version are expected");
  CHECK(package_error("libc6 2.36\n\nlibc6 2.37\n") == "line 3: \"libc6\" is listed twice");
}

TEST_CASE("a package name or version that apt-get could take for something else is refused") {
  CHECK(package_error("--help 1.0\n") == "line 1: \"--help\" is no Debian package name");
  CHECK(package_error("../x 1.0\n") == "line 1: \"../x\" is no Debian package name");
  CHECK(package_error("libc6 /etc\n") == "line 1: \"/etc\" is no Debian version");
  CHECK(package_error("libc6 1=2\n") == "line 1: \"1=2\" is no Debian version");
}

TEST_CASE("a list without a package is refused") {
  CHECK(package_error("# none\n") == "no package is listed");
}

TEST_CASE("a pruned path matches a pattern, and a pattern after an exclamation mark keeps it") {
  const PruneList list = parse_prune_list("usr/bin/*\n!usr/bin/python3.11\nusr/share/doc\n").value();
  CHECK(list.removes("usr/bin/sh"));
  CHECK_FALSE(list.removes("usr/bin/python3.11"));
  CHECK(list.removes("usr/share/doc"));
  CHECK_FALSE(list.removes("usr/bin"));
}

TEST_CASE("a star in a prune list does not cross a slash") {
  const PruneList list = parse_prune_list("usr/*/test\n").value();
  CHECK(list.removes("usr/lib/test"));
  CHECK_FALSE(list.removes("usr/lib/python3.11/test"));
}

TEST_CASE("a prune list takes paths below the root only") {
  CHECK(parse_prune_list("/usr\n").error().message() == "line 1: \"/usr\" is no path below the root");
  CHECK(parse_prune_list("!\n").has_error());
  CHECK(parse_prune_list("a b\n").error().message() == "line 1: one pattern is expected");
}

}  // namespace
}  // namespace executor::rootfs
