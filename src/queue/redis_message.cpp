#include "queue/redis_message.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "queue/redis_keys.hpp"
#include "spec/parse.hpp"

namespace executor {
namespace {

using nlohmann::json;

/// Far above what a job needs and far below what would exhaust a stack.
constexpr int kNestingMax = 64;
constexpr std::size_t kReplyToMax = 512;

/// Reads the top level's jobId and replyTo without building a tree, and stops at kNestingMax.
class EnvelopeReader : public nlohmann::json_sax<json> {
 public:
  std::string problem{};
  std::string id{};
  std::string reply_to{};
  bool id_seen = false;
  bool reply_to_seen = false;

  bool null() override { return other("null"); }
  bool boolean(bool /*value*/) override { return other("a boolean"); }
  bool number_integer(number_integer_t /*value*/) override { return other("a number"); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return other("a number"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return other("a number"); }
  bool binary(binary_t& /*value*/) override { return other("binary"); }
  bool string(string_t& value) override {
    if (depth_ == 0) return other("a string");
    if (depth_ > 1) return true;
    if (key_ == "jobId") {
      if (id_seen) return fail("jobId stands there twice");
      id_seen = true;
      id = value;
    } else if (key_ == "replyTo") {
      if (reply_to_seen) return fail("replyTo stands there twice");
      reply_to_seen = true;
      reply_to = value;
    }
    return true;
  }
  bool start_object(std::size_t /*elements*/) override { return open(true); }
  bool key(string_t& value) override {
    if (depth_ == 1) key_ = value;
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*elements*/) override { return open(false); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return fail("not JSON (at byte " + std::to_string(position) + ")");
  }

 private:
  bool fail(std::string what) {
    if (problem.empty()) problem = std::move(what);
    return false;
  }
  bool other(const char* what) {
    if (depth_ == 0) return fail("not a JSON object");
    if (depth_ == 1 && (key_ == "jobId" || key_ == "replyTo")) {
      return fail(key_ + " must be a string, not " + what);
    }
    return true;
  }
  bool open(bool object) {
    if (depth_ == 0 && !object) return fail("not a JSON object");
    if (depth_ > 0 && !other("an object or array")) return false;
    if (++depth_ > kNestingMax) return fail("nested deeper than " + std::to_string(kNestingMax));
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::string key_{};
};

std::string digest_hex(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm, nullptr) != 1) {
    throw std::runtime_error("digest: OpenSSL refused the algorithm");
  }
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int index = 0; index < size; ++index) {
    text += kDigits[digest[index] >> 4];
    text += kDigits[digest[index] & 15];
  }
  return text;
}

std::string canonical_digest(std::string_view raw) {
  json body = json::parse(raw);
  for (const char* varying : {"enqueuedAt", "replyTo", "traceId"}) body.erase(varying);
  return sha256_hex(body.dump());
}

std::string to_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::variant<RedisMessage, UnusableMessage> read_redis_message(std::string_view raw, std::size_t size_limit) {
  EnvelopeReader envelope;
  json::sax_parse(raw, &envelope);
  const std::string id = is_job_id(envelope.id) ? envelope.id : "";
  if (raw.size() > size_limit) {
    return UnusableMessage{"larger than " + std::to_string(size_limit) + " bytes", id};
  }
  if (!envelope.problem.empty()) return UnusableMessage{envelope.problem, id};
  if (!envelope.id_seen) return UnusableMessage{"jobId is missing", ""};
  if (id.empty()) return UnusableMessage{"jobId must be 1 to 128 characters of [A-Za-z0-9._:-]", ""};
  const std::string& reply_to = envelope.reply_to;
  if (envelope.reply_to_seen &&
      (!reply_to.starts_with(RedisKeys::kResultPrefix) || reply_to.size() > kReplyToMax)) {
    return UnusableMessage{"replyTo must be a key under executor:results:", id};
  }
  // the result stands under its own key anyway
  return RedisMessage{id, reply_to == RedisKeys::result(id) ? "" : reply_to, canonical_digest(raw)};
}

std::string without_enqueue_time(std::string_view raw) {
  static constexpr std::string_view kBeginning = R"({"enqueuedAt":)";
  if (!raw.starts_with(kBeginning)) return std::string(raw);
  const auto after = raw.find_first_not_of("0123456789", kBeginning.size());
  if (after == std::string_view::npos || raw[after] != ',') return std::string(raw);
  return std::string("{").append(raw.substr(after + 1));
}

std::string redis_error_result(std::string_view id, std::string_view code, std::string_view message) {
  const json error{{"code", code}, {"message", message}};
  return to_text({{"jobId", id}, {"ok", false}, {"error", error}});
}

std::string redis_dead_letter(std::string_view reason, std::string_view raw, std::size_t raw_size,
                              int attempts, std::int64_t time_ms) {
  json job = std::string(raw.substr(0, kDeadJobTextMax));
  EnvelopeReader envelope;  // bounds the nesting
  if (raw.size() == raw_size && json::sax_parse(raw, &envelope)) job = json::parse(raw);
  return to_text(
      {{"reason", reason}, {"job", job}, {"attempts", attempts}, {"time", time_ms}, {"bytes", raw_size}});
}

std::string sha1_hex(std::string_view bytes) { return digest_hex(EVP_sha1(), bytes); }
std::string sha256_hex(std::string_view bytes) { return digest_hex(EVP_sha256(), bytes); }

}  // namespace executor
