// Redis' protocol (RESP2), both ways: commands as bytes, bytes as replies. hiredis does the grammar; this
// bounds it.
//
// What hiredis' reader would do alone with a hostile peer: allocate an array by the length that it claims,
// and buffer an unfinished reply for ever. So replies are built by functions of our own that allocate for
// what has arrived only, and a reply may neither take more bytes than `byte_limit` nor hold more values than
// kReplyElementsMax. hiredis itself refuses arrays nested deeper than 7, bad integers and unknown types.
//
// Values. Thread safety: distinct objects may be used from distinct threads.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/error.hpp"

struct redisReader;

namespace executor {

inline constexpr std::size_t kReplyElementsMax = 100'000;

/// One value that a server answered; arrays hold further ones.
struct RedisReply {
  enum class Type { nil, string, status, error, integer, array };

  Type type = Type::nil;
  std::string text{};   ///< of string, status and error
  long long integer{};  ///< of integer
  std::vector<RedisReply> elements{};

  [[nodiscard]] bool is_nil() const { return type == Type::nil; }
  [[nodiscard]] bool is_error() const { return type == Type::error; }
  [[nodiscard]] bool is_string() const { return type == Type::string; }
  /// The error's first word, such as "NOSCRIPT" or "OOM"; empty for everything else.
  [[nodiscard]] std::string_view error_code() const;
  /// Element `index`, or nil where there is none.
  [[nodiscard]] const RedisReply& at(std::size_t index) const;
};

/// The arguments of one command, the command's name first; any bytes.
using RedisCommand = std::vector<std::string>;

/// Appends the command's wire form to `out`.
void append_command(std::string& out, const RedisCommand& command);

/// Turns a stream of bytes into replies.
class RedisReader {
 public:
  explicit RedisReader(std::size_t byte_limit);
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  /// Adds bytes that arrived. An Error (std::errc::bad_message) is final.
  [[nodiscard]] Result<void> feed(std::string_view bytes);
  /// The next complete reply, nullopt when more bytes are needed. An Error (std::errc::bad_message) is final.
  [[nodiscard]] Result<std::optional<RedisReply>> next();

 private:
  struct Builder;
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };

  std::unique_ptr<Builder> builder_;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::size_t byte_limit_;
  std::size_t unfinished_bytes_ = 0;  ///< fed since the last complete reply
};

}  // namespace executor
