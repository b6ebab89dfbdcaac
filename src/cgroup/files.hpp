// What both versions of the hierarchy do with a directory of a group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "executor/error.hpp"

namespace executor::cgroup {

/// Opens what stays open as long as its group, at a high descriptor where there may be one: a process that is
/// started takes over the low ones alone.
Result<UniqueFd> open_to_stay(int directory, const std::string& name, int flags);
/// Makes a group and opens its directory, to stay.
Result<UniqueFd> make_directory(int parent, const std::string& name);
/// Removes a group; a group that does not exist counts as removed.
Result<void> remove_directory(int parent, const std::string& name);
/// Sends SIGKILL to every process listed in the group's cgroup.procs.
void kill_listed(int directory);
/// The names of the groups directly below.
std::vector<std::string> subgroups(int directory);
/// Removes a group whose processes were just killed, waiting at most a second for them to leave it.
Result<void> wait_and_remove(int parent, const std::string& name);
/// Kills and removes every group directly below; the number removed.
Result<std::size_t> remove_subgroups(int directory);
/// Reads from the start of an open file.
Result<std::string> read_again(int fd);
/// CPU quota in microseconds for the kernel's default period of 100 ms.
std::uint64_t quota_us(std::uint64_t nano_cpus);

inline constexpr std::uint64_t kPeriodUs = 100'000;

}  // namespace executor::cgroup
