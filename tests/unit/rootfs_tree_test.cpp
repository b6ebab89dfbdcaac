#include "rootfs/tree.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "rootfs_fixture.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

TEST_CASE_FIXTURE(TreeFixture,
                  "what packages put into lib and lib64 ends below usr, with links in their place") {
  write("lib/x86_64-linux-gnu/libc.so.6", "libc");
  write("usr/lib/x86_64-linux-gnu/libssl.so.3", "libssl");
  write("lib64/ld.so", "loader");
  write("sbin/ldconfig", "tool");
  merge_usr(root);
  CHECK(read("usr/lib/x86_64-linux-gnu/libc.so.6") == "libc");
  CHECK(read("usr/lib/x86_64-linux-gnu/libssl.so.3") == "libssl");
  CHECK(fs::read_symlink(root / "lib") == "usr/lib");
  CHECK(fs::read_symlink(root / "lib64") == "usr/lib64");
  CHECK(read("lib64/ld.so") == "loader");
  CHECK(read("usr/sbin/ldconfig") == "tool");
  CHECK_FALSE(has("sbin"));
}

TEST_CASE_FIXTURE(TreeFixture, "pruning removes what is listed and the directories that it empties") {
  write("usr/bin/sh", "");
  write("usr/bin/python3.11", "");
  write("usr/share/doc/libc6/copyright", "");
  prune(root, parse_prune_list("usr/bin/*\n!usr/bin/python3*\nusr/share/doc\n").value());
  CHECK(has("usr/bin/python3.11"));
  CHECK_FALSE(has("usr/bin/sh"));
  CHECK_FALSE(has("usr/share"));
}

TEST_CASE_FIXTURE(TreeFixture,
                  "a link to an absolute path becomes a relative one to the same place in the tree") {
  write("usr/lib/x/loader", "loader");
  write("etc/site.py", "site");
  link("lib", "usr/lib");
  link("usr/lib64/ld.so", "/lib/x/loader");
  link("usr/lib/python/site.py", "/etc/site.py");
  make_links_relative(root);
  CHECK(fs::read_symlink(root / "usr/lib64/ld.so") == "../lib/x/loader");
  CHECK(fs::read_symlink(root / "usr/lib/python/site.py") == "../../../etc/site.py");
  CHECK(read("usr/lib64/ld.so") == "loader");
}

TEST_CASE_FIXTURE(TreeFixture,
                  "a link that leads nowhere in the tree is removed, even if the host has its target") {
  link("usr/passwd", "/etc/passwd");
  link("usr/broken", "nowhere");
  make_links_relative(root);
  CHECK_FALSE(has("usr/passwd"));
  CHECK_FALSE(has("usr/broken"));
}

TEST_CASE_FIXTURE(TreeFixture, "normalising leaves two modes, no setuid bit and one time") {
  write("a/program", "");
  write("a/data", "");
  ::chmod((root / "a/program").c_str(), 06711);
  ::chmod((root / "a/data").c_str(), 0666);
  ::chmod((root / "a").c_str(), 01777);
  normalise(root);
  CHECK(mode_of(root / "a/program") == 0755);
  CHECK(mode_of(root / "a/data") == 0644);
  CHECK(mode_of(root / "a") == 0755);
  CHECK(fs::last_write_time(root / "a/data") == fs::last_write_time(root));
}

TEST_CASE_FIXTURE(TreeFixture, "the mount points are two directories and an empty file") {
  add_mount_points(root);
  CHECK(fs::is_empty(root / "tmp"));
  CHECK(fs::is_regular_file(root / "dev/null"));
  CHECK(fs::file_size(root / "dev/null") == 0);
}

TEST_CASE_FIXTURE(TreeFixture, "the skeleton wins over what packages brought") {
  write("etc/passwd", "of a package");
  fs::create_directories(scratch.path() / "skeleton/etc");
  std::ofstream(scratch.path() / "skeleton/etc/passwd") << "ours";
  add_skeleton(root, scratch.path() / "skeleton");
  CHECK(read("etc/passwd") == "ours");
}

TEST_CASE_FIXTURE(TreeFixture, "a new tree takes an empty place, and changes places with an old one") {
  const fs::path place = scratch.path() / "place";
  write("first", "");
  REQUIRE(exchange(root, place).has_value());
  CHECK(fs::exists(place / "first"));
  CHECK_FALSE(fs::exists(root));
  write("second", "");
  REQUIRE(exchange(root, place).has_value());
  CHECK(fs::exists(place / "second"));
  CHECK(has("first"));
}

TEST_CASE_FIXTURE(TreeFixture,
                  "claiming a directory removes what a killed build left there, and nothing else") {
  write(".python.new.Ab12Cd/root/usr/x", "");
  write("python/usr/x", "");
  const UniqueFd claim = claim_directory(root, ".python.new.").value();
  CHECK_FALSE(has(".python.new.Ab12Cd"));
  CHECK(has("python/usr/x"));
}

TEST_CASE("a scratch directory is private and goes with its owner") {
  fs::path path;
  {
    const ScratchDirectory scratch =
        ScratchDirectory::make(fs::temp_directory_path() / "executor-rootfs-test.").value();
    path = scratch.path();
    CHECK(mode_of(path) == 0700);
    std::ofstream(path / "file") << "content";
  }
  CHECK_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace executor::rootfs
