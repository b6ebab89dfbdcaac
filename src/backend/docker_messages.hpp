// What is said to a Docker engine and to the bootstrap inside a container (backend/bootstrap/bootstrap.cpp).
// Pure functions over values; no I/O. Source: Docker Engine API v1.41; OCI runtime-spec, "Seccomp".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"
#include "executor/program.hpp"

namespace executor::docker {

inline constexpr std::string_view kOwnerLabel = "io.executor.owner";
/// Where a runtime's own files stand, in its root and so in a container of any image.
inline constexpr std::string_view kFilesPlace = "/usr/lib/executor";

/// The profile for a container from the one for programs that may start processes: what the engine,
/// the bootstrap and a program's loader need is added, each with its reason. JSON in the engine's form.
[[nodiscard]] Result<std::string> engine_profile(std::string_view processes_profile);

/// The filter for a program that is started by execve and may not start processes: the strict profile, bound
/// to the program's own process id, and execve for the call that starts it alone. sock_filter records
/// with marks where numbers are known only inside (bootstrap/filter_marks.hpp).
[[nodiscard]] Result<std::string> program_filter(std::string_view strict_profile);

struct ContainerPlan {
  std::string image;      ///< its id: what the name means may change
  std::string bootstrap;  ///< path of that program on the engine's host
  std::string files;      ///< directory there that is shown at kFilesPlace; empty: none
  std::string profile;    ///< of engine_profile()
  std::string owner;      ///< value of kOwnerLabel
  Limits limits{};
  bool removes_itself = false;  ///< once it has ended
};
/// The body of POST /containers/create.
[[nodiscard]] std::string create_body(const ContainerPlan& plan);

/// How programs of one runtime are started, whatever the image.
struct Command {
  std::vector<std::string> argv;  ///< the program's own arguments follow
  std::string source;             ///< the file's name
  std::map<std::string, std::string> environment{};
};
/// What the bootstrap reads before it starts the program; the program's own input follows it. `filter`: of
/// program_filter(), empty where the container's alone will do. `life`: 0 for ever.
[[nodiscard]] std::string hand_over(const Command& command, const Program& program, const std::string& nonce,
                                    const std::string& filter, std::chrono::seconds life);

/// What the bootstrap says before it reads the hand-over, as the first bytes of standard output.
struct Ready {
  std::chrono::nanoseconds cpu_time{};  ///< of the container so far
};
inline constexpr std::size_t kReadySize = 36;
/// Nothing where these are not that; `bytes` are kReadySize bytes.
[[nodiscard]] std::optional<Ready> parse_ready(std::string_view bytes);

/// The last bytes of standard error.
struct Report {
  enum class Kind { exited, signalled, failed };
  Kind kind = Kind::exited;
  int value = 0;                        ///< exit status or signal
  std::chrono::nanoseconds cpu_time{};  ///< of the container, since its start
  std::uint64_t memory_peak = 0;        ///< bytes, of the container; 0 where the kernel does not tell
  std::uint64_t maxrss = 0;             ///< bytes, of the program
  std::uint64_t oom_kills = 0;
};
inline constexpr std::size_t kReportSize = 32 + 1 + 1 + 1 + 3 + 3 * 21 + 1 + 10 + 1;
/// Takes the report off the end of `bytes`; nothing where there is none.
[[nodiscard]] std::optional<Report> take_report(std::string& bytes, std::string_view nonce);

/// Cuts an attached stream into what was written to standard output and standard error.
class Demultiplexer {
 public:
  /// False where the bytes are no such stream.
  [[nodiscard]] bool feed(std::string_view bytes,
                          const std::function<void(bool is_stderr, std::string_view)>& take);

 private:
  std::string head_{};
  std::size_t left_ = 0;  // of the frame's body
  bool is_stderr_ = false;
};

/// What an engine is, or why it does not do.
struct EngineFacts {
  std::string api;      ///< version to speak, "1.41"
  std::string version;  ///< of the engine, for people
};
/// From GET /version.
[[nodiscard]] Result<EngineFacts> negotiate(std::string_view version_json);
/// From GET /info: every limit that this service promises must be the engine's to give. `swap`: the host has
/// some.
[[nodiscard]] Result<void> check_info(std::string_view info_json, bool swap);
/// The image's id, from GET /images/…/json.
[[nodiscard]] Result<std::string> check_image(std::string_view image_json);
/// A string of an object, whatever the engine may have sent; empty where there is none.
[[nodiscard]] std::string text_at(const nlohmann::json& object, const char* key);
/// The words of the engine in an answer that is none: its message, else the status.
[[nodiscard]] std::string complaint(unsigned status, std::string_view body);

/// "python:3.12-alpine" → {"python", "3.12-alpine"}; the tag is "latest" where none stands.
[[nodiscard]] std::pair<std::string, std::string> split_image(const std::string& name);
/// As part of a target: everything but unreserved characters is escaped.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace executor::docker
