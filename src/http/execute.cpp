#include "http/execute.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "http/server.hpp"
#include "http/uuid.hpp"
#include "spec/parse.hpp"
#include "spec/request_error.hpp"

namespace executor::http {

namespace {

std::string_view media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

// The 32 hex digits of a W3C traceparent "00-<trace id>-<parent id>-<flags>", empty where it is not one.
std::string_view trace_id_of(std::string_view traceparent) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (traceparent.size() < 55 || traceparent[2] != '-' || traceparent[35] != '-') return {};
  const std::string_view id = traceparent.substr(3, 32);
  const bool all_zero = id.find_first_not_of('0') == std::string_view::npos;
  return all_zero || id.find_first_not_of(kHex) != std::string_view::npos ? std::string_view() : id;
}

// A stored result is either of a job that ran or an error's JSON, which is short and says so near its start.
bool is_error(const std::string& json) { return json.find(R"("ok":false)") <= 64; }

// One request on its way. Shared by the callbacks that carry it on.
class Execution : public std::enable_shared_from_this<Execution> {
 public:
  Execution(std::shared_ptr<const ExecuteParts> parts, ExchangePtr exchange, Sender sender)
      : parts_(std::move(parts)), exchange_(std::move(exchange)), sender_(std::move(sender)) {}

  void begin() {
    if (parts_->draining && parts_->draining()) return stopping();
    if (!headers_fit() || !read_query()) return;
    RequestResult<Job> parsed = parts_->form.parse(exchange_->request().body);
    if (!parsed) {
      const RequestError& error = parsed.error();
      return refuse(
          error_response(static_cast<unsigned>(error.status), error.code, error.message, error.field));
    }
    auto job = std::make_shared<Job>(std::move(*parsed));
    if (!complete_from_headers(*job)) return;
    job->id = uuid_v4();  // ids are the service's own: a client's could name somebody else's job
    job->reply_to.clear();
    job->progress = !waits_;
    job_ = std::move(job);
    validate();
  }

 private:
  bool headers_fit() {
    const Request& request = exchange_->request();
    if (!iequals(media_type(request.header("content-type")), "application/json"))
      return refuse(error_response(415, "unsupported_media_type", "Content-Type must be application/json")),
             false;
    const std::string_view encoding = request.header("content-encoding");
    if (!encoding.empty() && !iequals(encoding, "identity"))
      return refuse(error_response(415, "unsupported_encoding", "the body must not be compressed")), false;
    return true;
  }

  // "wait=false" is the only thing that can be asked for so.
  bool read_query() {
    const std::string_view query = exchange_->request().query;
    if (parts_->jobs == nullptr || query.empty()) return true;
    waits_ = query != "wait=false";
    if (!waits_ || query == "wait=true") return true;
    refuse(error_response(400, "invalid_value", "the query may be wait=false or wait=true", "wait"));
    return false;
  }

  // What the body says wins over the headers.
  bool complete_from_headers(Job& job) {
    const Request& request = exchange_->request();
    return take_header(job.user_id, "x-user-id", request.header("x-user-id")) &&
           take_header(job.trace_id, "x-trace-id", request.header("x-trace-id")) &&
           take_header(job.trace_id, "traceparent", trace_id_of(request.header("traceparent")));
  }

  bool take_header(std::string& into, std::string_view name, std::string_view value) {
    if (!into.empty() || value.empty()) return true;
    if (!is_client_id(value)) {
      refuse(error_response(400, "invalid_value", "must be at most 128 printable characters", name));
      return false;
    }
    into = value;
    return true;
  }

  void validate() {
    // weak, as this holds the exchange; whoever works on the request holds this
    exchange_->on_gone([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->leave();
    });
    parts_->validator.validate(
        job_->language, job_->source,
        [self = shared_from_this()](const Result<ValidationReport>& report) { self->on_validated(report); });
  }

  void leave() {
    gone_ = true;
    place_.reset();
  }

  void on_validated(const Result<ValidationReport>& report) {
    if (gone_) return;
    if (!report) return unvalidated(report.error());
    if (!report->ok()) {
      if (parts_->rejected) parts_->rejected(report->compile_error ? "compile_error" : "validation_failed");
      return exchange_->respond(
          parts_->form.refused(violations_json(report->compile_error, report->violations), *job_));
    }
    job_->code.bytes = report->code;
    enter();
  }

  // Waits until its user and its token may have one more job.
  void enter() {
    if (!parts_->admission) return enqueue(nullptr);
    const bool entered = parts_->admission->enter(
        job_->user_id, sender_.token,
        [self = shared_from_this()](Admission::Ticket ticket) { self->enqueue(std::move(ticket)); }, place_);
    if (!entered)
      refuse(too_many_response("too_many_jobs", "this sender has as many jobs here as it may; try again"));
  }

