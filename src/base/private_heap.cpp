#include "base/private_heap.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace executor {

namespace {

constexpr std::uintptr_t kPage = 4096;

std::uintptr_t page_behind(std::uintptr_t address) { return (address + kPage - 1) / kPage * kPage; }

std::uintptr_t heap_end() { return page_behind(reinterpret_cast<std::uintptr_t>(::sbrk(0))); }

std::uintptr_t private_from = UINTPTR_MAX;  // nothing is private before begin_private_heap()

/// What the heap grows by is not what was said of the rest, so all of it is said each time.
void advise(int advice) {
  const std::uintptr_t end = heap_end();
  if (end > private_from) ::madvise(reinterpret_cast<void*>(private_from), end - private_from, advice);
}

}  // namespace

void begin_private_heap() {
  // it grows upwards, and a new block finds no room below what was allocated so far
  const auto* const block = new char[kPage];
  private_from = std::min(page_behind(reinterpret_cast<std::uintptr_t>(block)), heap_end());
  delete[] block;
}

void keep_heap_private() { advise(MADV_DONTFORK); }

SharedHeap::SharedHeap() { advise(MADV_DOFORK); }

SharedHeap::~SharedHeap() { keep_heap_private(); }

}  // namespace executor
