// Messages in a byte stream: a length of four bytes, most significant first, and that many bytes. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace executor {

/// `body` with its length in front; at most 4 GiB - 1.
[[nodiscard]] std::string make_frame(std::string_view body);

/// Cuts a stream into messages. Never holds more than one message of the allowed size and the piece appended
/// last: a length is looked at before anything is kept for it.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_body) : max_body_(max_body) {}

  void append(std::string_view bytes) { buffer_.append(bytes); }

  /// The next whole message, if it is there.
  [[nodiscard]] std::optional<std::string> next();

  /// The stream announced a message beyond the allowed size; next() gives nothing any more.
  [[nodiscard]] bool oversized() const { return oversized_; }

 private:
  std::size_t max_body_;
  std::string buffer_{};
  bool oversized_ = false;
};

}  // namespace executor
