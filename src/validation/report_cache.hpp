// What the policy said of the sources seen last. The policy never changes while a process lives, so an entry
// stays true. Not shared between threads.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "validation/validator.hpp"

namespace executor {

/// Names a source: SHA-256 of language, NUL, source.
using SourceKey = std::array<unsigned char, 32>;
[[nodiscard]] SourceKey source_key(std::string_view language, std::string_view source);

/// Least recently used out first, bounded in entries and in bytes of their violations and code.
class ReportCache {
 public:
  ReportCache(std::size_t max_entries, std::size_t max_bytes)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  /// The report, now the one used last; valid until the next put(). Null if it is not known.
  [[nodiscard]] const ValidationReport* find(const SourceKey& key);
  void put(const SourceKey& key, ValidationReport report);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    SourceKey key;
    ValidationReport report;
    std::size_t bytes;
  };
  struct Hash {
    std::size_t operator()(const SourceKey& key) const;
  };

  void drop(std::list<Entry>::iterator entry);

  std::size_t max_entries_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_{};  // used last in front
  std::unordered_map<SourceKey, std::list<Entry>::iterator, Hash> places_{};
};

}  // namespace executor
