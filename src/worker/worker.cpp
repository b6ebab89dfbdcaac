#include "worker/worker.hpp"

#include <boost/asio/post.hpp>
#include <map>
#include <string_view>
#include <utility>

#include "spec/parse.hpp"
#include "spec/request_error.hpp"
#include "worker/solution_call.hpp"

namespace executor {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

// How long killed runs may take to report before the worker leaves without them.
constexpr milliseconds kKillTime{2000};

/// The error's JSON with the job's id in front, where the id is fit to stand there.
std::string with_job_id(const std::string& id, const std::string& json) {
  return is_job_id(id) ? R"({"jobId":")" + id + R"(",)" + json.substr(1) : json;
}

Program program_of(const Job& job, const Test& test, const SpecLimits& limits) {
  Program program{.runtime = job.language,
                  .source = job.source,
                  .stdin_bytes = test.stdin_bytes,
                  .args = test.args,
                  .files = job.files,
                  .processes = job.processes,
                  .limits = test_limits(job, test, limits)};
  if (job.entry == Entry::solution)
    call_solution(program);  // each test's program is another one
  else if (const auto code = job.code.bytes.lock())
    program.compiled = *code;
  return program;
}

}  // namespace

Worker::Worker(asio::io_context& context, Parts parts, WorkerEvents events)
    : context_(context), parts_(std::move(parts)), events_(std::move(events)), grace_timer_(context) {}

void Worker::start() {
  parts_.queue.on_cancel([this](const std::string& job_id) { cancel(job_id); });
  parts_.queue.consume(parts_.slots, [this](Delivery delivery) { on_job(std::move(delivery)); });
}

void Worker::on_job(Delivery delivery) {
  const auto active =
      std::make_shared<Active>(Active{.delivery = std::move(delivery), .taken = Clock::now()});
  active_.push_back(active);
  active->job = active->delivery.job.parsed;
  if (active->job) return begin(active);  // parsed and validated by this process's own front
  auto parsed = parse_job(active->delivery.job.body, parts_.limits);
  if (!parsed) return reject(active, parsed.error());
  if (parsed->id.empty()) parsed->id = active->delivery.job.id;
  active->unchecked = std::make_shared<Job>(std::move(*parsed));
  active->job = active->unchecked;
  validate(active);
}

void Worker::validate(const ActivePtr& active) {
  if (parts_.validator == nullptr) return begin(active);
  parts_.validator->validate(
      active->job->language, active->job->source,
      [this, active](const Result<ValidationReport>& report) { on_validated(active, report); });
}

void Worker::on_validated(const ActivePtr& active, const Result<ValidationReport>& report) {
  if (active->given_back) return give_back(active, "the worker stops");
  if (active->unwanted)
    return refuse(active, "cancelled", error_json("cancelled", "nobody waits for this job any more"));
  if (!report) return give_back(active, report.error().message());
  if (report->ok()) {
    active->unchecked->code.bytes = report->code;
    return begin(active);
  }
  const std::string code = report->compile_error ? "compile_error" : "validation_failed";
  const std::string json = violations_json(report->compile_error, report->violations);
  refuse(active, code, json);
}

// A job that is answered without having run.
void Worker::refuse(const ActivePtr& active, const std::string& code, const std::string& json) {
  parts_.queue.complete(active->delivery, with_job_id(active->delivery.job.id, json));
  if (events_.refused) events_.refused(active->delivery.job.id, code);
  remove(active);
}

// A body that can never be run: a dead letter, and the reason for whoever waits.
void Worker::reject(const ActivePtr& active, const RequestError& error) {
  const std::string& id = active->delivery.job.id;
  const std::string where = error.field.empty() ? "" : error.field + ": ";
  parts_.queue.reject(active->delivery, where + error.message, with_job_id(id, error_json(error)));
  if (events_.refused) events_.refused(id, error.code);
  remove(active);
}

void Worker::begin(const ActivePtr& active) {
  const std::size_t tests = active->job->tests.size();
  active->run = std::make_unique<JobRun>(active->job);
  active->runs.resize(tests);
  active->started.resize(tests);
  active->elapsed.resize(tests);
  if (active->job->progress) parts_.queue.progress(active->delivery, R"({"event":"started"})");
  fill_slots();
}

