#include "base/private_heap.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace executor {

namespace {

constexpr std::uintptr_t kPage = 4096;

std::uintptr_t page_behind(std::uintptr_t address) { return (address + kPage - 1) / kPage * kPage; }

std::uintptr_t heap_end() { return page_behind(reinterpret_cast<std::uintptr_t>(::sbrk(0))); }

std::uintptr_t private_from = UINTPTR_MAX;  // nothing is private before begin_private_heap()

/// What the heap grows by is not what was said of the rest, so all of it is said each time.
bool advise(int advice) {
  const std::uintptr_t end = heap_end();
  return end <= private_from ||
         ::madvise(reinterpret_cast<void*>(private_from), end - private_from, advice) == 0;
}

}  // namespace

void begin_private_heap() {
  // what is larger has a mapping of its own, which children get; glibc takes no larger number
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  // the boundary lies in a block that nobody uses: the heap grows upwards, and a block of this size finds no
  // room below what was allocated so far
  static const auto fence = std::make_unique<std::array<char, 2 * kPage>>();
  private_from = std::min(page_behind(reinterpret_cast<std::uintptr_t>(fence.get())), heap_end());
}

bool keep_heap_private() { return advise(MADV_DONTFORK); }

SharedHeap::SharedHeap() { (void)advise(MADV_DOFORK); }

SharedHeap::~SharedHeap() { (void)keep_heap_private(); }

}  // namespace executor
