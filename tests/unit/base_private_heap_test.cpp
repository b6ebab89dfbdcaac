#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/private_heap.hpp"

namespace executor {
namespace {

constexpr std::size_t kPage = 4096;

constexpr int kNothing = -SIGSEGV;

/// What a child finds at this byte; kNothing where there is no memory.
int seen_by_child(const char* byte) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGSEGV, SIG_DFL);  // sanitizers have a handler
    ::_exit(*byte);
  }
  int status = 0;
  CHECK(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Whole pages at the end of the heap, below what malloc has.
char* grown(char value) {
  ::sbrk(static_cast<intptr_t>(kPage - reinterpret_cast<std::uintptr_t>(::sbrk(0)) % kPage));
  auto* const block = static_cast<char*>(::sbrk(2 * kPage));
  *block = value;
  return block;
}

TEST_CASE("children get what was on the heap before it was made private, and nothing later") {
  const auto before = std::make_unique<char>(7);
  begin_private_heap();
  const char* const first = grown(8);
  REQUIRE(keep_heap_private());
  CHECK(seen_by_child(before.get()) == 7);
  CHECK(seen_by_child(first) == kNothing);
  CHECK(*first == 8);  // ours all the same

  const char* const second = grown(9);
  CHECK(seen_by_child(second) == 9);  // not said of it yet
  REQUIRE(keep_heap_private());
  CHECK(seen_by_child(first) == kNothing);
  CHECK(seen_by_child(second) == kNothing);
  {
    const SharedHeap lent;
    CHECK(seen_by_child(first) == 8);
    CHECK(seen_by_child(second) == 9);
  }
  CHECK(seen_by_child(second) == kNothing);
}

}  // namespace
}  // namespace executor
