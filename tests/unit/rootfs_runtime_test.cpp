#include "rootfs/runtime.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv

#include "rootfs_fixture.hpp"

namespace executor::rootfs {
namespace {

constexpr const char* kRuntime =
    R"({"name": "python", "extension": "py", "argv": ["/usr/bin/python3", "main.py"],
 "warm": "zygote", "seccompProfile": "python.json", "processesProfile": "python-processes.json",
 "environment": {"LANG": "C.UTF-8"}})";

std::string message_with(const std::string& from, const std::string& to) {
  std::string text = kRuntime;
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  const auto parsed = parse_runtime_manifest(text.replace(at, from.size(), to));
  REQUIRE(parsed.has_error());
  return parsed.error().message();
}

TEST_CASE("a runtime manifest gives all its fields") {
  const RuntimeManifest runtime = parse_runtime_manifest(kRuntime).value();
  CHECK(runtime.name == "python");
  CHECK(runtime.extension == "py");
  CHECK(runtime.argv == std::vector<std::string>{"/usr/bin/python3", "main.py"});
  CHECK(runtime.warm == WarmMode::zygote);
  CHECK(runtime.seccomp_profile == "python.json");
  CHECK(runtime.processes_profile == "python-processes.json");
  CHECK(runtime.environment == std::map<std::string, std::string>{{"LANG", "C.UTF-8"}});
}

TEST_CASE("a runtime manifest with a wrong key or type is refused by the key's name") {
  CHECK(message_with("\"name\"", "\"title\"") == "the runtime has no \"name\"");
  CHECK(message_with("\"warm\"", "\"limits\": {}, \"warm\"") == "\"limits\" is no key of the runtime");
  CHECK(message_with("\"py\"", "7") == "\"extension\" of the runtime is not a string");
  CHECK(message_with("\"C.UTF-8\"", "1") == "\"LANG\" of \"environment\" is not a string");
  CHECK(message_with("\"LANG\"", "\"A=B\"") == "\"A=B\" is no name of a variable");
  CHECK(message_with("\"main.py\"", "null") == "\"argv\" holds something but strings");
}

TEST_CASE("what is started ahead has a command of its own") {
  std::string text = kRuntime;
  text.replace(text.find("\"zygote\""), 8,
               R"("prestart", "prestartArgv": ["/usr/bin/node", "--require", "/boot.js"])");
  CHECK(parse_runtime_manifest(text).value().prestart_argv ==
        std::vector<std::string>{"/usr/bin/node", "--require", "/boot.js"});
  CHECK(message_with("\"zygote\"", "\"prestart\"") == "the runtime has no \"prestartArgv\"");
  CHECK(message_with("\"zygote\"", R"("prestart", "prestartArgv": ["node"])") ==
        "\"prestartArgv\" does not begin with an absolute path");
  CHECK(message_with("\"zygote\"", R"("zygote", "prestartArgv": ["/x"])") ==
        "\"prestartArgv\" is no key of the runtime");
}

TEST_CASE("a runtime manifest with values that cannot be meant is refused") {
  CHECK(message_with("\"zygote\"", "\"hot\"") == "\"warm\" is none of none, zygote, prestart: \"hot\"");
  CHECK(message_with("\"/usr/bin/python3\"", "\"python3\"") ==
        "\"argv\" does not begin with an absolute path");
  CHECK(message_with("\"python.json\"", "\"../python.json\"") == "\"../python.json\" is no file name");
  CHECK(message_with("\"python\"", "\"../python\"") == "\"../python\" is no name of a runtime");
}

TEST_CASE("text that is no JSON object is no runtime manifest") {
  CHECK(parse_runtime_manifest("[]").error().message() == "the runtime is no object");
  CHECK(parse_runtime_manifest("{").has_error());
}

TEST_CASE("the name of a runtime is a plain word") {
  CHECK(is_runtime_name("python"));
  CHECK(is_runtime_name("node-20"));
  CHECK_FALSE(is_runtime_name(""));
  CHECK_FALSE(is_runtime_name("20"));
  CHECK_FALSE(is_runtime_name("a/b"));
  CHECK_FALSE(is_runtime_name(std::string(33, 'a')));
}

TEST_CASE_FIXTURE(TreeFixture, "a runtime manifest of another name than asked for is refused") {
  write("runtime.json", kRuntime);
  CHECK(load_runtime_manifest(root / "runtime.json", "python").value().name == "python");
  CHECK(load_runtime_manifest(root / "runtime.json", "node").has_error());
  CHECK(load_runtime_manifest(root / "missing.json", "python").has_error());
}

TEST_CASE_FIXTURE(TreeFixture, "every manifest is a runtime, Python first, and a bad one is an error") {
  const auto named = [](const std::string& name) {
    std::string text = kRuntime;
    return text.replace(text.find("python"), 6, name);
  };
  ::setenv("EXECUTOR_DATA_DIR", root.c_str(), 1);
  write("rootfs/python/runtime.json", kRuntime);
  write("rootfs/lua/runtime.json", named("lua"));
  write("rootfs/notes.txt", "no runtime");
  const auto runtimes = load_runtime_manifests();
  write("rootfs/ruby/runtime.json", named("perl"));
  const auto broken = load_runtime_manifests();
  ::unsetenv("EXECUTOR_DATA_DIR");
  REQUIRE(runtimes.has_value());
  REQUIRE(runtimes->size() == 2);
  CHECK(runtimes->at(0).name == "python");
  CHECK(runtimes->at(1).name == "lua");
  CHECK(broken.has_error());
}

TEST_CASE_FIXTURE(TreeFixture, "a runtime is built where its first program stands in its root") {
  const RuntimeManifest runtime = parse_runtime_manifest(kRuntime).value();
  ::setenv("EXECUTOR_ROOTFS_DIR", root.c_str(), 1);
  const bool before = is_built(runtime);
  write("python/usr/bin/python3", "");
  const bool after = is_built(runtime);
  ::unsetenv("EXECUTOR_ROOTFS_DIR");
  CHECK_FALSE(before);
  CHECK(after);
}

}  // namespace
}  // namespace executor::rootfs
