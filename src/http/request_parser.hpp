// Bytes of a connection → one Request, refusing whatever two parsers could read in two ways.
//
// The grammar is Beast's basic_parser. Where the Beast of Debian 12 (Boost 1.81) is lenient, a check of ours
// stands in front or behind: it joins obs-fold lines, takes repeated and comma-separated equal
// Content-Lengths, ignores a Transfer-Encoding that is not chunked (and then sees no body), merges trailers
// into the header and takes chunk extensions. Each is a 400 here.
//
// No I/O. One parser reads one request; bytes that it does not consume belong to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "executor/limits.hpp"
#include "http/message.hpp"

namespace executor::http {

struct ParserLimits {
  std::size_t header_bytes = 8 * kKiB;  ///< request line and header lines together
  std::size_t header_count = 100;       ///< header lines
  std::uint64_t body_bytes = 4 * kMiB;  ///< body, however it is framed
};

class RequestParser {
 public:
  enum class State { header, body, complete, failed };

  /// Fills `request`, which the caller keeps alive until the parser is gone.
  RequestParser(Request& request, const ParserLimits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Reads from `input` and says how many bytes are used up; the rest is to be given again with more behind
  /// it.
  std::size_t feed(std::string_view input);

  [[nodiscard]] State state() const { return state_; }
  /// The client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }
  /// For State::failed: what to answer before the connection is closed.
  [[nodiscard]] const Response& failure() const { return failure_; }

 private:
  class Grammar;

  std::size_t feed_header(std::string_view input);
  std::size_t feed_body(std::string_view input);
  void scan_lines(std::string_view input);
  void end_line(std::size_t line_end);
  void parse_header();
  void check_framing();
  void check_host();
  void split_target();
  void fail_too_large();
  void fail(unsigned status, std::string_view code, std::string_view message);

  Request& request_;
  ParserLimits limits_;
  State state_ = State::header;
  std::size_t scanned_ = 0;     // header bytes already known to be well-formed
  std::size_t line_start_ = 0;  // where the line that is being read began
  std::size_t lines_ = 0;       // complete lines, the request line among them
  std::size_t header_end_ = 0;  // bytes of the header with its empty line, 0 while unknown
  bool expects_continue_ = false;
  Response failure_{};
  std::unique_ptr<Grammar> grammar_;
};

}  // namespace executor::http
