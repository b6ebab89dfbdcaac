#include "validation/sandbox_validator.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "spec/strict_json.hpp"
#include "spec/text.hpp"

namespace executor {
namespace {

using nlohmann::json;

constexpr std::size_t kAnswerDepth = 8;
constexpr const char* kSlow = "the source could not be parsed within its limits";
constexpr const char* kNotText = "the source is not valid UTF-8";
constexpr const char* kCrashed = "the source could not be parsed: the parser ended";

ValidationReport parser_report(const char* message) { return {false, {{0, 1, "parser", message}}}; }

/// A whole number that an int holds; what the sandbox says is not believed to be anything in particular.
std::optional<int> small_number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > 1'000'000'000)
    return std::nullopt;
  return found->get<int>();
}

std::optional<std::string> text(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<Violation> read_violation(const json& entry) {
  if (!entry.is_object()) return std::nullopt;
  auto line = small_number(entry, "line");
  auto column = small_number(entry, "column");
  auto rule = text(entry, "rule");
  auto message = text(entry, "message");
  if (!line || !column || !rule || !message) return std::nullopt;
  return Violation{*line, *column, std::move(*rule), std::move(*message)};
}

/// JSON, and where the source passed perhaps a NUL and its code.
std::optional<ValidationReport> read_report(std::string_view body, std::size_t code_max) {
  const std::string_view words = body.substr(0, body.find('\0'));
  const std::string_view code = body.substr(std::min(body.size(), words.size() + 1));
  if (code.size() > code_max) return std::nullopt;
  json answer;
  if (parse_strict_json(words, kAnswerDepth, answer) || !answer.is_object()) return std::nullopt;
  const auto compile_error = answer.find("compileError");
  const auto violations = answer.find("violations");
  if (compile_error == answer.end() || !compile_error->is_boolean()) return std::nullopt;
  if (violations == answer.end() || !violations->is_array()) return std::nullopt;
  ValidationReport report;
  report.compile_error = compile_error->get<bool>();
  for (const json& entry : *violations) {
    auto violation = read_violation(entry);
    if (!violation) return std::nullopt;
    report.violations.push_back(std::move(*violation));
  }
  if (report.compile_error && report.violations.empty()) return std::nullopt;  // would read as fine
  if (report.ok() && !code.empty()) report.code = std::make_shared<const std::string>(code);
  return report;
}

bool is_ready(const std::string& body) {
  json answer;
  return !parse_strict_json(body, kAnswerDepth, answer) && answer.is_object() &&
         answer.value("ready", json()) == true;
}

std::string to_frame(const json& message) {
  return make_frame(message.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

SandboxValidator::SandboxValidator(boost::asio::any_io_executor executor, OpenChannel open_channel,
                                   SandboxValidatorOptions options)
    : executor_(std::move(executor)),
      open_channel_(std::move(open_channel)),
      options_(std::move(options)),
      timer_(executor_),
      age_timer_(executor_),
      cache_(options_.cache_entries, options_.cache_bytes),
      frames_(options_.answer_max) {}

SandboxValidator::~SandboxValidator() = default;

void SandboxValidator::start() {
  if (state_ == State::closed) open();
}

void SandboxValidator::validate(std::string language, std::string source, Done done) {
  const auto& known = options_.languages;
  if (std::find(known.begin(), known.end(), language) == known.end())
    return answer(std::move(done), ValidationReport{});
  if (!is_utf8(source)) return answer(std::move(done), ValidationReport{true, {{1, 1, "syntax", kNotText}}});
  const SourceKey key = source_key(language, source);
  if (const ValidationReport* report = cache_.find(key)) {
    ++counters_.cache_hits;
    return answer(std::move(done), *report);
  }
  if (waiting_.size() >= options_.max_waiting) {
    return answer(std::move(done),
                  Error{"validate source: too many wait", std::make_error_code(std::errc::no_buffer_space)});
  }
  waiting_.push_back({key, std::move(source), std::move(done)});
  if (state_ == State::closed) open();
  hand_over();
}

SandboxValidator::Status SandboxValidator::status() const {
  Status status = counters_;
  status.ready = state_ == State::idle || state_ == State::busy;
  status.waiting = waiting_.size();
  return status;
}

void SandboxValidator::open() {
  open_since_ = std::make_shared<bool>(true);
  frames_ = FrameReader(options_.answer_max);
  served_ = 0;
  old_ = false;
  state_ = State::starting;
  const std::weak_ptr<bool> mine = open_since_;
  auto channel = open_channel_({[this, mine](std::string_view bytes) {
                                  if (!mine.expired()) on_bytes(bytes);
                                },
                                [this, mine](const Error& error) {
                                  if (!mine.expired()) lose(error.message(), Loss::ended);
                                }});
  if (channel.has_error()) return fail_all(channel.error().context("start source parser"));
  channel_ = std::move(*channel);
  channel_->write(configuration());
  arm(options_.start_deadline);
}

/// The channel may be the caller, so it is only destroyed once the caller has returned.
void SandboxValidator::close() {
  state_ = State::closed;
  open_since_.reset();
  disarm();
  age_timer_.cancel();
  if (channel_)
    boost::asio::post(executor_, [gone = std::shared_ptr(std::move(channel_))]() mutable { gone.reset(); });
}

void SandboxValidator::replace() {
  close();
  open();
}

void SandboxValidator::age() {
  age_timer_.expires_after(options_.channel_lifetime);
  age_timer_.async_wait([this, mine = std::weak_ptr(open_since_)](boost::system::error_code error) {
    if (error || mine.expired()) return;
    old_ = true;
    if (state_ == State::idle) replace();
  });
}

void SandboxValidator::hand_over() {
  if (state_ != State::idle || waiting_.empty()) return;
  state_ = State::busy;
  channel_->write(to_frame({{"source", waiting_.front().source}}));
  arm(options_.request_deadline);
}

void SandboxValidator::on_bytes(std::string_view bytes) {
  frames_.append(bytes);
  const std::weak_ptr<bool> mine = open_since_;
  while (!mine.expired()) {
    const auto body = frames_.next();
    if (!body) break;
    on_frame(*body);
  }
  if (!mine.expired() && frames_.oversized()) lose("an answer beyond its size", Loss::nonsense);
}

void SandboxValidator::on_frame(const std::string& body) {
  if (state_ == State::busy) return on_answer(body);
  if (state_ != State::starting || !is_ready(body))
    return lose("bytes that nobody asked for", Loss::nonsense);
  disarm();
  start_failed_ = false;
  state_ = State::idle;
  age();
  hand_over();
}

void SandboxValidator::on_answer(const std::string& body) {
  auto report = read_report(body, options_.code_max);
  if (!report) return lose("an answer that is none", Loss::nonsense);
  disarm();
  ++counters_.checked;
  Request request = std::move(waiting_.front());
  waiting_.pop_front();
  state_ = State::idle;
  cache_.put(request.key, *report);
  answer(std::move(request.done), std::move(*report));
  if (++served_ >= options_.requests_per_channel || old_) replace();
  hand_over();
}

/// The sandbox is gone, or no good any more.
void SandboxValidator::lose(const std::string& why, Loss loss) {
  const bool was_starting = state_ == State::starting;
  const bool was_busy = state_ == State::busy;
  counters_.detail = why;
  ++counters_.restarts;
  close();
  if (was_starting) {
    if (!std::exchange(start_failed_, true)) return open();  // all below it may just have been replaced
    return fail_all({"start source parser: " + why, std::make_error_code(std::errc::io_error)});
  }
  if (!was_busy) return;  // the next request opens another
  if (loss == Loss::ended && !std::exchange(waiting_.front().tried, true))
    return open();  // what ended it may have been the end of everything below: tried once more
  Request request = std::move(waiting_.front());
  waiting_.pop_front();
  answer(std::move(request.done), parser_report(loss == Loss::slow ? kSlow : kCrashed));
  open();
}

void SandboxValidator::fail_all(const Error& error) {
  close();
  start_failed_ = false;
  counters_.detail = error.message();
  while (!waiting_.empty()) {
    answer(std::move(waiting_.front().done), error);
    waiting_.pop_front();
  }
}

void SandboxValidator::answer(Done done, Result<ValidationReport> result) {
  boost::asio::post(
      executor_, [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void SandboxValidator::arm(std::chrono::milliseconds deadline) {
  timer_.expires_after(deadline);
  timer_.async_wait(
      [this, mine = std::weak_ptr(open_since_), round = ++timer_round_](boost::system::error_code error) {
        // one that was already on its way when the timer was set anew or stopped is nobody's any more
        if (!error && !mine.expired() && timer_round_ == round) lose("its deadline passed", Loss::slow);
      });
}

void SandboxValidator::disarm() {
  ++timer_round_;
  timer_.cancel();
}

std::string SandboxValidator::configuration() const {
  const SourcePolicy& policy = options_.policy;
  json message = {
      {"mode", policy.enabled ? "on" : "off"}, {"modules", policy.modules}, {"builtins", nullptr}};
  if (policy.builtins) message["builtins"] = *policy.builtins;
  if (options_.code_max > 0) message["code"] = options_.code_max;
  return to_frame(message);
}

}  // namespace executor
