#include "rootfs/manifest.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <functional>

#include "rootfs/builder.hpp"
#include "rootfs/digest.hpp"
#include "rootfs_fixture.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;
using Kind = Difference::Kind;

struct RecordedTree : TreeFixture {
  Manifest manifest;

  RecordedTree() {
    write("usr/bin/python3.11", "an interpreter");
    write("etc/passwd", "root:x:0:0\n");
    link("usr/bin/python3", "python3.11");
    fs::create_directory(root / "tmp");
    normalise(root);
    manifest = {
        .runtime = "python", .recipe = sha256("lists"), .packages = {{"libc6", "2.36-9", sha256("deb")}}};
    manifest.paths = scan_tree(root).value();
  }

  [[nodiscard]] std::vector<Difference> differences() const { return check_tree(root, manifest).value(); }

  /// The only difference there is.
  [[nodiscard]] Difference difference() const {
    const std::vector<Difference> all = differences();
    REQUIRE(all.size() == 1);
    return all[0];
  }
};

/// The manifest's JSON with one piece of text replaced by another.
std::string edited(const Manifest& manifest, const std::string& from, const std::string& to) {
  std::string text = to_json(manifest);
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE_FIXTURE(RecordedTree, "a tree agrees with the manifest that was made of it") {
  CHECK(differences().empty());
}

TEST_CASE_FIXTURE(RecordedTree, "a manifest records type, mode, size, digest and target of every path") {
  CHECK(manifest.paths.size() == 7);
  CHECK(manifest.paths.at("usr") == PathRecord{.type = PathType::directory, .mode = 0755});
  CHECK(manifest.paths.at("etc/passwd") ==
        PathRecord{.mode = 0644, .size = 11, .sha256 = sha256("root:x:0:0\n")});
  CHECK(manifest.paths.at("usr/bin/python3") == PathRecord{.type = PathType::link, .target = "python3.11"});
  CHECK(manifest.file_count() == 2);
  CHECK(manifest.total_size() == 25);
}

TEST_CASE("SHA-256 of known bytes is the published one") {
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE_FIXTURE(RecordedTree, "a file changed without changing its size is found") {
  write("etc/passwd", "root:x:1:0\n");
  CHECK(difference().kind == Kind::content);
  CHECK(difference().path == "etc/passwd");
}

TEST_CASE_FIXTURE(RecordedTree, "an extra file is found") {
  write("usr/bin/sh", "");
  ::chmod((root / "usr/bin/sh").c_str(), 0755);
  CHECK(difference().message() == "extra: usr/bin/sh");
}

TEST_CASE_FIXTURE(RecordedTree, "a missing file is found") {
  fs::remove(root / "etc/passwd");
  CHECK(difference().message() == "missing: etc/passwd");
}

TEST_CASE_FIXTURE(RecordedTree, "a link that leads elsewhere is found") {
  fs::remove(root / "usr/bin/python3");
  link("usr/bin/python3", "/usr/bin/python3");
  CHECK(difference().message() ==
        "link: usr/bin/python3 (leads to \"/usr/bin/python3\", recorded as \"python3.11\")");
}

TEST_CASE_FIXTURE(RecordedTree, "a wider mode is found") {
  ::chmod((root / "etc/passwd").c_str(), 0666);
  CHECK(difference().message() == "mode: etc/passwd (mode 0666, recorded as 0644)");
}

TEST_CASE_FIXTURE(RecordedTree, "a file replaced by a directory is found") {
  fs::remove(root / "etc/passwd");
  fs::create_directory(root / "etc/passwd");
  CHECK(difference().message() == "type: etc/passwd (a directory, recorded as a file)");
}

TEST_CASE_FIXTURE(RecordedTree, "a setuid bit is found even when the manifest records it") {
  ::chmod((root / "usr/bin/python3.11").c_str(), 04755);
  manifest.paths = scan_tree(root).value();
  CHECK(difference().message() == "privileged: usr/bin/python3.11 (mode 4755)");
}

TEST_CASE_FIXTURE(RecordedTree, "a tree with a pipe in it is refused") {
  REQUIRE(::mkfifo((root / "tmp/pipe").c_str(), 0644) == 0);
  CHECK(check_tree(root, manifest).has_error());
}

TEST_CASE_FIXTURE(RecordedTree, "a check of no directory is an error and not a difference") {
  CHECK(check_tree(root / "nowhere", manifest).has_error());
}

TEST_CASE_FIXTURE(RecordedTree, "a manifest written and read is the same") {
  const fs::path file = manifest_path(root);
  CHECK(file == scratch.path() / "root.manifest.json");
  REQUIRE(write_manifest(file, manifest).has_value());
  CHECK(read_manifest(file).value() == manifest);
}

TEST_CASE("the manifest of a directory stands beside it, with and without a slash at its end") {
  CHECK(manifest_path("/a/python") == "/a/python.manifest.json");
  CHECK(manifest_path("/a/python/") == "/a/python.manifest.json");
}

TEST_CASE_FIXTURE(RecordedTree, "a manifest with anything but what belongs there is refused by name") {
  const auto message = [&](const std::string& from, const std::string& to) {
    const auto parsed = parse_manifest(edited(manifest, from, to));
    REQUIRE(parsed.has_error());
    return parsed.error().message();
  };
  CHECK(message("\"schema\": 1", "\"schema\": 2") == "the schema is not 1: build the root again");
  CHECK(message("\"recipe\"", "\"receipt\"") == "the manifest has no \"recipe\"");
  CHECK(message("\"runtime\": \"python\"", "\"runtime\": 3") ==
        "\"runtime\" of the manifest is not a string");
  CHECK(message("\"schema\": 1", "\"schema\": 1, \"owner\": 0") == "\"owner\" is no key of the manifest");
  CHECK(message("\"0755\"", "\"0798\"") == "\"0798\" is no mode");
  CHECK(message("\"type\": \"link\"", "\"type\": \"socket\"") == "\"socket\" is no type of path");
  CHECK(message("\"size\": 11", "\"size\": 12") == "the sizes do not add up");
  CHECK(message("\"size\": 11", "\"size\": -11") == "\"size\" of a path is not a whole number");
}

TEST_CASE("text that is no JSON is refused") { CHECK(parse_manifest("{\"schema\": 1,").has_error()); }

TEST_CASE("a root whose Python is not the one that is embedded is warned about") {
  const Manifest manifest{.runtime = "python",
                          .packages = {{"libpython3.11-minimal", "3.11.2-6+deb12u9", ""}}};
  CHECK(version_warnings(manifest, "3.11.2-6+deb12u9").empty());
  CHECK(version_warnings(manifest, "").empty());
  REQUIRE(version_warnings(manifest, "3.11.2-6+deb12u8").size() == 1);
  CHECK(version_warnings(manifest, "3.11.2-6+deb12u8")[0].find("the zygote embeds 3.11.2-6+deb12u8") !=
        std::string::npos);
}

}  // namespace
}  // namespace executor::rootfs
