// The pages that a program of this interpreter touches, whatever the program: known from one that was run
// for it. Each child has its own copies of those that are written to, and the others in its page table, by a
// few calls before it is handed its program, not fault by fault after.
//
// Single-threaded. Source: Documentation/admin-guide/mm/pagemap.rst of Linux 6.18.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace executor::zygote {

struct HotRange {
  std::uintptr_t start = 0;
  std::size_t size = 0;  ///< bytes
  bool written = false;
};

/// A private mapping of memory that is written to, or of a file.
struct Mapping {
  std::uintptr_t start = 0;
  std::size_t size = 0;  ///< bytes
  int protection = 0;    ///< PROT_READ and others
  bool of_file = false;
};

using HotRanges = std::pmr::vector<HotRange>;

/// Memory for those who look at a process's pages from inside: shared, so that it is none of them. Gone
/// before anything is forked, as it would be shared with that.
class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  [[nodiscard]] std::pmr::memory_resource* memory() { return &resource_; }

 private:
  void* start_;
  std::pmr::monotonic_buffer_resource resource_;
};

/// Those of this process. `proc`: a directory of procfs.
std::pmr::vector<Mapping> private_mappings(int proc, std::pmr::memory_resource* memory);

/// In the child of a process that waits: the private pages that it has written to since the fork, and the
/// pages of files that it has looked at. `proc`: a directory of procfs. Empty where that does not show them.
HotRanges touched_pages(int proc, std::pmr::memory_resource* memory);

/// Takes for good what lies free between the blocks of the C library's heap, so that the next blocks come
/// from its end, side by side. For a process that allocates nothing itself from then on.
void begin_new_heap();

/// Touches them: own copies of what is written to. Needs Linux 5.14 (MADV_POPULATE_WRITE); where it cannot be
/// done, the first use of each page does it.
void touch_pages(const HotRanges& ranges);

}  // namespace executor::zygote
