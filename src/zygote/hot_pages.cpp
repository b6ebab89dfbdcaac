#include "zygote/hot_pages.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace executor::zygote {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kScratch = 1 << 20;
constexpr std::uint64_t kPresent = 1ULL << 63;
constexpr std::uint64_t kOfFile = 1ULL << 61;
constexpr std::uint64_t kNobodyElse = 1ULL << 56;

/// From a line of maps ("start-end rw-p … path"); size 0 for what is shared, or read-only and of no file.
Mapping private_mapping(std::string_view line) {
  const char* const end = line.data() + line.size();
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  const auto first = std::from_chars(line.data(), end, from, 16);
  if (first.ec != std::errc{} || first.ptr == end) return {};
  const auto second = std::from_chars(first.ptr + 1, end, to, 16);
  const std::string_view rest(second.ptr, static_cast<std::size_t>(end - second.ptr));
  if (second.ec != std::errc{}) return {};
  const bool of_file = rest.find('/', rest.find_last_of(' ')) != std::string_view::npos;
  if (rest.starts_with(" rw-p")) return {from, to - from, PROT_READ | PROT_WRITE, of_file};
  if (of_file && rest.starts_with(" r-xp")) return {from, to - from, PROT_READ | PROT_EXEC, of_file};
  if (of_file && rest.starts_with(" r--p")) return {from, to - from, PROT_READ, of_file};
  return {};
}

/// A page that was written to is nobody else's; one that was only read is the file's.
bool is_hot(std::uint64_t entry, bool written) {
  return (entry & (kPresent | kOfFile | kNobodyElse)) == (kPresent | kNobodyElse)
             ? written
             : !written && (entry & (kPresent | kOfFile)) == (kPresent | kOfFile);
}

/// Empty where it cannot be read.
std::pmr::string content_of(int proc, const char* path, std::pmr::memory_resource* memory) {
  constexpr std::size_t kChunk = 4096;
  std::pmr::string content(memory);
  const UniqueFd file(::openat(proc, path, O_RDONLY | O_CLOEXEC));
  for (ssize_t n = 1; file && n > 0;) {
    const std::size_t before = content.size();
    content.resize(before + kChunk);
    n = ::read(file.get(), content.data() + before, kChunk);
    content.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  return content;
}

void add_hot_pages(int pagemap, const Mapping& mapping, HotRanges& found) {
  const bool written = (mapping.protection & PROT_WRITE) != 0;
  std::pmr::vector<std::uint64_t> entries(mapping.size / kPage, found.get_allocator());
  const std::size_t bytes = entries.size() * sizeof(std::uint64_t);
  const auto at = static_cast<off_t>(mapping.start / kPage * sizeof(std::uint64_t));
  if (::pread(pagemap, entries.data(), bytes, at) != static_cast<ssize_t>(bytes)) return;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_hot(entries[i], written)) continue;
    const std::uintptr_t page = mapping.start + i * kPage;
    if (!found.empty() && found.back().start + found.back().size == page && found.back().written == written) {
      found.back().size += kPage;
    } else {
      found.push_back({page, kPage, written});
    }
  }
}

}  // namespace

Scratch::Scratch()
    : start_(::mmap(nullptr, kScratch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
      resource_(start_, start_ == MAP_FAILED ? 0 : kScratch) {}

Scratch::~Scratch() {
  if (start_ != MAP_FAILED) ::munmap(start_, kScratch);
}

std::pmr::vector<Mapping> private_mappings(int proc, std::pmr::memory_resource* memory) {
  std::pmr::vector<Mapping> found(memory);
  const std::pmr::string maps = content_of(proc, "self/maps", memory);
  std::string_view lines = maps;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (const Mapping mapping = private_mapping(line); mapping.size > 0) found.push_back(mapping);
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return found;
}

HotRanges touched_pages(int proc, std::pmr::memory_resource* memory) {
  HotRanges found(memory);
  const UniqueFd pagemap(::openat(proc, "self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap) return found;
  for (const Mapping& mapping : private_mappings(proc, memory)) add_hot_pages(pagemap.get(), mapping, found);
  return found;
}

void begin_new_heap() {
  constexpr std::size_t kLargest = 1 << 16;
  constexpr std::size_t kSmallest = 24;
  constexpr std::size_t kStep = 16;
  void* const last = std::malloc(kLargest);
  const auto end = reinterpret_cast<std::uintptr_t>(last);
  std::free(last);
  for (std::size_t size = kLargest; size >= kSmallest; size -= kStep) {
    void* block = std::malloc(size);
    while (block != nullptr && reinterpret_cast<std::uintptr_t>(block) < end) block = std::malloc(size);
    std::free(block);
  }
}

void touch_pages(const HotRanges& ranges) {
  for (const HotRange& range : ranges)
    ::madvise(reinterpret_cast<void*>(range.start), range.size,
              range.written ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

}  // namespace executor::zygote
