#include "backend/docker_messages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "backend/bootstrap/filter_marks.hpp"
#include "backend/bootstrap/hand_over.hpp"
#include "base/archive.hpp"
#include "seccomp/filter.hpp"

namespace executor::docker {

namespace {

using nlohmann::json;
using std::chrono::nanoseconds;

/// The newest version of the API that this was written against, and the oldest that has all of it.
constexpr int kNewestMinor = 47;
constexpr int kOldestMinor = 40;
/// Beside the program's own processes: the bootstrap.
constexpr std::uint64_t kOwnProcesses = 1;
/// An engine makes no container with less.
constexpr std::uint64_t kLeastMemory = 6 * kMiB;

constexpr std::uint64_t kMarkAddress = std::uint64_t{kMarkHigh} << 32U | kMarkLow;

Error refused(const std::string& what) { return {what, std::make_error_code(std::errc::not_supported)}; }

struct Extra {
  std::vector<const char*> names;
  const char* reason;
};

/// Calls that a program makes once it is started by exec, beyond those of one that was forked when all was
/// loaded; the older forms are those of musl.
const Extra& loader_calls() {
  static const Extra extra{{"arch_prctl", "fadvise64", "fstat", "getrlimit", "lstat", "nanosleep", "open",
                            "pipe", "select", "set_tid_address", "stat"},
                           "the dynamic loaders of glibc and musl, and older forms that musl calls"};
  return extra;
}

json allow(const std::vector<const char*>& names, const char* comment, const json& args = json::array()) {
  return {{"names", names}, {"action", "SCMP_ACT_ALLOW"}, {"args", args}, {"comment", comment}};
}
json equals(unsigned index, std::uint64_t value) {
  return json::array({{{"index", index}, {"value", value}, {"valueTwo", 0}, {"op", "SCMP_CMP_EQ"}}});
}

json ulimit(const char* name, std::uint64_t value) {
  return {{"Name", name}, {"Soft", value}, {"Hard", value}};
}

json ulimits(const Limits& limits) {
  return {ulimit("nofile", limits.open_files),
          ulimit("fsize", limits.file_size),
          ulimit("stack", limits.stack_size),
          ulimit("core", 1),
          ulimit("memlock", 0),
          ulimit("msgqueue", 0),
          ulimit("rtprio", 0),
          ulimit("nice", 0)};
}

json mounts(const ContainerPlan& plan) {
  const auto shown = [](const std::string& source, std::string_view target) -> json {
    return {{"Type", "bind"}, {"Source", source}, {"Target", target}, {"ReadOnly", true}};
  };
  json list = json::array({shown(plan.bootstrap, kBootstrapPlace)});
  if (!plan.files.empty()) list.push_back(shown(plan.files, kFilesPlace));
  return list;
}

json host_config(const ContainerPlan& plan) {
  return {
      {"NetworkMode", "none"},
      {"IpcMode", "none"},
      {"Init", false},  // the bootstrap is; the engine's could be looked into by a program of the same user
      {"ReadonlyRootfs", true},
      {"Tmpfs",
       {{"/tmp", "rw,nosuid,nodev,noexec,size=16777216,nr_inodes=1024,mode=0700,uid=65534,gid=65534"}}},
      {"Mounts", mounts(plan)},
      {"Memory", std::max(plan.limits.memory_max, kLeastMemory)},
      {"MemorySwap", std::max(plan.limits.memory_max, kLeastMemory)},  // the sum of both: no swap
      {"NanoCpus", plan.limits.nano_cpus},
      {"PidsLimit", plan.limits.pids_max + kOwnProcesses},
      {"Ulimits", ulimits(plan.limits)},
      {"CapDrop", {"ALL"}},
      {"SecurityOpt", {"no-new-privileges", "seccomp=" + plan.profile}},
      {"Privileged", false},
      {"AutoRemove", plan.removes_itself},
      {"LogConfig", {{"Type", "none"}, {"Config", json::object()}}}};
}

// -- numbers of fixed width

template <class Number>
bool number(std::string_view text, Number& out) {
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, out);
  return code == std::errc() && stop == end;
}

bool number(std::string_view text, nanoseconds& out) {
  std::int64_t count = 0;
  const bool good = number(text, count);
  out = nanoseconds(count);
  return good;
}

bool is_true(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

json parsed(std::string_view body) { return json::parse(body, nullptr, false); }

/// 41 of "1.41"; nothing for another major version.
std::optional<int> minor(const std::string& version) {
  int value = 0;
  if (!version.starts_with("1.") || !number(std::string_view(version).substr(2), value)) return std::nullopt;
  return value;
}

}  // namespace

Result<std::string> engine_profile(std::string_view processes_profile) {
  const auto valid = seccomp::parse_profile(processes_profile);
  if (!valid) return valid.error();
  json profile = parsed(processes_profile);
  json& rules = profile["syscalls"];
  rules.push_back(allow(loader_calls().names, loader_calls().reason));
  rules.push_back(allow({"fork", "tkill"}, "fork() and raise() of musl"));
  rules.push_back(allow({"epoll_pwait"}, "the engine's runtime, between this filter and its exec"));
  constexpr std::uint64_t kSetDumpable = 4;
  constexpr std::uint64_t kSetSeccomp = 22;
  rules.push_back(
      allow({"prctl"}, "PR_SET_DUMPABLE: the bootstrap hides its memory", equals(0, kSetDumpable)));
  rules.push_back(
      allow({"prctl"}, "PR_SET_SECCOMP: the bootstrap loads the program's filter", equals(0, kSetSeccomp)));
  return profile.dump();
}

Result<std::string> program_filter(std::string_view strict_profile) {
  using seccomp::Action;
  using seccomp::Comparison;
  auto profile = seccomp::parse_profile(strict_profile);
  if (!profile) return profile.error();
  // these have rules of their own below
  for (seccomp::Rule& rule : profile->rules)
    std::erase_if(rule.names, [](const std::string& name) {
      return name == "execve" || name == "kill" || name == "tgkill" || name == "tkill";
    });
  std::erase_if(profile->rules, [](const seccomp::Rule& rule) { return rule.names.empty(); });
  const auto own_pid = seccomp::Condition{0, Comparison::equal, kMarkPid, 0};
  profile->rules.push_back(
      {{"kill", "tgkill", "tkill"}, Action::allow, 1, {own_pid}, "signals to the program itself"});
  profile->rules.push_back({{"execve"},
                            Action::allow,
                            1,
                            {{2, Comparison::equal, kMarkAddress, 0}},
                            "the bootstrap's call, known by the address of its environment"});
  constexpr std::uint64_t kMuslThread = 0x7d0f00;
  profile->rules.push_back({{"clone"},
                            Action::allow,
                            1,
                            {{0, Comparison::equal, kMuslThread, 0}},
                            "a thread, exactly as musl's pthread_create makes it"});
  const auto& loader = loader_calls();
  profile->rules.push_back({{loader.names.begin(), loader.names.end()}, Action::allow, 1, {}, loader.reason});
  const auto instructions = seccomp::compile(*profile, seccomp::KillMode::kill);
  if (!instructions) return instructions.error();
  return std::string(reinterpret_cast<const char*>(instructions->data()),
                     instructions->size() * sizeof(sock_filter));
}

std::string create_body(const ContainerPlan& plan) {
  return json{{"Image", plan.image},
              {"Entrypoint", {kBootstrapPlace}},
              {"Cmd", json::array()},
              {"User", "65534:65534"},
              {"WorkingDir", "/tmp"},
              {"Hostname", "sandbox"},
              {"NetworkDisabled", true},
              {"Tty", false},
              {"OpenStdin", true},
              {"StdinOnce", true},
              {"AttachStdin", true},
              {"AttachStdout", true},
              {"AttachStderr", true},
              {"Healthcheck", {{"Test", {"NONE"}}}},
              {"Labels", {{kOwnerLabel, plan.owner}}},
              {"HostConfig", host_config(plan)}}
      .dump();
}

std::string hand_over(const Command& command, const Program& program, const std::string& nonce,
                      const std::string& filter, std::chrono::seconds life) {
  BootstrapHandOver plan{.nonce = nonce,
                         .life = static_cast<std::uint32_t>(life.count()),
                         .filter = filter,
                         .environment = {},
                         .command = command.argv,
                         .paths = {command.source},
                         .contents = {program.source}};
  for (const auto& [name, value] : command.environment)
    if (name != "PATH") plan.environment.push_back(std::string(name).append("=").append(value));
  plan.command.insert(plan.command.end(), program.args.begin(), program.args.end());
  for (const SourceFile& file : program.files) {
    plan.paths.push_back(file.path);
    plan.contents.push_back(file.content);
  }
  ArchiveWriter body;
  body(plan);
  ArchiveWriter whole;
  whole(static_cast<std::uint32_t>(body.bytes().size()));
  return whole.take() + body.bytes();
}

std::optional<Ready> parse_ready(std::string_view bytes) {
  constexpr std::string_view kWord = "executor-ready:";
  Ready ready;
  if (bytes.size() != kReadySize || !bytes.starts_with(kWord) || bytes.back() != '\n') return std::nullopt;
  if (!number(bytes.substr(kWord.size(), 20), ready.cpu_time)) return std::nullopt;
  return ready;
}

std::optional<Report> take_report(std::string& bytes, std::string_view nonce) {
  if (bytes.size() < kReportSize) return std::nullopt;
  const std::string_view record = std::string_view(bytes).substr(bytes.size() - kReportSize);
  if (nonce.empty() || !record.starts_with(nonce) || record.back() != '\n') return std::nullopt;
  Report report;
  std::size_t at = nonce.size() + 1;
  const auto next = [&](std::size_t width, auto& out) {
    const bool good = number(record.substr(at, width), out);
    at += width + 1;
    return good;
  };
  int kind = 0;
  if (!next(1, kind) || kind > 2 || !next(3, report.value) || !next(20, report.cpu_time) ||
      !next(20, report.memory_peak) || !next(20, report.maxrss) || !next(10, report.oom_kills))
    return std::nullopt;
  report.kind = static_cast<Report::Kind>(kind);
  bytes.resize(bytes.size() - kReportSize);
  return report;
}

bool Demultiplexer::feed(std::string_view bytes,
                         const std::function<void(bool is_stderr, std::string_view)>& take) {
  constexpr std::size_t kHead = 8;
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::string_view part = bytes.substr(0, left_);
      bytes.remove_prefix(part.size());
      left_ -= part.size();
      take(is_stderr_, part);
      continue;
    }
    const std::string_view part = bytes.substr(0, kHead - head_.size());
    bytes.remove_prefix(part.size());
    head_ += part;
    if (head_.size() < kHead) break;
    if ((head_[0] != 1 && head_[0] != 2) || head_[1] != 0 || head_[2] != 0 || head_[3] != 0) return false;
    is_stderr_ = head_[0] == 2;
    for (std::size_t i = 4; i < kHead; ++i) left_ = left_ << 8U | static_cast<unsigned char>(head_[i]);
    head_.clear();
  }
  return true;
}

