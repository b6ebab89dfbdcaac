#include "base/huge_pages.hpp"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace executor {

namespace {

constexpr std::size_t kBasePage = 4096;
constexpr std::size_t kHugePage = 2UL * 1024 * 1024;
constexpr int kCollapse = 25;  // MADV_COLLAPSE, newer than the C library's headers

struct Segment {
  std::uintptr_t start;
  std::size_t size;
  int protection;
};

std::size_t whole_huge_pages(std::size_t size) { return (size + kHugePage - 1) / kHugePage * kHugePage; }

/// The executable's segments of code and constants that have their huge pages to themselves.
std::vector<Segment> movable_segments() {
  std::vector<Segment> found;
  // the executable is the first that is told of, and the last
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        auto& segments = *static_cast<std::vector<Segment>*>(to);
        std::uintptr_t taken_from = UINTPTR_MAX;
        for (int i = info->dlpi_phnum; i-- > 0;) {
          const ElfW(Phdr)& header = info->dlpi_phdr[i];
          if (header.p_type != PT_LOAD) continue;
          const std::uintptr_t start = info->dlpi_addr + header.p_vaddr;
          const bool apart = start % kHugePage == 0 && start + whole_huge_pages(header.p_memsz) <= taken_from;
          taken_from = start / kHugePage * kHugePage;
          const bool of_tables = header.p_offset == 0;  // for the dynamic linker, hardly looked at again
          if ((header.p_flags & PF_W) != 0 || of_tables || !apart) continue;
          segments.push_back(
              {start, header.p_memsz, PROT_READ | ((header.p_flags & PF_X) != 0 ? PROT_EXEC : 0)});
        }
        return 1;
      },
      &found);
  return found;
}

/// New memory of this size in huge pages, on a boundary of theirs; nullptr where there is none.
void* huge_memory(std::size_t size) {
  void* const all =
      ::mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(all);
  const std::uintptr_t start = (address + kHugePage - 1) / kHugePage * kHugePage;
  char* const memory = static_cast<char*>(all) + (start - address);
  if (start > address) ::munmap(all, start - address);
  const std::size_t behind = address + kHugePage - start;
  if (behind > 0) ::munmap(memory + size, behind);
  ::madvise(memory, size, MADV_HUGEPAGE);
  std::memset(memory, 0, size);
  if (::madvise(memory, size, kCollapse) == 0) return memory;
  ::munmap(memory, size);
  return nullptr;
}

/// Fills the memory and moves that much of it to where the segment is: by one call, as this code may be in
/// it.
bool put_in_place(void* memory, const Segment& segment, std::size_t size) {
  void* const place = reinterpret_cast<void*>(segment.start);
  std::memcpy(memory, place, segment.size);
  return ::mprotect(memory, size, segment.protection) == 0 &&
         ::mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED;
}

void move(const Segment& segment) {
  const std::size_t size = whole_huge_pages(segment.size);
  void* const memory = huge_memory(size);
  if (memory != nullptr && !put_in_place(memory, segment, size)) ::munmap(memory, size);
}

/// What pagemap says of each page of it. Empty where it cannot be read.
std::vector<std::uint64_t> page_entries(int pagemap, std::uintptr_t start, std::size_t size) {
  std::vector<std::uint64_t> entries(size / kBasePage);
  const std::size_t bytes = entries.size() * sizeof(std::uint64_t);
  const auto at = static_cast<off_t>(start / kBasePage * sizeof(std::uint64_t));
  if (::pread(pagemap, entries.data(), bytes, at) != static_cast<ssize_t>(bytes)) entries.clear();
  return entries;
}

void give_back_untouched(std::uintptr_t start, const std::vector<std::uint64_t>& entries) {
  constexpr std::uint64_t kPresentOrSwapped = 3ULL << 62;
  const auto touched = [](std::uint64_t entry) { return (entry & kPresentOrSwapped) != 0; };
  for (auto at = entries.begin(); (at = std::find_if_not(at, entries.end(), touched)) != entries.end();) {
    const auto end = std::find_if(at, entries.end(), touched);
    ::madvise(reinterpret_cast<void*>(start + static_cast<std::size_t>(at - entries.begin()) * kBasePage),
              static_cast<std::size_t>(end - at) * kBasePage, MADV_DONTNEED);
    at = end;
  }
}

}  // namespace

void move_text_to_huge_pages() {
  for (const Segment& segment : movable_segments()) move(segment);
}

void move_to_huge_pages(std::uintptr_t start, std::size_t size, int protection, int pagemap) {
  const auto entries =
      (protection & PROT_WRITE) != 0 ? page_entries(pagemap, start, size) : std::vector<std::uint64_t>{};
  // the heap may be what is moved: from here on nothing is allocated
  const std::size_t whole = whole_huge_pages(size);
  auto* const memory = static_cast<char*>(huge_memory(whole));
  if (memory == nullptr) return;
  const bool moved = put_in_place(memory, {start, size, protection}, size);
  const std::size_t rest = moved ? size : 0;
  if (whole > rest) ::munmap(memory + rest, whole - rest);
  if (!moved) return;
  ::madvise(reinterpret_cast<void*>(start), size, MADV_NOHUGEPAGE);  // nor are holes filled later
  give_back_untouched(start, entries);
}

}  // namespace executor
