#include "backend/docker_messages.hpp"

#include <doctest/doctest.h>
#include <linux/filter.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "backend/bootstrap/filter_marks.hpp"
#include "backend/bootstrap/hand_over.hpp"
#include "base/archive.hpp"
#include "base/sys.hpp"

namespace executor::docker {
namespace {

using nlohmann::json;
using std::chrono::nanoseconds;

const std::string kNonce = "0123456789abcdef0123456789abcdef";

/// A profile of a few calls, as the shipped ones are written.
std::string profile(const std::string& rules) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
             "syscalls": [)" +
         rules + "]}";
}
const std::string kReadWrite =
    R"({"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "comment": "i/o"})";

std::string frame(char stream, const std::string& body) {
  std::string head(8, '\0');
  head[0] = stream;
  head[6] = static_cast<char>(body.size() >> 8U);
  head[7] = static_cast<char>(body.size());
  return head + body;
}

/// What a demultiplexer makes of the bytes, fed in pieces of this size: {stdout, stderr}; nothing: refused.
std::optional<std::pair<std::string, std::string>> demultiplexed(std::string_view bytes, std::size_t piece) {
  Demultiplexer demultiplexer;
  std::pair<std::string, std::string> streams;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const bool good = demultiplexer.feed(bytes.substr(at, piece), [&](bool is_stderr, std::string_view part) {
      (is_stderr ? streams.second : streams.first) += part;
    });
    if (!good) return std::nullopt;
  }
  return streams;
}

std::size_t count_constant(const std::string& filter, std::uint32_t constant) {
  std::size_t found = 0;
  for (std::size_t at = 0; at + sizeof(sock_filter) <= filter.size(); at += sizeof(sock_filter)) {
    sock_filter instruction{};
    std::memcpy(&instruction, filter.data() + at, sizeof instruction);
    found += instruction.k == constant;
  }
  return found;
}

std::string report(const std::string& kind, const std::string& value, const std::string& oom = "0000000000") {
  return kNonce + ":" + kind + ":" + value +
         ":00000000000000001000:00000000000000002000:" + "00000000000000003000:" + oom + "\n";
}

TEST_CASE("a stream is cut into its two however its bytes arrive") {
  const std::string bytes =
      frame(1, "out") + frame(2, "err") + frame(1, "") + frame(1, std::string(700, 'x'));
  for (const std::size_t piece : {1U, 3U, 7U, 8U, 9U, 1000U}) {
    const auto streams = demultiplexed(bytes, piece);
    REQUIRE(streams.has_value());
    CHECK(streams->first == "out" + std::string(700, 'x'));
    CHECK(streams->second == "err");
  }
}

TEST_CASE("bytes that are no such stream are refused") {
  CHECK_FALSE(demultiplexed(frame(0, "x"), 100).has_value());
  CHECK_FALSE(demultiplexed(frame(3, "x"), 100).has_value());
  CHECK_FALSE(demultiplexed("HTTP/1.1 400", 1).has_value());
}

TEST_CASE("a report is taken off the end, and only behind its nonce") {
  std::string bytes = "words\n" + report("1", "011", "0000000002");
  REQUIRE(report("1", "011").size() == kReportSize);
  const auto found = take_report(bytes, kNonce);
  REQUIRE(found.has_value());
  CHECK(bytes == "words\n");
  CHECK(found->kind == Report::Kind::signalled);
  CHECK(found->value == 11);
  CHECK(found->cpu_time == nanoseconds(1000));
  CHECK(found->memory_peak == 2000);
  CHECK(found->maxrss == 3000);
  CHECK(found->oom_kills == 2);

  std::string other = report("0", "000");
  CHECK_FALSE(take_report(other, std::string(32, 'f')).has_value());
  CHECK(other.size() == kReportSize);
  std::string forged = report("0", "000") + "x";
  CHECK_FALSE(take_report(forged, kNonce).has_value());
  for (std::string wrong : {report("9", "000"), report("0", "0x1"), std::string("short"), std::string()})
    CHECK_FALSE(take_report(wrong, kNonce).has_value());
  std::string nameless = report("0", "000");
  CHECK_FALSE(take_report(nameless, "").has_value());
}

TEST_CASE("the first bytes of output tell the CPU time so far, or are nobody's") {
  const auto ready = parse_ready("executor-ready:00000000000000001234\n");
  REQUIRE(ready.has_value());
  CHECK(ready->cpu_time == nanoseconds(1234));
  CHECK_FALSE(parse_ready("executor-ready:0000000000000000123x\n").has_value());
  CHECK_FALSE(parse_ready("executor-ready:00000000000000001234 ").has_value());
  CHECK_FALSE(parse_ready(std::string(kReadySize, 'x')).has_value());
  CHECK_FALSE(parse_ready("").has_value());
}