Result<EngineFacts> negotiate(std::string_view version_json) {
  const json answer = parsed(version_json);
  const auto newest = minor(text_at(answer, "ApiVersion"));
  if (!newest) return refused("understand the engine's version");
  const int oldest = minor(text_at(answer, "MinAPIVersion")).value_or(0);
  if (*newest < kOldestMinor)
    return refused("speak to an engine of API version " + text_at(answer, "ApiVersion") +
                   " (1.40 is the oldest that will do: Docker 19.03)");
  if (oldest > kNewestMinor)
    return refused("speak to an engine that asks for API version " + text_at(answer, "MinAPIVersion"));
  const int chosen = std::max(std::min(*newest, kNewestMinor), oldest);
  return EngineFacts{"1." + std::to_string(chosen), text_at(answer, "Version")};
}

Result<void> check_info(std::string_view info_json, bool swap) {
  const json info = parsed(info_json);
  if (!info.is_object()) return refused("understand the engine's description of itself");
  if (text_at(info, "OSType") != "linux" || text_at(info, "Architecture") != "x86_64")
    return refused("use an engine for " + text_at(info, "OSType") + " on " + text_at(info, "Architecture"));
  for (const auto& [key, what] :
       {std::pair{"MemoryLimit", "memory"}, {"PidsLimit", "processes"}, {"CpuCfsQuota", "CPU quota"}})
    if (!is_true(info, key))
      return refused(std::string("use an engine without limits for ") + what +
                     " (its cgroup controllers are not enabled)");
  if (swap && !is_true(info, "SwapLimit"))
    return refused("use an engine that cannot switch swap off (boot with swapaccount=1, or swapoff -a)");
  const auto options = info.find("SecurityOptions");
  const bool seccomp =
      options != info.end() && options->is_array() && std::ranges::any_of(*options, [](const json& option) {
        return option.is_string() && option.get_ref<const std::string&>().starts_with("name=seccomp");
      });
  if (!seccomp) return refused("use an engine without seccomp");
  return {};
}

Result<std::string> check_image(std::string_view image_json) {
  const json image = parsed(image_json);
  const std::string id = text_at(image, "Id");
  if (id.empty()) return refused("understand the engine's description of the image");
  const auto config = image.find("Config");
  if (config != image.end() && config->is_object()) {
    const auto volumes = config->find("Volumes");
    if (volumes != config->end() && volumes->is_object() && !volumes->empty())
      return refused("use an image that declares volumes: they would be writable and without a limit");
  }
  return id;
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string complaint(unsigned status, std::string_view body) {
  std::string message = text_at(parsed(body), "message");
  if (message.empty()) message = "status " + std::to_string(status);
  constexpr std::size_t kLongest = 300;
  return message.substr(0, kLongest);
}

std::pair<std::string, std::string> split_image(const std::string& name) {
  const std::size_t digest = name.find('@');
  if (digest != std::string::npos) return {name.substr(0, digest), name.substr(digest + 1)};
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) return {name, "latest"};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out.append({'%', kDigits[byte >> 4U], kDigits[byte & 0xfU]});
  }
  return out;
}

}  // namespace executor::docker
