// Values to bytes and back, for messages between our own processes: integers little-endian in their own
// width, strings and vectors with a 32-bit length. A type takes part by a function `archive_fields(Archive&,
// T&)` that names its fields once for both directions.
//
// The reader trusts nothing: every length is held against what is left, and after the first error ok() stays
// false. Not async-signal-safe (allocates). One object, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace executor {

class ArchiveWriter {
 public:
  static constexpr bool kReads = false;

  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      archive_fields(*this,
                     const_cast<T&>(value));  // the field list is shared with the reader; writing only reads
    }
  }
  void put(const std::string& value) {
    put(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }
  template <class R, class P>
  void put(const std::chrono::duration<R, P>& value) {
    put(static_cast<std::int64_t>(value.count()));
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) put(value);
  }

  std::string bytes_;
};

class ArchiveReader {
 public:
  static constexpr bool kReads = true;
  explicit ArchiveReader(std::string_view bytes) : rest_(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  /// True when nothing was missing so far.
  [[nodiscard]] bool ok() const { return ok_; }
  /// True when everything was read and nothing is left over.
  [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }

 private:
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      get(byte);
      ok_ = ok_ && byte <= 1;
      value = byte == 1;
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      if (!has(sizeof value)) return;
      std::memcpy(&value, rest_.data(), sizeof value);
      rest_.remove_prefix(sizeof value);
    } else {
      archive_fields(*this, value);
    }
  }
  void get(std::string& value) {
    std::uint32_t size = 0;
    get(size);
    if (!has(size)) return;
    value.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  template <class R, class P>
  void get(std::chrono::duration<R, P>& value) {
    std::int64_t count = 0;
    get(count);
    value = std::chrono::duration<R, P>(static_cast<R>(count));
  }
  template <class T>
  void get(std::vector<T>& values) {
    std::uint32_t size = 0;
    get(size);
    if (!has(size)) return;  // every element takes at least a byte: no allocation by a claimed length
    values.clear();
    for (std::uint32_t i = 0; i < size && ok_; ++i) get(values.emplace_back());
  }
  bool has(std::size_t size) {
    ok_ = ok_ && size <= rest_.size();
    return ok_;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace executor
