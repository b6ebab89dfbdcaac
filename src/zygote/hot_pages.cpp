#include "zygote/hot_pages.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "base/sys.hpp"

namespace executor::zygote {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kPresent = 1ULL << 63;
constexpr std::uint64_t kOfFile = 1ULL << 61;
constexpr std::uint64_t kNobodyElse = 1ULL << 56;

/// From a line of maps ("start-end rw-p … path"); size 0 for what is not private and writable, or the stack.
PageRange writable_mapping(std::string_view line) {
  const char* const end = line.data() + line.size();
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  const auto first = std::from_chars(line.data(), end, from, 16);
  if (first.ec != std::errc{} || first.ptr == end) return {};
  const auto second = std::from_chars(first.ptr + 1, end, to, 16);
  const std::string_view rest(second.ptr, static_cast<std::size_t>(end - second.ptr));
  if (second.ec != std::errc{} || !rest.starts_with(" rw-p") || rest.ends_with("[stack]")) return {};
  return {from, to - from};
}

void add_own_pages(int pagemap, const PageRange& mapping, std::vector<PageRange>& found) {
  std::vector<std::uint64_t> entries(mapping.size / kPage);
  const std::size_t bytes = entries.size() * sizeof(std::uint64_t);
  const auto at = static_cast<off_t>(mapping.start / kPage * sizeof(std::uint64_t));
  if (::pread(pagemap, entries.data(), bytes, at) != static_cast<ssize_t>(bytes)) return;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if ((entries[i] & (kPresent | kOfFile | kNobodyElse)) != (kPresent | kNobodyElse)) continue;
    const std::uintptr_t page = mapping.start + i * kPage;
    if (!found.empty() && found.back().start + found.back().size == page) {
      found.back().size += kPage;
    } else {
      found.push_back({page, kPage});
    }
  }
}

}  // namespace

std::vector<PageRange> own_pages(int proc) {
  std::vector<PageRange> found;
  const auto maps = sys::read_file_at(proc, "self/maps");
  const auto pagemap = sys::open_at(proc, "self/pagemap", O_RDONLY);
  if (!maps || !pagemap) return found;
  std::string_view lines = *maps;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (const PageRange mapping = writable_mapping(line); mapping.size > 0)
      add_own_pages(pagemap->get(), mapping, found);
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return found;
}

void copy_pages(const std::vector<PageRange>& ranges) {
  for (const PageRange& range : ranges)
    ::madvise(reinterpret_cast<void*>(range.start), range.size, MADV_POPULATE_WRITE);
}

}  // namespace executor::zygote
