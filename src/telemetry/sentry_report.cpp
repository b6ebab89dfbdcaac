#include "telemetry/sentry_report.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace executor {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestWords = 1024;
constexpr std::chrono::seconds kUnsaidPause{60};  // of a 429 that names none, as Sentry's clients take it
constexpr std::array kTags{"jobId", "traceId", "workerId", "code"};
constexpr std::array kDetails{"detail", "reason"};
constexpr int kTooMany = 429;

std::string line_of(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string without_quoted(std::string_view words) {
  std::string text(words);
  for (const char quote : {'"', '\'', '`'}) {
    const auto first = text.find(quote);
    const auto last = text.rfind(quote);
    if (first != last) text.replace(first, last - first + 1, "…");
  }
  if (text.size() > kLongestWords) text.resize(kLongestWords);
  return text;
}

std::string sentry_envelope(const SentrySender& sender, std::string_view event_id, double time,
                            std::string_view name, const Json& fields) {
  Json tags{{"role", sender.role}};
  Json details = Json::object();
  if (fields.is_object()) {
    for (const char* key : kTags)
      if (fields.contains(key) && fields[key].is_string()) tags[key] = fields[key];
    for (const char* key : kDetails)
      if (fields.contains(key) && fields[key].is_string())
        details[key] = without_quoted(fields[key].get_ref<const std::string&>());
  }
  const Json event{{"event_id", event_id},      {"timestamp", time},
                   {"platform", "native"},      {"level", "error"},
                   {"logger", "executor"},      {"logentry", {{"formatted", name}}},
                   {"release", sender.release}, {"server_name", sender.server_name},
                   {"tags", std::move(tags)},   {"extra", std::move(details)}};
  const std::string payload = line_of(event);
  return line_of({{"event_id", event_id}}) +
         line_of({{"type", "event"}, {"content_type", "application/json"}, {"length", payload.size() - 1}}) +
         payload;
}

bool SentryOutbox::push(std::string envelope) {
  if (waiting_.size() >= limits_.waiting) {
    ++dropped_;
    return false;
  }
  waiting_.push_back(std::move(envelope));
  return true;
}

std::optional<SentryOutbox::Time> SentryOutbox::due() const {
  if (under_way_ || waiting_.empty()) return std::nullopt;
  return not_before_;
}

std::string SentryOutbox::take() {
  std::string envelope = std::move(waiting_.front());
  waiting_.pop_front();
  under_way_ = true;
  return envelope;
}

void SentryOutbox::answered(int status, std::optional<std::chrono::seconds> retry_after, Time now) {
  if (status >= 500) return failed(now);
  under_way_ = false;
  step_ = limits_.first_pause;
  if (status / 100 == 2) {
    ++sent_;
    return;
  }
  ++dropped_;
  if (status == kTooMany)
    not_before_ = now + std::min(retry_after.value_or(kUnsaidPause), limits_.most_asked_for);
}

void SentryOutbox::failed(Time now) {
  under_way_ = false;
  ++dropped_;
  not_before_ = now + step_;
  step_ = std::min(step_ * 2, limits_.longest_pause);
}

}  // namespace executor
