#include "base/huge_pages.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

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

/// Moved memory alone is marked as one that huge pages are not to fill.
bool was_moved(const Mapping& mapping) {
  std::ifstream smaps("/proc/self/smaps");
  std::ostringstream start;
  start << std::hex << mapping.address() << '-';
  std::string line;
  while (std::getline(smaps, line) && !line.starts_with(start.str())) {
  }
  while (std::getline(smaps, line) && !line.starts_with("VmFlags:")) {
  }
  return line.find(" nh") != std::string::npos;
}

/// Where they are switched off, or cannot be asked for (Linux 6.1 can), memory stays where it is.
bool has_huge_pages() {
  constexpr std::size_t kHuge = 2UL << 20;
  constexpr int kCollapse = 25;
  void* const memory = ::mmap(nullptr, 2 * kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto at = (reinterpret_cast<std::uintptr_t>(memory) + kHuge - 1) / kHuge * kHuge;
  std::memset(reinterpret_cast<void*>(at), 1, kHuge);
  const bool has = ::madvise(reinterpret_cast<void*>(at), kHuge, kCollapse) == 0;
  ::munmap(memory, 2 * kHuge);
  return has;
}

TEST_CASE("data that was moved is what it was, can be written to, and takes no more memory") {
  const Mapping mapping;
  fill(mapping);
  const std::size_t before = mapping.pages_there();
  const UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  REQUIRE(pagemap);
  move_to_huge_pages(mapping.address(), kPages * kPage, PROT_READ | PROT_WRITE, pagemap.get());
  CHECK(was_moved(mapping) == has_huge_pages());
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

TEST_CASE("memory of a file keeps what was never looked at") {
  const Mapping mapping;
  const UniqueFd file(::memfd_create("content", MFD_CLOEXEC));
  REQUIRE(::ftruncate(file.get(), kPages * kPage) == 0);
  REQUIRE(::pwrite(file.get(), "x", 1, 5 * kPage) == 1);
  REQUIRE(::mmap(mapping.start, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.get(),
                 0) == mapping.start);
  move_to_huge_pages(mapping.address(), kPages * kPage, PROT_READ | PROT_WRITE, -1);
  CHECK(mapping.start[5 * kPage] == 'x');
}

TEST_CASE("data is moved without a pagemap, too") {
  const Mapping mapping;
  fill(mapping);
  move_to_huge_pages(mapping.address(), kPages * kPage, PROT_READ | PROT_WRITE, -1);
  CHECK(is_as_filled(mapping));
}

}  // namespace
}  // namespace executor
