// The memory of a program that is forked often, in huge pages.
//
// For a process with one thread. Needs Linux 6.1 (MADV_COLLAPSE) and transparent huge pages that are not
// switched off; what cannot be moved stays as it is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace executor {

/// Puts the executable's code and constants into anonymous huge pages at the addresses where they are. A fork
/// copies such a page by one entry and the child never faults on it, while pages of a file are mapped anew,
/// fault by fault, in every child, and taken apart page by page at its end. Needs segments aligned as this
/// program is linked.
void move_text_to_huge_pages();

/// Puts a private mapping, which need not be aligned and is not the stack, into parts of huge pages. A fork
/// and the end of a child handle those that stand side by side at once, and the child faults on none that it
/// only reads; one that it writes to is copied alone, as before. `protection`: the mapping's. `pagemap`:
/// /proc/self/pagemap, for anonymous memory: what was never touched is given back. -1 for memory of a file,
/// and where there is none.
void move_to_huge_pages(std::uintptr_t start, std::size_t size, int protection, int pagemap);

}  // namespace executor