TEST_CASE("a container's configuration leaves nothing to the image or to the engine's defaults") {
  Limits limits;
  limits.memory_max = 64 * kMiB;
  limits.pids_max = 10;
  const json body =
      json::parse(create_body({"sha256:1", "/lib/bootstrap", "/lib/files", "{}", "me", limits, false}));
  const json& host = body["HostConfig"];
  CHECK(body["Image"] == "sha256:1");
  CHECK(body["User"] == "65534:65534");
  CHECK(body["Entrypoint"] == json::array({"/executor-bootstrap"}));
  CHECK(body["Cmd"] == json::array());
  CHECK(
      host["Mounts"] ==
      json::parse(
          R"([{"Type": "bind", "Source": "/lib/bootstrap", "Target": "/executor-bootstrap", "ReadOnly": true},
                {"Type": "bind", "Source": "/lib/files", "Target": "/usr/lib/executor", "ReadOnly": true}])"));
  CHECK(body["Labels"] == json{{"io.executor.owner", "me"}});
  CHECK(body["Healthcheck"]["Test"] == json::array({"NONE"}));
  CHECK(body["NetworkDisabled"] == true);
  CHECK(host["NetworkMode"] == "none");
  CHECK(host["IpcMode"] == "none");
  CHECK(host["ReadonlyRootfs"] == true);
  CHECK(host["Init"] == false);
  CHECK(host["Privileged"] == false);
  CHECK(host["AutoRemove"] == false);
  CHECK(host["CapDrop"] == json::array({"ALL"}));
  CHECK(host["SecurityOpt"] == json::array({"no-new-privileges", "seccomp={}"}));
  CHECK(host["Memory"] == 64 * kMiB);
  CHECK(host["MemorySwap"] == 64 * kMiB);
  CHECK(host["NanoCpus"] == 1'000'000'000);
  CHECK(host["PidsLimit"] == 11);
  CHECK(host["LogConfig"]["Type"] == "none");
  REQUIRE(host["Tmpfs"].contains("/tmp"));
  for (const char* option : {"nosuid", "nodev", "noexec", "size=16777216", "nr_inodes=1024"})
    CHECK(host["Tmpfs"]["/tmp"].get<std::string>().find(option) != std::string::npos);
  CHECK(host["Ulimits"].size() == 8);
}

TEST_CASE("the engine's profile adds to the given one and takes nothing away") {
  const auto made = engine_profile(profile(kReadWrite));
  REQUIRE(made.has_value());
  const json rules = json::parse(*made)["syscalls"];
  CHECK(rules[0]["names"] == json::array({"read", "write"}));
  for (const json& rule : rules) CHECK_FALSE(rule["comment"].get<std::string>().empty());
  const auto limited =
      std::ranges::find_if(rules, [](const json& rule) { return rule["names"] == json::array({"prctl"}); });
  REQUIRE(limited != rules.end());
  CHECK((*limited)["args"] ==
        json::parse(R"([{"index": 0, "value": 4, "valueTwo": 0, "op": "SCMP_CMP_EQ"}])"));
  CHECK_FALSE(engine_profile("{").has_value());
  CHECK_FALSE(engine_profile(profile(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW"})")).has_value());
}

TEST_CASE("the program's filter has a mark for each number that is known only inside") {
  const auto filter = program_filter(profile(
      kReadWrite +
      R"(, {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}], "comment": "itself"})"));
  REQUIRE(filter.has_value());
  CHECK(filter->size() % sizeof(sock_filter) == 0);
  CHECK(count_constant(*filter, 0x5ec0ab1e) >= 1);
  CHECK(count_constant(*filter, 0x5ec0ab2e) == 1);
  CHECK(count_constant(*filter, 0x5ec0ab3e) == 1);
  CHECK_FALSE(program_filter("[]").has_value());
}

TEST_CASE("a hand-over is what the bootstrap reads") {
  Program program;
  program.source = "print(1)";
  program.args = {"a"};
  program.files = {{"d/f", "content"}};
  const Command command{{"/usr/bin/python3", "main.py"}, "main.py", {{"PATH", "/x"}, {"LANG", "C.UTF-8"}}};
  const std::string whole = hand_over(command, program, kNonce, "FILTER", std::chrono::seconds(7));
  ArchiveReader reader(whole);
  std::string body;  // a length in front is what a string has
  reader(body);
  REQUIRE(reader.finished());
  ArchiveReader fields(body);
  BootstrapHandOver read;
  fields(read);
  REQUIRE(fields.finished());
  CHECK(read.nonce == kNonce);
  CHECK(read.life == 7);
  CHECK(read.filter == "FILTER");
  CHECK(read.environment == std::vector<std::string>{"LANG=C.UTF-8"});
  CHECK(read.command == std::vector<std::string>{"/usr/bin/python3", "main.py", "a"});
  CHECK(read.paths == std::vector<std::string>{"main.py", "d/f"});
  CHECK(read.contents == std::vector<std::string>{"print(1)", "content"});
}

TEST_CASE("every mark of a filter gets its number, and a filter without one is refused") {
  int variable = 0;
  std::vector<sock_filter> filter{
      {0, 0, 0, kMarkPid}, {0, 0, 0, kMarkLow}, {0, 0, 0, 7}, {0, 0, 0, kMarkHigh}};
  CHECK(fill_marks(filter, 12, &variable));
  const auto address = reinterpret_cast<std::uintptr_t>(&variable);
  CHECK(filter[0].k == 12);
  CHECK((static_cast<std::uint64_t>(filter[3].k) << 32U | filter[1].k) == address);
  CHECK(filter[2].k == 7);
  CHECK_FALSE(fill_marks(filter, 12, &variable));
}

TEST_CASE("the newest version of the API that both know is spoken") {
  CHECK(negotiate(R"({"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"})")->api ==
        "1.41");
  CHECK(negotiate(R"({"ApiVersion": "1.52", "MinAPIVersion": "1.44"})")->api == "1.47");
  CHECK_FALSE(negotiate(R"({"ApiVersion": "1.39", "MinAPIVersion": "1.12"})").has_value());
  CHECK_FALSE(negotiate(R"({"ApiVersion": "1.60", "MinAPIVersion": "1.50"})").has_value());
  for (const char* nonsense : {"", "{}", "[]", R"({"ApiVersion": 1.41})", R"({"ApiVersion": "2.0"})"})
    CHECK_FALSE(negotiate(nonsense).has_value());
}

TEST_CASE("an engine without one of the limits is refused by its name") {
  const json good = {{"OSType", "linux"},
                     {"Architecture", "x86_64"},
                     {"MemoryLimit", true},
                     {"SwapLimit", true},
                     {"PidsLimit", true},
                     {"CpuCfsQuota", true},
                     {"SecurityOptions", {"name=apparmor", "name=seccomp,profile=builtin"}}};
  CHECK(check_info(good.dump(), true).has_value());
  for (const auto& [key, word] : {std::pair{"MemoryLimit", "memory"},
                                  {"PidsLimit", "processes"},
                                  {"CpuCfsQuota", "CPU"},
                                  {"SwapLimit", "swap"},
                                  {"SecurityOptions", "seccomp"},
                                  {"OSType", "engine for"}}) {
    json poor = good;
    poor.erase(key);
    const auto refused = check_info(poor.dump(), true);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message().find(word) != std::string::npos);
  }
  json no_swap_limit = good;
  no_swap_limit.erase("SwapLimit");
  CHECK(check_info(no_swap_limit.dump(), false).has_value());
  CHECK_FALSE(check_info("7", false).has_value());
}

