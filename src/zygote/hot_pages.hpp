// The pages that a program of this interpreter touches, whatever the program: known from one that was run
// for it. Each child has its own copies of those that are written to, and the others in its page table, by a
// few calls before it is handed its program, not fault by fault after.
//
// Single-threaded. Source: Documentation/admin-guide/mm/pagemap.rst of Linux 6.18.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace executor::zygote {

struct HotRange {
  std::uintptr_t start = 0;
  std::size_t size = 0;  ///< bytes
  bool written = false;
};

/// The private mappings of this process that can be written to, and those of files that cannot (`written` is
/// false). `proc`: a directory of procfs.
std::vector<HotRange> private_mappings(int proc);

/// In the child of a process that waits: the private pages that it has written to since the fork, and the
/// pages of files that it has looked at. `proc`: a directory of procfs. Empty where that does not show them.
std::vector<HotRange> touched_pages(int proc);

/// Touches them: own copies of what is written to. Needs Linux 5.14 (MADV_POPULATE_WRITE); where it cannot be
/// done, the first use of each page does it.
void touch_pages(const std::vector<HotRange>& ranges);

}  // namespace executor::zygote
