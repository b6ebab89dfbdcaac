#include "http/jobs.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "spec/json_writer.hpp"
#include "spec/request_error.hpp"

namespace executor::http {

namespace {

std::string server_sent(std::string_view event, const std::string& data, std::size_t number = 0) {
  std::string text = "event: " + std::string(event) + "\n";
  if (number > 0) text += "id: " + std::to_string(number) + "\n";
  return text + "data: " + data + "\n\n";
}

/// "passed" and "total" of a result; both 0 where it is none.
std::pair<std::size_t, std::size_t> counts(const std::string& result) {
  const auto json = nlohmann::json::parse(result, nullptr, false);
  if (!json.is_object() || !json.contains("passed")) return {0, 0};
  return {json.value("passed", std::size_t{0}), json.value("total", std::size_t{0})};
}

}  // namespace

Jobs::Jobs(boost::asio::io_context& context, JobsLimits limits, Site site)
    : context_(context), limits_(limits), site_(std::move(site)), beat_timer_(context) {}

std::string_view Jobs::name(State state) {
  switch (state) {
    case State::queued:
      return "queued";
    case State::running:
      return "running";
    case State::done:
      return "done";
    case State::failed:
      return "failed";
    case State::cancelled:
      break;
  }
  return "cancelled";
}

bool Jobs::add(const std::string& id, std::size_t tests, std::shared_ptr<void> ticket) {
  drop_old();
  if (entries_.size() >= limits_.jobs) return false;
  entries_.emplace(id, Entry{.tests = tests, .ticket = std::move(ticket)});
  return true;
}

void Jobs::forget(const std::string& id) {
  const auto found = entries_.find(id);
  if (found != entries_.end() && !ended(found->second.state)) entries_.erase(found);
}

void Jobs::progress(const std::string& id, const std::string& event) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || ended(found->second.state)) return;
  Entry& entry = found->second;
  const bool first = entry.state == State::queued;
  entry.state = State::running;
  const bool verdict = event.find(R"("event":"test")") != std::string::npos;
  // a second attempt of the job begins anew; what was told stays told
  if (verdict && entry.verdicts.size() < entry.tests) entry.verdicts.push_back(event);
  for (const ExchangePtr& stream :
       std::vector<ExchangePtr>(entry.streams)) {  // one that is cut off leaves the list
    if (first) stream->add(server_sent("started", R"({"jobId":")" + id + "\"}"));
    if (verdict) stream->add(server_sent("test", event, entry.verdicts.size()));
  }
}

void Jobs::finish(const std::string& id, Result<std::string> answer) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || ended(found->second.state)) return;
  const State state = state_of(answer);
  if (state == State::cancelled) return end(id, found->second, state, {});
  if (!answer)
    return end(id, found->second, state,
               error_json("infrastructure_error", "the job could not be run to its end"));
  end(id, found->second, state, std::move(*answer));
}

Jobs::State Jobs::state_of(const Result<std::string>& answer) {
  if (!answer) return answer.error().code == std::errc::operation_canceled ? State::cancelled : State::failed;
  return answer->find(R"("ok":false)") > 64 ? State::done : State::failed;
}

void Jobs::end(const std::string& id, Entry& entry, State state, std::string result) {
  entry.state = state;
  entry.result = std::move(result);
  entry.ended = Clock::now();
  entry.ticket.reset();
  bytes_ += entry.result.size();
  entry.place = ended_.insert(ended_.end(), id);
  const std::string last = end_event(id, entry);
  for (const ExchangePtr& stream : std::exchange(entry.streams, {})) {
    --streams_;
    stream->add(last);
    stream->finish();
  }
  drop_old();
}

void Jobs::drop_old() {
  const Clock::time_point oldest = Clock::now() - limits_.keep;
  while (!ended_.empty()) {
    const Entry& entry = entries_.at(ended_.front());
    const bool many = bytes_ > limits_.result_bytes || entries_.size() > limits_.jobs;
    if (!many && entry.ended > oldest) return;
    drop(std::string(ended_.front()));
  }
}

void Jobs::drop(const std::string& id) {
  const auto found = entries_.find(id);
  bytes_ -= found->second.result.size();
  ended_.erase(found->second.place);
  entries_.erase(found);
}