TEST_CASE("an image is known by its id, and may bring no volumes") {
  CHECK(check_image(R"({"Id": "sha256:5", "Config": {"Volumes": null}})").value() == "sha256:5");
  CHECK(check_image(R"({"Id": "sha256:5", "Config": null})").value() == "sha256:5");
  CHECK_FALSE(check_image(R"({"Id": "sha256:5", "Config": {"Volumes": {"/data": {}}}})").has_value());
  CHECK_FALSE(check_image(R"({"Id": 5})").has_value());
}

TEST_CASE("an image's name is cut where docker pull cuts it") {
  using Parts = std::pair<std::string, std::string>;
  CHECK(split_image("python:3.12-alpine") == Parts{"python", "3.12-alpine"});
  CHECK(split_image("python") == Parts{"python", "latest"});
  CHECK(split_image("host:5000/a/b") == Parts{"host:5000/a/b", "latest"});
  CHECK(split_image("host:5000/a/b:1") == Parts{"host:5000/a/b", "1"});
  CHECK(split_image("a@sha256:12") == Parts{"a", "sha256:12"});
}

TEST_CASE("nothing in a name reaches the target as it is") {
  CHECK(escaped("a-b_c.d~9") == "a-b_c.d~9");
  CHECK(escaped("a/b?c=\"\r\n é") == "a%2Fb%3Fc%3D%22%0D%0A%20%C3%A9");
}

TEST_CASE("the words of an engine are cut, and a status stands where there are none") {
  CHECK(complaint(404, R"({"message": "No such image"})") == "No such image");
  CHECK(complaint(500, "<html>") == "status 500");
  CHECK(complaint(500, R"({"message": ")" + std::string(1000, 'x') + "\"}").size() == 300);
}

}  // namespace
}  // namespace executor::docker
