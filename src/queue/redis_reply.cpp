#include "queue/redis_reply.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <new>
#include <utility>

namespace executor {

std::string_view RedisReply::error_code() const {
  if (!is_error()) return {};
  const std::string_view view = text;
  return view.substr(0, std::min(view.find(' '), view.size()));
}

const RedisReply& RedisReply::at(std::size_t index) const {
  static const RedisReply nothing{};
  return index < elements.size() ? elements[index] : nothing;
}

void append_command(std::string& out, const RedisCommand& command) {
  std::vector<const char*> arguments;
  std::vector<std::size_t> lengths;
  for (const auto& argument : command) {
    arguments.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* bytes = nullptr;
  const int size =
      redisFormatCommandArgv(&bytes, static_cast<int>(command.size()), arguments.data(), lengths.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, void (*)(char*)> owner(bytes, [](char* pointer) { redisFreeCommand(pointer); });
  out.append(bytes, static_cast<std::size_t>(size));
}

/// hiredis calls these while it parses; the tree that they build belongs to `root`.
struct RedisReader::Builder {
  std::unique_ptr<RedisReply> root;
  std::size_t elements = 0;

  /// A fresh value in its place: the root, or the next element of the array being filled. A pointer into a
  /// parent's vector stays good while hiredis uses it, because the parent grows only after its child is
  /// complete.
  static RedisReply* place(const redisReadTask* task) {
    auto& builder = *static_cast<Builder*>(task->privdata);
    if (++builder.elements > kReplyElementsMax) return nullptr;
    if (task->parent == nullptr) {
      builder.root = std::make_unique<RedisReply>();
      return builder.root.get();
    }
    return &static_cast<RedisReply*>(task->parent->obj)->elements.emplace_back();
  }

  static void* create_string(const redisReadTask* task, char* bytes, std::size_t size) {
    RedisReply* reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = task->type == REDIS_REPLY_ERROR    ? RedisReply::Type::error
                  : task->type == REDIS_REPLY_STATUS ? RedisReply::Type::status
                                                     : RedisReply::Type::string;
    reply->text.assign(bytes, size);
    return reply;
  }
  static void* create_array(const redisReadTask* task, int /*claimed*/) {
    RedisReply* reply = place(task);
    if (reply != nullptr) reply->type = RedisReply::Type::array;
    return reply;
  }
  static void* create_integer(const redisReadTask* task, long long value) {
    RedisReply* reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = RedisReply::Type::integer;
    reply->integer = value;
    return reply;
  }
  static void* create_nil(const redisReadTask* task) { return place(task); }
  /// `root` owns the tree: nothing to do.
  static void free_object(void* /*object*/) {}

  static redisReplyObjectFunctions& functions() {
    static redisReplyObjectFunctions table{create_string, create_array, create_integer, create_nil,
                                           free_object};
    return table;
  }
};

void RedisReader::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisReader::RedisReader(std::size_t byte_limit)
    : builder_(std::make_unique<Builder>()),
      reader_(redisReaderCreateWithFunctions(&Builder::functions())),
      byte_limit_(byte_limit) {
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = builder_.get();
}

RedisReader::~RedisReader() = default;

namespace {

Error bad_reply(std::string why) {
  return {"read Redis reply: " + std::move(why), std::make_error_code(std::errc::bad_message)};
}

}  // namespace

Result<void> RedisReader::feed(std::string_view bytes) {
  unfinished_bytes_ += bytes.size();
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    return bad_reply(reader_->errstr);
  return {};
}

Result<std::optional<RedisReply>> RedisReader::next() {
  void* complete = nullptr;
  if (redisReaderGetReply(reader_.get(), &complete) != REDIS_OK) {
    if (builder_->elements > kReplyElementsMax) return bad_reply("too many values in one reply");
    return bad_reply(reader_->errstr);
  }
  if (complete == nullptr) {
    if (unfinished_bytes_ > byte_limit_) {
      return bad_reply("longer than " + std::to_string(byte_limit_) + " bytes");
    }
    return std::optional<RedisReply>{};
  }
  builder_->elements = 0;
  unfinished_bytes_ = reader_->len - reader_->pos;
  std::unique_ptr<RedisReply> reply = std::move(builder_->root);
  return std::optional<RedisReply>{std::move(*reply)};
}

}  // namespace executor