Jobs::Entry* Jobs::find(const std::string& id) {
  drop_old();
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

Jobs::Entry Jobs::entry_of(KnownJob job) {
  Entry entry{.tests = job.tests, .verdicts = std::move(job.events)};
  switch (job.state) {
    case KnownJob::State::queued:
      break;
    case KnownJob::State::running:
      entry.state = State::running;
      break;
    case KnownJob::State::ended:
      entry.state = state_of(job.result);
      entry.result = std::move(job.result);
      break;
    case KnownJob::State::cancelled:
      entry.state = State::cancelled;
      break;
  }
  return entry;
}

Queue::Known Jobs::elsewhere(const ExchangePtr& exchange, std::function<void(Entry)> then) {
  return [exchange, then = std::move(then)](Result<std::optional<KnownJob>> job) {
    if (!job)
      exchange->respond(
          unavailable_response("queue_unavailable", "the queue's server is away; try again", 2));
    else if (!*job)
      exchange->respond(error_response(404, "unknown_job", "no job of this id is known here"));
    else
      then(entry_of(std::move(**job)));
  };
}

std::string Jobs::state_json(const std::string& id, const Entry& entry) {
  JsonWriter out;
  out.begin_object();
  out.field("ok", true);
  out.field("jobId", id);
  out.field("state", name(entry.state));
  out.field("testsDone", entry.verdicts.size());
  out.field("tests", entry.tests);
  out.end_object();
  std::string text = out.take();
  if (!entry.result.empty()) {
    text.pop_back();
    text += R"(,"result":)" + entry.result + "}";
  }
  return text;
}

std::string Jobs::end_event(const std::string& id, const Entry& entry) {
  const auto [passed, total] = counts(entry.result);
  JsonWriter out;
  out.begin_object();
  out.field("jobId", id);
  out.field("state", name(entry.state));
  out.field("passed", passed);
  out.field("total", total);
  out.end_object();
  return server_sent("end", out.take());
}

void Jobs::get(const ExchangePtr& exchange) {
  const std::string id(exchange->request().parameter);
  if (const Entry* entry = find(id)) return respond_state(exchange, id, *entry);
  site_.look_up(
      id, elsewhere(exchange, [exchange, id](const Entry& entry) { respond_state(exchange, id, entry); }));
}

void Jobs::respond_state(const ExchangePtr& exchange, const std::string& id, const Entry& entry) {
  exchange->respond({.body = state_json(id, entry), .headers = "Cache-Control: no-store\r\n"});
}

void Jobs::respond_end(const ExchangePtr& exchange, const std::string& id, State state) {
  exchange->respond(
      {.body = R"({"ok":true,"jobId":")" + id + R"(","state":")" + std::string(name(state)) + "\"}"});
}

void Jobs::remove(const ExchangePtr& exchange) {
  const std::string id(exchange->request().parameter);
  Entry* entry = find(id);
  if (entry == nullptr)
    return site_.cancel(id, elsewhere(exchange, [exchange, id](const Entry& known) {
                          respond_end(exchange, id, known.state);
                        }));
  const State before = entry->state;
  if (ended(before)) return respond_end(exchange, id, before);
  end(id, *entry, State::cancelled, {});
  site_.cancel(id, [](const Result<std::optional<KnownJob>>&) {});  // who listens elsewhere is told
  site_.abandon(id);
  respond_end(exchange, id, State::cancelled);
}

void Jobs::events(const ExchangePtr& exchange) {
  const std::string id(exchange->request().parameter);
  if (Entry* entry = find(id)) return stream(exchange, id, *entry);
  Queue::Listener listener{[this, id](const std::string& event) { progress(id, event); },
                           [this, id](Result<std::string> answer) { finish(id, std::move(answer)); }};
  site_.follow(
      id, elsewhere(exchange, [this, exchange, id](Entry entry) { follow(exchange, id, std::move(entry)); }),
      std::move(listener));
}

void Jobs::follow(const ExchangePtr& exchange, const std::string& id, Entry entry) {
  if (ended(entry.state)) return stream(exchange, id, entry);
  if (entries_.size() >= limits_.jobs)
    return exchange->respond(unavailable_response("queue_full", "too many jobs are unfinished; try again"));
  stream(exchange, id, entries_.try_emplace(id, std::move(entry)).first->second);
}

void Jobs::stream(const ExchangePtr& exchange, const std::string& id, Entry& entry) {
  exchange->begin({.content_type = "text/event-stream", .headers = "Cache-Control: no-store\r\n"});
  if (entry.state != State::queued) exchange->add(server_sent("started", R"({"jobId":")" + id + "\"}"));
  for (std::size_t i = 0; i < entry.verdicts.size(); ++i)
    exchange->add(server_sent("test", entry.verdicts[i], i + 1));
  if (ended(entry.state)) {
    exchange->add(end_event(id, entry));
    return exchange->finish();
  }
  entry.streams.push_back(exchange);
  ++streams_;
  exchange->on_gone([this, id, weak = std::weak_ptr<Exchange>(exchange)] {
    const auto found = entries_.find(id);
    if (found != entries_.end()) streams_ -= std::erase(found->second.streams, weak.lock());
  });
  if (!std::exchange(beating_, true)) beat();
}

// A comment line: a client sees that the stream lives, and a dead client is noticed.
void Jobs::beat() {
  beat_timer_.expires_after(limits_.beat);
  beat_timer_.async_wait([this](const boost::system::error_code& code) {
    beating_ = !code && streams_ > 0;
    if (!beating_) return;
    for (auto& [id, entry] : entries_)
      for (const ExchangePtr& stream : std::vector<ExchangePtr>(entry.streams)) stream->add(": \n\n");
    beat();
  });
}

}  // namespace executor::http
