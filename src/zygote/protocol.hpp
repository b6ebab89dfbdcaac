// What supervisor and zygote say to each other over a SOCK_SEQPACKET pair: one fixed record a message,
// descriptors attached. Neither side ever sends job data here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/payload.hpp"

namespace executor::zygote {

/// Attached, in this order: init's pidfd, stdin, stdout, stderr, report pipe, and (v2) the leaf's directory
/// or (v1) its files "tasks".
struct ForkRequest {
  std::uint32_t sandbox = 0;         ///< named again in the reply
  std::uint8_t processes = 0;        ///< 1: the wider filter
  std::uint8_t clone_into_leaf = 0;  ///< 1: the last descriptor is a cgroup v2 directory
  std::uint8_t drop_groups = 0;
  std::uint8_t hurried =
      0;  ///< 1: programs wait for sandboxes, so nothing is done ahead that not every program needs
  std::uint32_t attach_files = 0;  ///< how many files "tasks" follow
  sandbox::PayloadLimits limits{};
};
inline constexpr std::size_t kFixedDescriptors = 5;

struct ForkReply {
  std::uint32_t sandbox = 0;
  std::int32_t pid = 0;  ///< in the zygote's (and supervisor's) PID namespace; the supervisor is its parent
  std::int32_t error_number = 0;  ///< when pid is 0
};

/// The first reply's sandbox number, sent when the interpreter is initialised.
inline constexpr std::uint32_t kHello = ~0U;

// descriptors that the zygote finds open when it starts
inline constexpr int kControlFd = 3;
inline constexpr int kStrictFilterFd = 4;
inline constexpr int kProcessesFilterFd = 5;
inline constexpr int kComplaintsFd =
    6;                             ///< the service's standard error; 0 to 2 are pipes, as programs have them
inline constexpr int kProcFd = 7;  ///< a directory of procfs, closed before the first payload

/// What a payload reads from its standard input before the program's own input begins: a 32-bit length, then
/// this.
struct HandOver {
  std::string source;
  std::vector<std::string> args;
  std::vector<std::string> file_paths;     ///< relative to the working directory
  std::vector<std::string> file_contents;  ///< one each
  std::string compiled;  ///< see Program::compiled; behind the others, and only where there is some
};
template <class Archive>
void archive_fields(Archive& archive, HandOver& hand_over) {
  archive(hand_over.source, hand_over.args, hand_over.file_paths, hand_over.file_contents);
}

}  // namespace executor::zygote