  void enqueue(Admission::Ticket ticket) {
    if (gone_) return;
    // one whose client waits was taken before the drain, and is finished
    if (!waits_ && parts_->draining && parts_->draining()) return stopping();
    QueuedJob queued{
        .id = job_->id, .body = parts_->job_text ? job_to_json(*job_) : std::string(), .parsed = job_};
    if (!waits_) return enqueue_and_leave(std::move(queued), std::move(ticket));
    ticket_ = std::move(ticket);
    exchange_->on_gone([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->abandon();
    });
    parts_->queue.submit(std::move(queued), [self = shared_from_this()](Result<std::string> answer) {
      self->ticket_.reset();
      self->on_answer(std::move(answer));
    });
  }

  // The job stays whether its client does or not.
  void enqueue_and_leave(QueuedJob queued, Admission::Ticket ticket) {
    Jobs& jobs = *parts_->jobs;
    const std::string id = job_->id;
    if (!jobs.add(id, job_->tests.size(), std::move(ticket)))
      return refuse(unavailable_response("queue_full", "too many jobs are unfinished; try again"));
    exchange_->on_gone(nullptr);
    queued.accepted = [self = shared_from_this()] { self->on_accepted(); };
    queued.progress = [&jobs, id](const std::string& event) { jobs.progress(id, event); };
    parts_->queue.submit(std::move(queued),
                         [self = shared_from_this(), &jobs, id](Result<std::string> answer) {
                           if (self->accepted_) return jobs.finish(id, std::move(answer));
                           jobs.forget(id);
                           self->on_answer(std::move(answer));
                         });
  }

  void on_accepted() {
    accepted_ = true;
    exchange_->respond({.status = 202,
                        .body = R"({"ok":true,"jobId":")" + job_->id + R"(","state":"queued"})",
                        .headers = "Location: /jobs/" + job_->id + "\r\n"});
  }

  void abandon() {
    ticket_.reset();
    parts_->queue.abandon(job_->id);
    if (parts_->abandoned) parts_->abandoned(job_->id);
  }

  void on_answer(Result<std::string> answer) {
    if (answer) return on_result(std::move(*answer));
    const std::error_code code = answer.error().code;
    if (code == std::errc::no_buffer_space)
      refuse(unavailable_response("queue_full", "too many jobs are waiting; try again"));
    else if (code == std::errc::not_connected)
      refuse(unavailable_response("queue_unavailable", "the queue's server is away; try again", 2));
    else if (code == std::errc::operation_canceled)
      stopping();
    else
      internal_error("run job " + job_->id + ": " + answer.error().message());
  }

  void on_result(std::string json) {
    if (!is_error(json)) return exchange_->respond(parts_->form.result(std::move(json), *job_));
    const auto error = nlohmann::json::parse(json, nullptr, false);
    const std::string code =
        error.is_object() && error.contains("error") ? error["error"].value("code", "") : "";
    if (code == "validation_failed" || code == "compile_error")
      exchange_->respond(parts_->form.refused(std::move(json), *job_));
    else
      internal_error("run job " + job_->id + ": " + json);
  }

  void stopping() {
    Response response = unavailable_response("stopping", "this server is stopping; try again");
    response.close = true;
    refuse(std::move(response));
  }

  void unvalidated(const Error& error) {
    if (parts_->failed) parts_->failed("validate source of job " + job_->id + ": " + error.message());
    refuse(unavailable_response("validator_unavailable", "sources cannot be checked now; try again"));
  }

  void internal_error(const std::string& what) {
    const std::string id = uuid_v4();
    if (parts_->failed) parts_->failed("error id " + id + ": " + what);
    exchange_->respond(internal_error_response(id));
  }

  void refuse(Response response) {
    if (parts_->rejected) parts_->rejected(reason_of(response.status));
    exchange_->respond(std::move(response));
  }

  static std::string_view reason_of(unsigned status) {
    switch (status) {
      case 413:
        return "payload_too_large";
      case 415:
        return "unsupported_media_type";
      case 429:
        return "too_many_jobs";
      case 503:
        return "unavailable";
      default:
        return "bad_request";
    }
  }

  std::shared_ptr<const ExecuteParts> parts_;
  ExchangePtr exchange_;
  Sender sender_;
  std::shared_ptr<Job> job_{};  // const to all others
  Admission::Ticket place_{};   // in the line before the queue
  Admission::Ticket ticket_{};  // in the queue or at a worker
  bool waits_ = true;
  bool accepted_ = false;
  bool gone_ = false;
};

ExecuteForm plain_form(const SpecLimits& limits) {
  return {.parse = [limits](std::string_view body) { return parse_job(body, limits); },
          .result = [](std::string json, const Job&) { return Response{.body = std::move(json)}; },
          .refused = [](std::string json,
                        const Job&) { return Response{.status = 400, .body = std::move(json)}; }};
}

}  // namespace

void execute(const std::shared_ptr<const ExecuteParts>& parts, const ExchangePtr& exchange, Sender sender) {
  std::make_shared<Execution>(parts, exchange, std::move(sender))->begin();
}

std::function<void(const ExchangePtr&)> execute_handler(ExecuteParts parts) {
  const auto shared = std::make_shared<ExecuteParts>(std::move(parts));
  if (!shared->form.parse) shared->form = plain_form(shared->limits);
  return [parts = std::shared_ptr<const ExecuteParts>(shared)](const ExchangePtr& exchange) {
    execute(parts, exchange, {});
  };
}

}  // namespace executor::http
