// A heap that children do not get. A clone copies the page tables of all memory, and makes each page that the
// parent writes to next be copied while the child lives: a process that clones all the time pays for its
// whole heap each time. The child is the safer for it, as it cannot read what it does not have.
//
// Single-threaded. Source: madvise(2), MADV_DONTFORK.
#pragma once

namespace executor {

/// Once, early: what is on the heap by now, children get. It holds the C library's data of this thread too. A
/// later block that is small enough to fill a hole between those is among them.
/// So that later blocks are on the heap, none but those of more than 32 MiB get a mapping of their own from
/// here on.
void begin_private_heap();

/// Before a clone: what the heap has grown by since is kept from the child as well. A child that touches it
/// gets SIGSEGV. False with errno where the kernel refuses.
bool keep_heap_private();

/// While it lives, children get the heap.
class SharedHeap {
 public:
  SharedHeap();
  SharedHeap(const SharedHeap&) = delete;
  SharedHeap& operator=(const SharedHeap&) = delete;
  ~SharedHeap();
};

}  // namespace executor
