#include "base/huge_pages.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/unique_fd.hpp"

namespace executor {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 700;  // more than one huge page, and no whole number of them

/// A private mapping between two others, so that it stands on no boundary of a huge page.
struct Mapping {
  Mapping()
      : all(static_cast<char*>(::mmap(nullptr, (kPages + 2) * kPage, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        start(all + kPage) {
    ::mprotect(all, kPage, PROT_READ);
    ::mprotect(start + kPages * kPage, kPage, PROT_READ);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(all, (kPages + 2) * kPage); }
  [[nodiscard]] std::uintptr_t address() const { return reinterpret_cast<std::uintptr_t>(start); }
  [[nodiscard]] std::size_t pages_there() const {
    std::array<unsigned char, kPages> there{};
    REQUIRE(::mincore(start, kPages * kPage, there.data()) == 0);
    std::size_t count = 0;
    for (const unsigned char page : there) count += page & 1U;
    return count;
  }

  char* all;
  char* start;
};

/// Every third page says its number.
void fill(const Mapping& mapping) {
  for (std::size_t i = 0; i < kPages; i += 3) mapping.start[i * kPage + i] = static_cast<char>(i % 100 + 1);
}

bool is_as_filled(const Mapping& mapping) {
  for (std::size_t i = 0; i < kPages; ++i)
    if (mapping.start[i * kPage + i] != (i % 3 == 0 ? static_cast<char>(i % 100 + 1) : 0)) return false;
  return true;
}

TEST_CASE("data that was moved is what it was, can be written to, and takes no more memory") {
  const Mapping mapping;
  fill(mapping);
  const std::size_t before = mapping.pages_there();
  const UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  REQUIRE(pagemap);
  move_to_huge_pages(mapping.address(), kPages * kPage, PROT_READ | PROT_WRITE, pagemap.get());
  CHECK(mapping.pages_there() == before);
  CHECK(is_as_filled(mapping));
  mapping.start[0] = 'x';
  CHECK(mapping.start[0] == 'x');
}

TEST_CASE("what can only be read stays what it is, and cannot be written to") {
  const Mapping mapping;
  fill(mapping);
  ::mprotect(mapping.start, kPages * kPage, PROT_READ);
  const UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  move_to_huge_pages(mapping.address(), kPages * kPage, PROT_READ, pagemap.get());
  CHECK(is_as_filled(mapping));
  const UniqueFd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  CHECK(::read(zero.get(), mapping.start, 1) == -1);
  CHECK(errno == EFAULT);
}

TEST_CASE("data is moved without a pagemap, too") {
  const Mapping mapping;
  fill(mapping);
  move_to_huge_pages(mapping.address(), kPages * kPage, PROT_READ | PROT_WRITE, -1);
  CHECK(is_as_filled(mapping));
}

}  // namespace
}  // namespace executor
