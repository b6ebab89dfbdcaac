// Inside of src/cgroup: the two makers behind make_hierarchy, and what they share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/hierarchy.hpp"

namespace executor::cgroup {

/// Leaves are named apart from the other groups of an instance, so that a sweep takes only them.
inline constexpr std::string_view kLeafPrefix = "sandbox-";
inline std::string leaf_name(const std::string& name) { return std::string(kLeafPrefix) + name; }

/// What a leaf may still be charged with to count as new: what the kernel holds ready for each processor, and
/// on v2 the namespaces of the sandbox before, which it takes apart a little later.
inline constexpr std::uint64_t kNothingToSpeakOf = std::uint64_t{1} << 20;

std::unique_ptr<Hierarchy> make_hierarchy_v1(std::vector<UniqueFd> directories);
std::unique_ptr<Hierarchy> make_hierarchy_v2(std::vector<UniqueFd> directories);

}  // namespace executor::cgroup
