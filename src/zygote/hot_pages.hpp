// The pages that a program of this interpreter writes to, whatever the program: known from one that was run
// for it, copied in each child by a few calls before it is handed its program, not fault by fault after.
//
// Single-threaded. Source: Documentation/admin-guide/mm/pagemap.rst of Linux 6.18.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace executor::zygote {

struct PageRange {
  std::uintptr_t start = 0;
  std::size_t size = 0;  ///< bytes
};

/// The writable anonymous pages that this process has to itself: in the child of a process that waits, what
/// it has written to since the fork. Without the stack. `proc`: a directory of procfs. Empty where that does
/// not show them.
std::vector<PageRange> own_pages(int proc);

/// Makes this process's own copies of these pages. Needs Linux 5.14 (MADV_POPULATE_WRITE); where it cannot be
/// done, the first write to each page does it.
void copy_pages(const std::vector<PageRange>& ranges);

}  // namespace executor::zygote
