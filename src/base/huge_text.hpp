// The code and constants of a program that is forked often, in huge pages.
#pragma once

namespace executor {

/// Puts the executable's code and constants into anonymous huge pages at the addresses where they are. A fork
/// copies such a page by one entry and the child never faults on it, while pages of a file are mapped anew,
/// fault by fault, in every child, and taken apart page by page at its end. Needs Linux 6.1 (MADV_COLLAPSE),
/// transparent huge pages that are not switched off, and segments aligned as this program is linked; a
/// segment that cannot be moved stays as it is. For a process with one thread.
void move_text_to_huge_pages();

}  // namespace executor