// A job that is served goes to the end of the line.
void Worker::fill_slots() {
  while (running_ < parts_.slots) {
    const ActivePtr active = next_in_turn();
    if (!active) return;
    active_.remove(active);
    active_.push_back(active);
    start_test(active, *active->run->take());
  }
}

/// The first job of the user who has least; null where no test waits.
Worker::ActivePtr Worker::next_in_turn() {
  std::map<std::string_view, std::size_t> running;
  for (const ActivePtr& active : active_)
    if (active->job) running[active->job->user_id] += active->running;
  ActivePtr best;
  for (const ActivePtr& active : active_) {
    if (!active->run || !active->run->has_waiting()) continue;
    if (!best || running[active->job->user_id] < running[best->job->user_id]) best = active;
  }
  return best;
}

void Worker::start_test(const ActivePtr& active, std::size_t test) {
  ++running_;
  ++active->running;
  active->started[test] = Clock::now();
  active->runs[test] = parts_.backend.start(
      program_of(*active->job, active->job->tests[test], parts_.limits),
      [this, active, test](Result<Outcome> outcome) { on_outcome(active, test, std::move(outcome)); });
}

void Worker::on_outcome(const ActivePtr& active, std::size_t test, Result<Outcome> outcome) {
  --running_;
  --active->running;
  active->elapsed[test] = Clock::now() - active->started[test];
  if (!outcome && events_.failed) events_.failed(active->job->id, outcome.error().message());
  const JobRun::Step step = active->run->on_outcome(test, std::move(outcome));
  const TestResult& result = active->run->result(test);
  if (active->job->progress && result.verdict != Verdict::skipped)
    parts_.queue.progress(active->delivery, test_event(test, result));
  act(active, step);
  fill_slots();
}

void Worker::act(const ActivePtr& active, const JobRun::Step& step) {
  for (const std::size_t test : step.cancel) parts_.backend.cancel(active->runs[test]);
  if (step.state != JobRun::State::running) finish(active);
}

void Worker::finish(const ActivePtr& active) {
  switch (active->run->state()) {
    case JobRun::State::running:
      break;
    case JobRun::State::completed:
      complete(active);
      break;
    case JobRun::State::failed:
      give_back(active, active->run->reason());
      break;
    case JobRun::State::cancelled:
      if (active->given_back)
        give_back(active, "the worker stops");
      else
        complete(active);
      break;
  }
}

void Worker::complete(const ActivePtr& active) {
  const auto report = std::make_shared<JobReport>();
  report->job = active->job;
  report->result = {.job_id = active->job->id,
                    .ok = active->run->state() == JobRun::State::completed,
                    .results = active->run->take_results(),
                    .queue_time = active->delivery.waited,
                    .execute_time = Clock::now() - active->taken};
  report->elapsed = std::move(active->elapsed);
  parts_.queue.complete(active->delivery, to_json(report->result));
  if (events_.completed) asio::post(context_, [this, report] { events_.completed(*report); });
  remove(active);
}

void Worker::give_back(const ActivePtr& active, const std::string& reason) {
  parts_.queue.retry(active->delivery, reason);
  remove(active);
}

void Worker::remove(const ActivePtr& active) {
  active_.remove(active);
  if (!active_.empty() || !drained_) return;
  grace_timer_.cancel();
  asio::post(context_, std::exchange(drained_, nullptr));
}

void Worker::stop(const ActivePtr& active) {
  if (active->run) act(active, active->run->cancel());
}

void Worker::cancel(const std::string& job_id) {
  const std::list<ActivePtr> all = active_;
  for (const ActivePtr& active : all) {
    if (!active->job || active->job->id != job_id) continue;
    active->unwanted = true;
    stop(active);
  }
  fill_slots();
}

void Worker::drain(milliseconds grace, std::function<void()> done) {
  parts_.queue.stop_consuming();
  if (active_.empty()) return asio::post(context_, std::move(done));
  drained_ = std::move(done);
  grace_timer_.expires_after(grace);
  grace_timer_.async_wait([this](const boost::system::error_code& code) {
    if (!code) on_grace_over();
  });
}

void Worker::on_grace_over() {
  grace_timer_.expires_after(kKillTime);
  grace_timer_.async_wait([this](const boost::system::error_code& code) {
    if (!code && drained_) std::exchange(drained_, nullptr)();
  });
  const std::list<ActivePtr> all = active_;
  for (const ActivePtr& active : all) {
    active->given_back = true;
    stop(active);
  }
}

}  // namespace executor
