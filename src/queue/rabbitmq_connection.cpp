#include "queue/rabbitmq_connection.hpp"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace executor {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr amqp_channel_t kAskingChannel = 2;  ///< for questions that the server may close it for
constexpr int kFrameMax = 131072;
constexpr std::chrono::milliseconds kCallTimeout{10'000};
constexpr int kRepliesExpireMs = 600'000;
constexpr int kMarksExpireMs = 86'400'000;
constexpr const char* kTriedMark = "executor.sent.tried";
constexpr std::uint16_t kNotFound = 404;
constexpr std::uint8_t kPersistent = 2;
constexpr const char* kJobsConsumer = "jobs";
constexpr const char* kRepliesConsumer = "replies";

amqp_bytes_t bytes(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string text(const amqp_bytes_t& bytes) {
  return bytes.len == 0 ? std::string() : std::string(static_cast<const char*>(bytes.bytes), bytes.len);
}
timeval to_timeval(std::chrono::milliseconds time) {
  return {time.count() / 1000, static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

Error lost(const std::string& what, const std::string& why) {
  return {what + ": " + why, std::make_error_code(std::errc::not_connected)};
}

std::uint16_t reply_code(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) return 0;
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
    return static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_code;
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
    return static_cast<amqp_connection_close_t*>(reply.reply.decoded)->reply_code;
  return 0;
}

std::string reply_text(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
    return text(static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
    return text(static_cast<amqp_connection_close_t*>(reply.reply.decoded)->reply_text);
  return "an answer that makes no sense";
}

Result<void> check(const amqp_rpc_reply_t& reply, const std::string& what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return {};
  return lost(what, reply_text(reply));
}
Result<void> check(int status, const std::string& what) {
  if (status == AMQP_STATUS_OK) return {};
  return lost(what, amqp_error_string2(status));
}

// -- headers

const amqp_table_entry_t* find_header(const amqp_basic_properties_t& properties, std::string_view name) {
  if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) == 0) return nullptr;
  const amqp_table_t& table = properties.headers;
  const amqp_table_entry_t* begin = table.entries;
  const auto* end = begin + table.num_entries;
  const auto* found = std::find_if(begin, end, [name](const auto& entry) { return text(entry.key) == name; });
  return found == end ? nullptr : found;
}

/// Whatever kind of integer a producer wrote.
std::int64_t integer_header(const amqp_basic_properties_t& properties, std::string_view name,
                            std::int64_t otherwise) {
  const auto* entry = find_header(properties, name);
  if (entry == nullptr) return otherwise;
  switch (entry->value.kind) {
    case AMQP_FIELD_KIND_I8:
      return entry->value.value.i8;
    case AMQP_FIELD_KIND_I16:
      return entry->value.value.i16;
    case AMQP_FIELD_KIND_I32:
      return entry->value.value.i32;
    case AMQP_FIELD_KIND_I64:
      return entry->value.value.i64;
    default:
      return otherwise;
  }
}

amqp_table_entry_t integer_entry(const char* name, std::int64_t number) {
  amqp_table_entry_t entry{};
  entry.key = bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = number;
  return entry;
}
amqp_table_entry_t text_entry(const char* name, std::string_view value) {
  amqp_table_entry_t entry{};
  entry.key = bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes(value);
  return entry;
}

amqp_table_entry_t number_entry(const char* name, std::int32_t number) {
  amqp_table_entry_t entry{};
  entry.key = bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_I32;
  entry.value.value.i32 = number;
  return entry;
}

/// Arguments of the queue that holds a mark.
struct MarkArguments {
  std::array<amqp_table_entry_t, 3> entries{number_entry("x-expires", kMarksExpireMs),
                                            number_entry("x-max-length", 1),
                                            text_entry("x-queue-type", "classic")};
  amqp_table_t table{static_cast<int>(entries.size()), entries.data()};
};

std::string text_header(const amqp_basic_properties_t& properties, std::string_view name) {
  const auto* entry = find_header(properties, name);
  const bool readable = entry != nullptr && entry->value.kind == AMQP_FIELD_KIND_UTF8;
  return readable ? text(entry->value.value.bytes) : std::string();
}

RabbitMessage read_message(const amqp_message_t& raw) {
  const amqp_basic_properties_t& properties = raw.properties;
  const auto field = [&properties](amqp_flags_t flag, const amqp_bytes_t& value) {
    return (properties._flags & flag) != 0 ? text(value) : std::string();
  };
  RabbitMessage message;
  message.body = text(raw.body);
  message.reply_to = field(AMQP_BASIC_REPLY_TO_FLAG, properties.reply_to);
  message.correlation_id = field(AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlation_id);
  message.message_id = field(AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id);
  message.copy = text_header(properties, "x-copy");
  message.attempt =
      static_cast<int>(std::clamp<std::int64_t>(integer_header(properties, "x-attempt", 1), 1, 1000));
  const bool stamped = (properties._flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0;
  const std::int64_t stamp = stamped ? static_cast<std::int64_t>(properties.timestamp) * 1000 : 0;
  message.enqueued_ms = integer_header(properties, "x-enqueued-ms", stamp);
  return message;
}

}  // namespace

struct RabbitConnection::Library {
  Library() : state(amqp_new_connection()) {}
  ~Library() { amqp_destroy_connection(state); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  amqp_connection_state_t state;
};

RabbitConnection::RabbitConnection(const RabbitLinkOptions& options)
    : options_(options), library_(std::make_unique<Library>()) {}
RabbitConnection::~RabbitConnection() = default;

Result<std::unique_ptr<RabbitConnection>> RabbitConnection::open(const RabbitLinkOptions& options) {
  std::unique_ptr<RabbitConnection> connection(new RabbitConnection(options));
  for (const auto step : {&RabbitConnection::connect, &RabbitConnection::log_in, &RabbitConnection::prepare})
    if (auto done = (*connection.*step)(); !done) return done.error();
  return connection;
}

Result<void> RabbitConnection::connect() {
  const RabbitUrl& url = options_.url;
  const std::string what = "connect to " + url.describe();
  amqp_socket_t* socket =
      url.tls ? amqp_ssl_socket_new(library_->state) : amqp_tcp_socket_new(library_->state);
  if (socket == nullptr) return lost(what, "no socket");
  if (url.tls) {
    amqp_ssl_socket_set_verify_peer(socket, url.verify_peer ? 1 : 0);
    amqp_ssl_socket_set_verify_hostname(socket, url.verify_peer ? 1 : 0);
    auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
    if (url.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context);
    } else if (amqp_ssl_socket_set_cacert(socket, url.ca_file.c_str()) != AMQP_STATUS_OK) {
      return lost(what, "the file of trusted certificates cannot be used");
    }
    if (!url.certificate_file.empty() &&
        amqp_ssl_socket_set_key(socket, url.certificate_file.c_str(), url.key_file.c_str()) != AMQP_STATUS_OK)
      return lost(what, "the client certificate cannot be used");
  }
  timeval timeout = to_timeval(options_.connect_timeout);
  return check(amqp_socket_open_noblock(socket, url.host.c_str(), url.port, &timeout), what);
}

Result<void> RabbitConnection::log_in() {
  const RabbitUrl& url = options_.url;
  timeval timeout = to_timeval(options_.connect_timeout);
  amqp_set_handshake_timeout(library_->state, &timeout);
  timeval patience = to_timeval(kCallTimeout);
  amqp_set_rpc_timeout(library_->state, &patience);
  std::array<amqp_table_entry_t, 5> capabilities{};
  const std::array names{"publisher_confirms", "basic.nack", "connection.blocked", "consumer_cancel_notify",
                         "authentication_failure_close"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    capabilities[i].key = bytes(names[i]);
    capabilities[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
    capabilities[i].value.value.boolean = 1;
  }
  std::array<amqp_table_entry_t, 2> entries{text_entry("connection_name", "executor")};
  entries[1].key = bytes("capabilities");
  entries[1].value.kind = AMQP_FIELD_KIND_TABLE;
  entries[1].value.value.table = {static_cast<int>(capabilities.size()), capabilities.data()};
  const amqp_table_t properties{static_cast<int>(entries.size()), entries.data()};
  return check(
      amqp_login_with_properties(library_->state, url.vhost.c_str(), 0, kFrameMax, url.heartbeat_seconds,
                                 &properties, AMQP_SASL_METHOD_PLAIN, url.user.c_str(), url.password.c_str()),
      "log in to " + url.describe());
}

Result<void> RabbitConnection::prepare() {
  for (const amqp_channel_t channel : {kChannel, kAskingChannel}) {
    amqp_channel_open(library_->state, channel);
    if (auto opened = check(amqp_get_rpc_reply(library_->state), "open channel"); !opened) return opened;
  }
  for (const std::string* name : {&options_.jobs_queue, &options_.results_queue, &options_.dead_queue})
    if (auto there = ensure_queue(*name, false); !there) return there;
  if (auto there = ensure_queue(options_.replies_queue, true); !there) return there;
  amqp_confirm_select(library_->state, kChannel);
  return check(amqp_get_rpc_reply(library_->state), "ask for confirmations");
}

/// The messages of a queue; nothing where it is not there.
Result<std::optional<std::size_t>> RabbitConnection::count(const std::string& queue) {
  const auto* found =
      amqp_queue_declare(library_->state, kAskingChannel, bytes(queue), 1, 0, 0, 0, amqp_empty_table);
  if (found != nullptr) return std::optional(static_cast<std::size_t>(found->message_count));
  const amqp_rpc_reply_t reply = amqp_get_rpc_reply(library_->state);
  if (reply_code(reply) != kNotFound) return check(reply, "look for queue \"" + queue + "\"").error();
  // the server has closed the channel for the question
  amqp_channel_close_ok_t closed{};
  amqp_send_method(library_->state, kAskingChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed);
  amqp_channel_open(library_->state, kAskingChannel);
  if (auto opened = check(amqp_get_rpc_reply(library_->state), "open channel"); !opened)
    return opened.error();
  return std::optional<std::size_t>();
}

// A queue that others have made with arguments of their own is used as it is.
Result<void> RabbitConnection::ensure_queue(const std::string& name, bool ours) {
  const auto found = count(name);
  if (!found) return found.error();
  if (found->has_value()) return {};
  amqp_table_entry_t expires = number_entry("x-expires", kRepliesExpireMs);
  const amqp_table_t arguments = ours ? amqp_table_t{1, &expires} : amqp_empty_table;
  amqp_queue_declare(library_->state, kChannel, bytes(name), 0, 1, 0, 0, arguments);
  return check(amqp_get_rpc_reply(library_->state), "make queue \"" + name + "\"");
}

// What is not allowed to the user is said when connecting, not by each job.
Result<void> RabbitConnection::ensure_marks() {
  if (auto made = look(kTriedMark); !made) return made.error();
  return delete_mark(kTriedMark);
}

int RabbitConnection::descriptor() const { return amqp_get_sockfd(library_->state); }

Result<void> RabbitConnection::poll(const std::function<void(Event)>& on_event) {
  while (true) {
    amqp_frame_t frame{};
    timeval now{0, 0};
    const int status = amqp_simple_wait_frame_noblock(library_->state, &frame, &now);
    if (status == AMQP_STATUS_TIMEOUT) break;
    if (auto good = check(status, "receive"); !good) return good;
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    if (auto done = dispatch(frame.channel, frame.payload.method.id, frame.payload.method.decoded, on_event);
        !done)
      return done;
  }
  amqp_maybe_release_buffers(library_->state);
  return {};
}

Result<void> RabbitConnection::dispatch(std::uint16_t channel, std::uint32_t method, void* decoded,
                                        const std::function<void(Event)>& on_event) {
  const auto read = [this, channel](amqp_message_t& raw) {
    return check(amqp_read_message(library_->state, channel, &raw, 0), "receive message");
  };
  switch (method) {
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto* deliver = static_cast<amqp_basic_deliver_t*>(decoded);
      const Queue queue = text(deliver->consumer_tag) == kJobsConsumer ? Queue::jobs : Queue::replies;
      RabbitDelivery delivery;
      delivery.tag.number = deliver->delivery_tag;
      delivery.redelivered = deliver->redelivered != 0;
      amqp_message_t raw{};
      if (auto done = read(raw); !done) return done;
      delivery.message = read_message(raw);
      amqp_destroy_message(&raw);
      on_event(Received{queue, std::move(delivery)});
      return {};
    }
    case AMQP_BASIC_RETURN_METHOD: {
      amqp_message_t raw{};
      if (auto done = read(raw); !done) return done;
      std::string id = text(raw.properties.message_id);
      amqp_destroy_message(&raw);
      on_event(Returned{std::move(id)});
      return {};
    }
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<amqp_basic_ack_t*>(decoded);
      on_event(Confirmed{ack->delivery_tag, ack->multiple != 0, true});
      return {};
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<amqp_basic_nack_t*>(decoded);
      on_event(Confirmed{nack->delivery_tag, nack->multiple != 0, false});
      return {};
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      on_event(
          Blocked{"it takes nothing: " + text(static_cast<amqp_connection_blocked_t*>(decoded)->reason)});
      return {};
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      on_event(Blocked{});
      return {};
    case AMQP_CHANNEL_CLOSE_METHOD:
      return lost("receive", text(static_cast<amqp_channel_close_t*>(decoded)->reply_text));
    case AMQP_CONNECTION_CLOSE_METHOD:
      return lost("receive", text(static_cast<amqp_connection_close_t*>(decoded)->reply_text));
    case AMQP_BASIC_CANCEL_METHOD:
      return lost("receive", "a queue was deleted");
    default:
      return {};
  }
}

Result<void> RabbitConnection::consume(Queue queue, std::uint16_t prefetch) {
  const bool jobs = queue == Queue::jobs;
  if (auto allowed = jobs ? ensure_marks() : Result<void>(); !allowed) return allowed;
  amqp_basic_qos(library_->state, kChannel, 0, prefetch, 0);
  if (auto limited = check(amqp_get_rpc_reply(library_->state), "set prefetch"); !limited) return limited;
  amqp_basic_consume(library_->state, kChannel, bytes(jobs ? options_.jobs_queue : options_.replies_queue),
                     bytes(jobs ? kJobsConsumer : kRepliesConsumer), 0, 0, 0, amqp_empty_table);
  return check(amqp_get_rpc_reply(library_->state), "consume");
}

Result<void> RabbitConnection::cancel(Queue queue) {
  amqp_basic_cancel(library_->state, kChannel,
                    bytes(queue == Queue::jobs ? kJobsConsumer : kRepliesConsumer));
  return check(amqp_get_rpc_reply(library_->state), "stop consuming");
}

Result<std::uint64_t> RabbitConnection::publish(const RabbitPublication& publication) {
  const RabbitMessage& message = publication.message;
  amqp_basic_properties_t properties{};
  const auto set = [&properties](amqp_flags_t flag, amqp_bytes_t& field, const std::string& value) {
    if (value.empty()) return;
    properties._flags |= flag;
    field = bytes(value);
  };
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties.delivery_mode = kPersistent;
  properties.content_type = bytes("application/json");
  set(AMQP_BASIC_REPLY_TO_FLAG, properties.reply_to, message.reply_to);
  set(AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlation_id, message.correlation_id);
  set(AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id, message.message_id);
  amqp_field_value_t mark = text_entry("", publication.mark).value;
  amqp_table_entry_t copy_to{};  // routed there in one step with the message's own queue, and removed
  copy_to.key = bytes("BCC");
  copy_to.value.kind = AMQP_FIELD_KIND_ARRAY;
  copy_to.value.value.array = {1, &mark};
  std::array<amqp_table_entry_t, 5> headers{integer_entry("x-attempt", message.attempt),
                                            integer_entry("x-enqueued-ms", message.enqueued_ms)};
  int count = 2;
  if (!message.reason.empty()) headers.at(count++) = text_entry("x-reason", message.reason);
  if (!message.copy.empty()) headers.at(count++) = text_entry("x-copy", message.copy);
  if (!publication.mark.empty()) headers.at(count++) = copy_to;
  properties.headers = {count, headers.data()};
  const int status = amqp_basic_publish(library_->state, kChannel, amqp_empty_bytes, bytes(publication.queue),
                                        1, 0, &properties, bytes(message.body));
  if (auto sent = check(status, "publish"); !sent) return sent.error();
  return ++published_;
}

Result<void> RabbitConnection::acknowledge(std::uint64_t tag) {
  return check(amqp_basic_ack(library_->state, kChannel, tag, 0), "acknowledge");
}

Result<void> RabbitConnection::make_mark(const std::string& name) {
  MarkArguments arguments;
  amqp_queue_declare_t declare{};
  declare.queue = bytes(name);
  declare.durable = 1;
  declare.nowait = 1;
  declare.arguments = arguments.table;
  return check(amqp_send_method(library_->state, kChannel, AMQP_QUEUE_DECLARE_METHOD, &declare), "make mark");
}

Result<void> RabbitConnection::delete_mark(const std::string& name) {
  amqp_queue_delete_t deletion{};
  deletion.queue = bytes(name);
  deletion.nowait = 1;
  return check(amqp_send_method(library_->state, kChannel, AMQP_QUEUE_DELETE_METHOD, &deletion),
               "delete mark");
}

Result<RabbitMark> RabbitConnection::look(const std::string& name) {
  const MarkArguments arguments;
  const auto* found = amqp_queue_declare(library_->state, kChannel, bytes(name), 0, 1, 0, 0, arguments.table);
  if (found == nullptr) return check(amqp_get_rpc_reply(library_->state), "look for mark").error();
  return found->message_count > 0 ? RabbitMark::there : RabbitMark::missing;
}

Result<RabbitMark> RabbitConnection::look_closely(const std::string& name) {
  const auto messages = count(name);
  if (!messages) return messages.error();
  if (messages->has_value()) return **messages > 0 ? RabbitMark::there : RabbitMark::missing;
  if (auto made = make_mark(name); !made) return made.error();
  return RabbitMark::untaken;
}

Result<std::size_t> RabbitConnection::depth() {
  const auto found = count(options_.jobs_queue);
  if (!found) return found.error();
  if (!found->has_value()) return lost("count jobs", "the queue was deleted");
  return **found;
}

void RabbitConnection::close() { amqp_connection_close(library_->state, AMQP_REPLY_SUCCESS); }

}  // namespace executor
