#include "queue/embedded.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

namespace executor {

namespace asio = boost::asio;

namespace {
Error stopping() {
  return {"run job: the service stops", std::make_error_code(std::errc::operation_canceled)};
}

Error full() { return {"enqueue job: the queue is full", std::make_error_code(std::errc::no_buffer_space)}; }

std::string user_of(const QueuedJob& job) { return job.parsed ? job.parsed->user_id : std::string(); }
}  // namespace

void EmbeddedQueue::submit(QueuedJob job, Answer answer) {
  Entry entry{std::move(job), std::move(answer), Clock::now()};
  if (waiting_.contains(entry.job.id))
    return this->answer(
        entry, Error("enqueue job: its id is waiting already", std::make_error_code(std::errc::file_exists)));
  if (waiting_.size() >= options_.capacity && !make_room(user_of(entry.job)))
    return this->answer(entry, full());
  if (const auto& accepted = entry.job.accepted) asio::post(context_, accepted);
  put(std::move(entry), false);
  hand_out_soon();
}

// One user's flood must not keep the others out: the last job of the longest line gives its place to a user
// with less in the queue, as if it had come a moment later. One that was told of its acceptance keeps it, and
// so does one that was given back.
bool EmbeddedQueue::make_room(const std::string& user_id) {
  const auto known = by_user_.find(user_id);
  const std::size_t own = known == by_user_.end() ? 0 : known->second->line.size();
  const auto longest =
      std::ranges::max_element(users_, {}, [](const User& user) { return user.line.size(); });
  if (longest == users_.end() || longest->line.size() <= own + 1) return false;
  const Entry& last = longest->line.back();
  if (last.job.accepted || last.attempt > 1) return false;
  Entry refused = take(waiting_.at(last.job.id));
  answer(refused, full());
  return true;
}

// `first` puts a job that was taken before in front of its user's line, and its user in front of the others.
void EmbeddedQueue::put(Entry entry, bool first) {
  const std::string id = entry.job.id;
  const std::string user_id = user_of(entry.job);
  auto known = by_user_.find(user_id);
  if (known == by_user_.end()) {
    const auto user = users_.insert(first ? users_.begin() : users_.end(), User{user_id, {}});
    known = by_user_.emplace(user_id, user).first;
  }
  Line& line = known->second->line;
  const auto place = line.insert(first ? line.begin() : line.end(), std::move(entry));
  const auto age = by_age_.insert(first ? by_age_.begin() : by_age_.end(), id);
  waiting_.emplace(id, Place{known->second, place, age});
}

EmbeddedQueue::Entry EmbeddedQueue::take(const Place& place) {
  const Place where = place;
  Entry entry = std::move(*where.entry);
  where.user->line.erase(where.entry);
  by_age_.erase(where.age);
  if (where.user->line.empty()) {
    by_user_.erase(where.user->id);
    users_.erase(where.user);
  }
  waiting_.erase(entry.job.id);
  return entry;
}

void EmbeddedQueue::abandon(const std::string& job_id) {
  if (const auto found = waiting_.find(job_id); found != waiting_.end()) take(found->second);
  for (auto& [tag, entry] : leased_)
    if (entry.job.id == job_id) entry.answer = nullptr;
}

void EmbeddedQueue::consume(std::size_t capacity, std::function<void(Delivery)> on_job) {
  capacity_ = capacity;
  on_job_ = std::move(on_job);
  hand_out_soon();
}

void EmbeddedQueue::stop_consuming() {
  capacity_ = 0;
  while (!waiting_.empty()) {
    Entry entry = take(waiting_.begin()->second);
    answer(entry, stopping());
  }
}

bool EmbeddedQueue::may_hand_out() const {
  if (waiting_.empty() || leased_.size() >= 2 * capacity_) return false;
  return leased_.size() < capacity_ || std::any_of(users_.begin(), users_.end(), [this](const User& user) {
           return !leases_by_user_.contains(user.id);
         });
}

void EmbeddedQueue::end_lease(const Entry& entry) {
  const auto found = leases_by_user_.find(user_of(entry.job));
  if (--found->second == 0) leases_by_user_.erase(found);
}

void EmbeddedQueue::hand_out_soon() {
  if (!may_hand_out() || std::exchange(hand_out_posted_, true)) return;
  asio::post(context_, [this] {
    hand_out_posted_ = false;
    hand_out();
  });
}

void EmbeddedQueue::hand_out() {
  while (may_hand_out()) {
    auto user = users_.begin();
    if (leased_.size() >= capacity_)
      user = std::find_if(user, users_.end(),
                          [this](const User& each) { return !leases_by_user_.contains(each.id); });
    users_.splice(users_.end(), users_, user);  // its next turn is after everybody else's
    Entry entry = take(waiting_.at(user->line.front().job.id));
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - entry.accepted);
    const std::uint64_t tag = ++last_tag_;
    Delivery delivery{.job = entry.job, .attempt = entry.attempt, .waited = waited, .tag = tag};
    ++leases_by_user_[user_of(entry.job)];
    leased_.emplace(tag, std::move(entry));
    on_job_(std::move(delivery));
  }
}

void EmbeddedQueue::answer(Entry& entry, Result<std::string> result) {
  if (!entry.answer) return;
  asio::post(context_, [answer = std::exchange(entry.answer, nullptr), result = std::move(result)]() mutable {
    answer(std::move(result));
  });
}

void EmbeddedQueue::progress(const Delivery& delivery, const std::string& event_json) {
  const auto lease = leased_.find(delivery.tag);
  if (lease == leased_.end() || !lease->second.answer || !lease->second.job.progress) return;
  asio::post(context_, [progress = lease->second.job.progress, event_json] { progress(event_json); });
}

void EmbeddedQueue::complete(const Delivery& delivery, std::string result_json) {
  auto lease = leased_.extract(delivery.tag);
  if (lease.empty()) return;
  end_lease(lease.mapped());
  answer(lease.mapped(), std::move(result_json));
  hand_out_soon();
}

void EmbeddedQueue::retry(const Delivery& delivery, const std::string& reason) {
  auto lease = leased_.extract(delivery.tag);
  if (lease.empty()) return;
  Entry& entry = lease.mapped();
  end_lease(entry);
  if (capacity_ == 0) {
    answer(entry, stopping());
  } else if (entry.attempt >= options_.max_attempts) {
    answer(entry, Error("run job, attempt " + std::to_string(entry.attempt) + ": " + reason,
                        std::make_error_code(std::errc::io_error)));
  } else if (entry.answer) {  // a job that nobody waits for is not tried again
    ++entry.attempt;
    put(std::move(entry), true);
  }
  hand_out_soon();
}

void EmbeddedQueue::reject(const Delivery& delivery, const std::string&, std::string result_json) {
  complete(delivery, std::move(result_json));
}

Queue::Status EmbeddedQueue::status() const {
  Status status{
      .ready = true, .detail = "in this process", .depth = waiting_.size(), .leased = leased_.size()};
  if (!by_age_.empty()) {
    const auto accepted = waiting_.at(by_age_.front()).entry->accepted;
    status.oldest = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - accepted);
  }
  return status;
}

}  // namespace executor
