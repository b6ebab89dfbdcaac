#include "rootfs/paths.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv

#include "rootfs_fixture.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_CASE("the environment says where roots and shipped data are") {
  const Variable rootfs("EXECUTOR_ROOTFS_DIR", "/some/roots");
  const Variable data("EXECUTOR_DATA_DIR", "/some/data");
  CHECK(rootfs_directory("python") == "/some/roots/python");
  CHECK(data_directory() == "/some/data");
}

TEST_CASE(
    "an executable of a build tree has roots and packages beside that tree, and data in the source tree") {
  const fs::path self = fs::read_symlink("/proc/self/exe");
  const fs::path build = find_build_tree(self.parent_path()).value();
  CHECK(rootfs_directory("python") == build.parent_path() / "rootfs/python");
  CHECK(package_cache_directory() == build.parent_path() / "cache/debs");
  CHECK(fs::is_regular_file(data_directory() / "rootfs/python/packages.txt"));
}

TEST_CASE_FIXTURE(TreeFixture, "a build tree is found from below it, and names its source tree") {
  write("build/release/CMakeCache.txt",
        "A:BOOL=ON\nCMAKE_HOME_DIRECTORY:INTERNAL=" + (root / "source").string() + "\n");
  fs::create_directories(root / "build/release/tests/unit");
  CHECK(find_build_tree(root / "build/release/tests/unit") == root / "build/release");
  CHECK(find_build_tree(root / "build") == std::nullopt);
  CHECK(source_tree_of(root / "build/release") == std::nullopt);
  fs::create_directories(root / "source/seccomp-profiles");
  CHECK(source_tree_of(root / "build/release") == root / "source");
}

}  // namespace
}  // namespace executor::rootfs
