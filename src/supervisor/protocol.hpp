// What front and supervisor say to each other: frames over a SOCK_STREAM pair. Programs and cancellations go
// down, facts come up. A frame is a 32-bit length, a type byte and an archive (base/archive.hpp).
//
// The receiver trusts no length: a frame above kLargestFrame or one that does not parse ends the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/archive.hpp"
#include "base/sandbox_figures.hpp"
#include "executor/error.hpp"
#include "executor/outcome.hpp"
#include "executor/program.hpp"
#include "supervisor/config.hpp"

namespace executor {

// the fields of the public types, found by argument-dependent lookup
template <class A>
void archive_fields(A& a, Limits& l) {
  a(l.wall_time, l.cpu_time, l.memory_max, l.nano_cpus, l.pids_max, l.open_files, l.file_size, l.stack_size,
    l.stdout_max, l.stderr_max);
}
template <class A>
void archive_fields(A& a, SourceFile& f) {
  a(f.path, f.content);
}
template <class A>
void archive_fields(A& a, Program& p) {
  a(p.runtime, p.source, p.stdin_bytes, p.args, p.files, p.processes, p.limits, p.compiled);
}
template <class A>
void archive_fields(A& a, Outcome& o) {
  a(o.ending, o.exit_code, o.signal, o.stdout_bytes, o.stderr_bytes, o.stdout_truncated, o.stderr_truncated,
    o.wall_time, o.cpu_time, o.memory_bytes, o.violation, o.sandbox_id, o.backend, o.isolation, o.audited);
}

}  // namespace executor

namespace executor::supervisor {

inline constexpr std::uint32_t kLargestFrame = 64U << 20;

enum class MessageType : std::uint8_t {
  run,
  cancel,
  open_channel,
  ready,
  failed,
  finished,
  channel_opened,
  statistics
};

struct RunMessage {
  static constexpr auto kType = MessageType::run;
  std::uint64_t id = 0;
  Program program{};
};
struct CancelMessage {
  static constexpr auto kType = MessageType::cancel;
  std::uint64_t id = 0;
};
/// A long-lived sandbox whose standard streams go to the front: no wall or CPU limit, everything else as for
/// a run.
struct OpenChannelMessage {
  static constexpr auto kType = MessageType::open_channel;
  std::uint64_t id = 0;
  Program program{};
};
/// The supervisor can run programs.
struct ReadyMessage {
  static constexpr auto kType = MessageType::ready;
  std::vector<std::string> isolation{};
  std::uint64_t leaks_removed = 0;
};
/// It cannot, and ends: the layer that failed.
struct FailedMessage {
  static constexpr auto kType = MessageType::failed;
  std::string stage{};
  std::string what{};
  std::int32_t error_number = 0;
};
inline FailedMessage failed_message(const Error& error) {
  return {error.stage, error.what, error.code.value()};
}
inline Error error_of(const FailedMessage& message) {
  return {message.what, std::error_code(message.error_number, std::generic_category()), message.stage};
}
struct FinishedMessage {
  static constexpr auto kType = MessageType::finished;
  std::uint64_t id = 0;
  bool infrastructure_failed = false;  ///< then `failure` holds, else `outcome`
  FailedMessage failure{};
  Outcome outcome{};
};
/// Two descriptors are attached: the program's standard input (to write) and output (to read).
struct ChannelOpenedMessage {
  static constexpr auto kType = MessageType::channel_opened;
  std::uint64_t id = 0;
};
struct StatisticsMessage {
  static constexpr auto kType = MessageType::statistics;
  std::uint32_t warm = 0;
  std::uint32_t wanted = 0;  ///< of those, as many are to be ready
  std::uint32_t live = 0;
  std::uint64_t warm_hits = 0;
  std::uint64_t warm_misses = 0;
  SandboxFigures figures{};
  std::uint64_t leaks_removed = 0;  ///< not sent: the client fills it in, over all supervisors
};

template <class A>
void archive_fields(A& a, RuntimeConfig& r) {
  a(r.name, r.rootfs, r.start, r.command, r.source, r.strict_profile, r.processes_profile, r.environment);
}
template <class A>
void archive_fields(A& a, Config& c) {
  a(c.runtimes, c.init_profile, c.supervisor_profile, c.warm_pool, c.pool_idle, c.max_live, c.id_count,
    c.cgroup_version, c.work_size, c.work_inodes, c.audit, c.defaults);
}
template <class A>
void archive_fields(A& a, RunMessage& m) {
  a(m.id, m.program);
}
template <class A>
void archive_fields(A& a, CancelMessage& m) {
  a(m.id);
}
template <class A>
void archive_fields(A& a, OpenChannelMessage& m) {
  a(m.id, m.program);
}
template <class A>
void archive_fields(A& a, ReadyMessage& m) {
  a(m.isolation, m.leaks_removed);
}
template <class A>
void archive_fields(A& a, FailedMessage& m) {
  a(m.stage, m.what, m.error_number);
}
template <class A>
void archive_fields(A& a, FinishedMessage& m) {
  a(m.id, m.infrastructure_failed, m.failure, m.outcome);
}
template <class A>
void archive_fields(A& a, ChannelOpenedMessage& m) {
  a(m.id);
}
template <class A>
void archive_fields(A& a, StatisticsMessage& m) {
  a(m.warm, m.wanted, m.live, m.warm_hits, m.warm_misses, m.figures);
}

/// A whole frame, ready to be written.
template <class Message>
std::string encode(const Message& message) {
  ArchiveWriter writer;
  writer(std::uint32_t{0}, Message::kType, message);
  std::string frame = writer.take();
  const auto size = static_cast<std::uint32_t>(frame.size() - sizeof(std::uint32_t));
  std::memcpy(frame.data(), &size, sizeof size);
  return frame;
}

/// A frame's body as the message it claims to be; nothing when it is not exactly that.
template <class Message>
std::optional<Message> decode(std::string_view body) {
  Message message;
  ArchiveReader reader(body);
  reader(message);
  if (!reader.finished()) return std::nullopt;
  return message;
}

/// Cuts a byte stream into frames.
class FrameSplitter {
 public:
  struct Frame {
    MessageType type{};
    std::string_view body;  ///< valid until the next call
  };
  void append(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole frame, if there is one.
  std::optional<Frame> next() {
    if (consumed_ > 0) buffer_.erase(0, std::exchange(consumed_, 0));
    std::uint32_t size = 0;
    if (buffer_.size() < sizeof size) return std::nullopt;
    std::memcpy(&size, buffer_.data(), sizeof size);
    if (size == 0 || size > kLargestFrame) {
      broken_ = true;
      return std::nullopt;
    }
    if (buffer_.size() < sizeof size + size) return std::nullopt;
    consumed_ = sizeof size + size;
    return Frame{static_cast<MessageType>(buffer_[sizeof size]),
                 std::string_view(buffer_).substr(sizeof size + 1, size - 1)};
  }
  /// A length that no peer of ours sends.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  std::string buffer_;
  std::size_t consumed_ = 0;
  bool broken_ = false;
};

}  // namespace executor::supervisor
