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

// One POST /execute on its way. Shared by the callbacks that carry it on.
class Execution : public std::enable_shared_from_this<Execution> {
 public:
  Execution(std::shared_ptr<const ExecuteParts> parts, ExchangePtr exchange)
      : parts_(std::move(parts)), exchange_(std::move(exchange)) {}

  void begin() {
    if (parts_->draining && parts_->draining()) return stopping();
    if (!headers_fit()) return;
    RequestResult<Job> parsed = parse_job(exchange_->request().body, parts_->limits);
    if (!parsed) {
      const RequestError& error = parsed.error();
      return refuse(
          error_response(static_cast<unsigned>(error.status), error.code, error.message, error.field));
    }
    auto job = std::make_shared<Job>(std::move(*parsed));
    if (!complete_from_headers(*job)) return;
    job->id = uuid_v4();  // ids are the service's own: a client's could name somebody else's job
    job->reply_to.clear();
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
      if (const auto self = weak.lock()) self->gone_ = true;
    });
    parts_->validator.validate(
        job_->language, job_->source,
        [self = shared_from_this()](const Result<ValidationReport>& report) { self->on_validated(report); });
  }

  void on_validated(const Result<ValidationReport>& report) {
    if (gone_) return;
    if (!report) return unvalidated(report.error());
    if (!report->ok()) {
      if (parts_->rejected) parts_->rejected(report->compile_error ? "compile_error" : "validation_failed");
      return exchange_->respond(
          {.status = 400, .body = violations_json(report->compile_error, report->violations)});
    }
    if (parts_->draining && parts_->draining()) return stopping();
    enqueue();
  }

  void enqueue() {
    exchange_->on_gone([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->abandon();
    });
    QueuedJob queued{
        .id = job_->id, .body = parts_->job_text ? job_to_json(*job_) : std::string(), .parsed = job_};
    parts_->queue.submit(std::move(queued), [self = shared_from_this()](Result<std::string> answer) {
      self->on_answer(std::move(answer));
    });
  }

  void abandon() {
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

  // A stored result is either of a job that ran or an error's JSON, which is short and says so near its
  // start.
  void on_result(std::string json) {
    if (json.find(R"("ok":false)") > 64) return exchange_->respond({.body = std::move(json)});
    const auto error = nlohmann::json::parse(json, nullptr, false);
    const std::string code =
        error.is_object() && error.contains("error") ? error["error"].value("code", "") : "";
    if (code == "validation_failed" || code == "compile_error")
      exchange_->respond({.status = 400, .body = std::move(json)});
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
      case 503:
        return "unavailable";
      default:
        return "bad_request";
    }
  }

  std::shared_ptr<const ExecuteParts> parts_;
  ExchangePtr exchange_;
  std::shared_ptr<const Job> job_{};
  bool gone_ = false;
};

}  // namespace

std::function<void(const ExchangePtr&)> execute_handler(ExecuteParts parts) {
  return [parts = std::make_shared<const ExecuteParts>(std::move(parts))](const ExchangePtr& exchange) {
    std::make_shared<Execution>(parts, exchange)->begin();
  };
}

}  // namespace executor::http
