#include "backend/docker_run.hpp"

#include <boost/asio/post.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/sys.hpp"

namespace executor::docker {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr nanoseconds kShortestCpuCheck = milliseconds(20);
constexpr milliseconds kPatience{2000};       // of SIGTERM, then SIGKILL
constexpr milliseconds kReportPatience{200};  // for the rest of what may be a report, written in one piece
constexpr milliseconds kEndDeadline{10'000};  // what the engine may take over a container's end
constexpr std::chrono::seconds kSpareLife{5};
constexpr std::size_t kWordsMax = 300;  // of what a container said, in an error
constexpr int kSignalBase = 128;        // how an engine shows a signal in an exit status

/// The layers that the engine puts in place, by this container's configuration.
const std::vector<std::string>& layers() {
  static const std::vector<std::string> names{"container",         "mount_namespace", "pid_namespace",
                                              "network_namespace", "ipc_namespace",   "uts_namespace",
                                              "read_only_root",    "no_new_privs",    "no_capabilities",
                                              "seccomp",           "cgroup"};
  return names;
}

bool is_memory_failure(const std::string& message) {
  return message.find("OOM-killed") != std::string::npos || message.find("memory limit") != std::string::npos;
}

}  // namespace

Run::Run(std::shared_ptr<Host> host, Program program, Done done)
    : host_(std::move(host)),
      program_(std::move(program)),
      done_(std::move(done)),
      deadline_(host_->context()),
      wall_timer_(host_->context()),
      cpu_timer_(host_->context()),
      report_timer_(host_->context()),
      nonce_(sys::random_hex(16)) {}

void Run::become_channel(std::function<void(std::string_view)> on_bytes) {
  is_channel_ = true;
  channel_bytes_ = std::move(on_bytes);
}

void Run::start() {
  runtime_ = host_->runtime(program_.runtime);
  if (runtime_ == nullptr || runtime_->image_id.empty())
    return fail(Error("run " + program_.runtime + " in Docker: " +
                          (runtime_ == nullptr ? "no image is named for it" : runtime_->problem),
                      std::make_error_code(std::errc::not_supported)));
  arm(host_->options().start_deadline, "start a container");
  create();
}

// -- towards the program

void Run::ask(std::string method, std::string target, std::string body,
              std::function<void(const Response&)> use) {
  host_->ask({std::move(method), std::move(target), std::move(body), host_->options().start_deadline},
             [self = shared_from_this(), use = std::move(use)](const Result<Response>& answer) {
               if (!self->done_) return;
               if (!answer) {
                 self->host_->lost(answer.error().message());
                 return self->fail(answer.error());
               }
               use(*answer);
             });
}

void Run::create() {
  if (const std::string warm = is_channel_ ? std::string() : host_->take_warm(*runtime_, program_.limits);
      !warm.empty()) {
    id_ = escaped(warm);
    return attach();
  }
  host_->create(*runtime_, program_.limits, is_channel_,
                [self = shared_from_this()](const Result<std::string>& id) {
                  if (!self->done_) {  // given up meanwhile, and it must not stay
                    if (id) self->host_->remove(*id);
                    return;
                  }
                  if (!id) return self->fail(id.error());
                  self->id_ = escaped(*id);
                  self->attach();
                });
}

void Run::attach() {
  host_->open_stream(
      {"POST", target("/attach?stream=1&stdin=1&stdout=1&stderr=1"), {}, host_->options().start_deadline},
      [self = shared_from_this()](Result<std::shared_ptr<Stream>> stream) {
        if (!self->done_) return;
        if (!stream) return self->fail(stream.error());
        self->stream_ = std::move(*stream);
        self->stream_->read(
            {[self](std::string_view bytes) { self->on_bytes(bytes); }, [self] { self->on_stream_end(); }});
        self->start_container();
      });
}

void Run::start_container() {
  ask("POST", target("/start"), {}, [self = shared_from_this()](const Response& answer) {
    if (answer.good()) return;
    const std::string why = complaint(answer.status, answer.body);
    // too little even for the interpreter
    if (is_memory_failure(why)) return self->conclude(kSignalBase + SIGKILL, true);
    self->fail(Error("start a container: " + why, {}));
  });
}

void Run::on_bytes(std::string_view bytes) {
  if (!done_) return;
  const bool good = demultiplexer_.feed(
      bytes, [this](bool is_stderr, std::string_view part) { on_output(is_stderr, part); });
  if (!good) fail(Error("read a container's output", std::make_error_code(std::errc::bad_message)));
}

void Run::on_output(bool is_stderr, std::string_view bytes) {
  if (!done_) return;
  ended_ = Clock::now();
  if (is_stderr) return on_stderr(bytes);
  if (ready_) return on_stdout(bytes);
  const std::string_view part = bytes.substr(0, kReadySize - head_.size());
  head_ += part;
  if (head_.size() < kReadySize) return;
  const auto ready = parse_ready(head_);
  if (!ready) return fail(Error("start a program: what the container said is not the bootstrap's", {}));
  ready_ = true;
  cpu_at_start_ = ready->cpu_time;
  hand_over();
}

void Run::hand_over() {
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(program_.limits.wall_time) + kSpareLife;
  stream_->write(docker::hand_over(runtime_->options.command, program_, nonce_,
                                   program_.processes ? std::string() : runtime_->filter,
                                   is_channel_ ? std::chrono::seconds(0) : life));
  started_ = Clock::now();
  deadline_.cancel();
  if (is_channel_) return stream_->write(std::exchange(early_input_, {}));
  stream_->write(std::exchange(program_.stdin_bytes, {}));
  stream_->end_input();
  watch_wall_time();
  watch_cpu_time(program_.limits.cpu_time);
}

void Run::write(std::string bytes) {
  if (!ready_)
    early_input_ += bytes;
  else if (stream_)
    stream_->write(std::move(bytes));
}

// -- while it runs

void Run::on_stdout(std::string_view bytes) {
  if (is_channel_) return channel_bytes_(bytes);
  const std::size_t room = program_.limits.stdout_max - out_.size();
  out_ += bytes.substr(0, room);
  if (bytes.size() <= room) return;
  out_truncated_ = true;
  stop(Ending::output_limit);
}

/// The report stands behind what the program wrote, so there is room for it beyond the cap.
void Run::on_stderr(std::string_view bytes) {
  err_total_ += bytes.size();
  const std::size_t cap = program_.limits.stderr_max;
  err_ += bytes.substr(0, cap + kReportSize - err_.size());
  tail_ += bytes.substr(bytes.size() - std::min(bytes.size(), kReportSize));
  if (tail_.size() > kReportSize) tail_.erase(0, tail_.size() - kReportSize);
  if (is_channel_ || err_.size() <= cap) return;
  const std::string_view beyond = std::string_view(err_).substr(cap);
  const bool report_begins = nonce_.starts_with(beyond.substr(0, nonce_.size()));
  if (err_total_ > cap + kReportSize || !report_begins) return stop(Ending::output_limit);
  if (err_total_ < cap + kReportSize) await_report();
}

/// Bytes beyond the cap that the nonce happens to begin with are the program's, if no report follows.
void Run::await_report() {
  report_timer_.expires_after(kReportPatience);
  report_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (!code && self->err_total_ < self->program_.limits.stderr_max + kReportSize)
      self->stop(Ending::output_limit);
  });
}

void Run::watch_wall_time() {
  wall_timer_.expires_after(program_.limits.wall_time);
  wall_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (!code && self->done_) self->stop(Ending::wall_time_limit);
  });
}

/// The limit cannot be reached earlier than after this pause, with all the CPUs that the quota gives.
void Run::watch_cpu_time(nanoseconds left) {
  const double cpus = std::max(1.0, static_cast<double>(program_.limits.nano_cpus) / 1e9);
  const nanoseconds pause(static_cast<std::int64_t>(static_cast<double>(left.count()) / cpus));
  cpu_timer_.expires_after(std::max(kShortestCpuCheck, pause));
  cpu_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (code || !self->done_ || self->killed_for_ || self->stream_ended_) return;
    self->host_->ask({"GET", self->target("/stats?stream=false&one-shot=true"), {}, kPatience},
                     [self](const Result<Response>& answer) { self->on_statistics(answer); });
  });
}

void Run::on_statistics(const Result<Response>& answer) {
  if (!done_ || killed_for_ || stream_ended_) return;
  const auto body = answer ? json::parse(answer->body, nullptr, false) : json();
  const json::json_pointer used("/cpu_stats/cpu_usage/total_usage");
  const json::json_pointer memory("/memory_stats/max_usage");
  if (body.is_object() && body.contains(used) && body[used].is_number_unsigned())
    cpu_seen_ = nanoseconds(body[used].get<std::int64_t>()) - cpu_at_start_;
  if (body.is_object() && body.contains(memory) && body[memory].is_number_unsigned())
    memory_seen_ = body[memory].get<std::uint64_t>();
  if (cpu_seen_ > program_.limits.cpu_time) return stop(Ending::cpu_time_limit);
  watch_cpu_time(program_.limits.cpu_time - cpu_seen_);
}

void Run::stop(Ending why) {
  if (!done_ || killed_for_ || stream_ended_) return;
  killed_for_ = why;
  wall_timer_.cancel();
  cpu_timer_.cancel();
  if (id_.empty() || !ready_) {  // no program yet
    if (why == Ending::cancelled) {
      Outcome nothing;
      nothing.ending = why;
      nothing.backend = "docker";
      answer(std::move(nothing));
    }
    return;
  }
  kill("SIGTERM");  // init hands it to the bootstrap, which ends the program and still reports
  arm(kEndDeadline, "end a container");
  wall_timer_.expires_after(kPatience);
  wall_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
    if (!code && self->done_ && !self->stream_ended_) self->kill("SIGKILL");
  });
}

void Run::kill(const std::string& signal) {
  host_->ask({"POST", target("/kill?signal=" + signal), {}, kEndDeadline},
             [self = shared_from_this()](const Result<Response>& answer) {
               // one that has ended meanwhile is as good (409, 404)
               if (!answer && self->done_ && !self->stream_ended_) {
                 self->host_->lost(answer.error().message());
                 self->fail(answer.error());
               }
             });
}

// -- the end

void Run::on_stream_end() {
  if (!done_) return;
  stream_ended_ = true;
  stream_end_ = Clock::now();
  wall_timer_.cancel();
  cpu_timer_.cancel();
  arm(kEndDeadline, "learn a container's end");
  ask("POST", target("/wait"), {}, [self = shared_from_this()](const Response& answer) {
    const auto body = json::parse(answer.body, nullptr, false);
    if (!answer.good() || !body.is_object() || !body.contains("StatusCode") ||
        !body["StatusCode"].is_number_integer())
      return self->fail(Error("wait for a container: " + complaint(answer.status, answer.body), {}));
    self->look(body["StatusCode"].get<int>());
  });
}

void Run::look(int exit_code) {
  ask("GET", target("/json"), {}, [self = shared_from_this(), exit_code](const Response& answer) {
    const auto body = json::parse(answer.body, nullptr, false);
    const json::json_pointer oom("/State/OOMKilled");
    if (!answer.good() || !body.is_object() || !body.contains(oom) || !body[oom].is_boolean())
      return self->fail(Error("look at a container: " + complaint(answer.status, answer.body), {}));
    self->conclude(exit_code, body[oom].get<bool>());
  });
}

void Run::conclude(int exit_code, bool oom_killed) {
  const auto report = take_report(tail_, nonce_);
  if (report) err_.resize(std::min(err_.size(), err_total_ - kReportSize));
  if (!report) ended_ = stream_end_;
  if (report && report->kind == Report::Kind::failed)
    return fail(Error("start a program in a container: " + err_.substr(0, kWordsMax), {}));
  const bool explained = report || oom_killed || (killed_for_ && ready_) ||
                         (program_.processes && ready_ && exit_code > kSignalBase);
  if (!explained)
    return fail(Error("run a container: it ended with status " + std::to_string(exit_code) +
                          " and said no more than \"" + err_.substr(0, kWordsMax) + "\"",
                      {}));
  answer(outcome(exit_code, oom_killed, report));
}

Outcome Run::outcome(int exit_code, bool oom_killed, const std::optional<Report>& report) {
  const Limits& limits = program_.limits;
  Outcome result;
  result.backend = "docker";
  result.isolation = layers();
  result.sandbox_id = id_.substr(0, 12);
  result.wall_time = ready_ ? ended_ - started_ : nanoseconds(0);
  result.cpu_time = report ? report->cpu_time - cpu_at_start_ : cpu_seen_;
  result.memory_bytes = report ? std::max(report->memory_peak, report->maxrss) : memory_seen_;
  const bool err_truncated = err_.size() > limits.stderr_max;
  err_.resize(std::min(err_.size(), limits.stderr_max));
  result.stdout_bytes = std::move(out_);
  result.stderr_bytes = std::move(err_);
  result.stdout_truncated = out_truncated_;
  result.stderr_truncated = err_truncated;
  const bool exited = report && report->kind == Report::Kind::exited;
  if (exited) result.exit_code = report->value;
  if (!exited) result.signal = report ? report->value : std::max(exit_code - kSignalBase, SIGHUP);

  if (result.signal == SIGSYS)
    result.ending = Ending::security_violation;
  else if (oom_killed || (report && report->oom_kills > 0))
    result.ending = Ending::memory_limit;
  else if (result.stdout_truncated || result.stderr_truncated)
    result.ending = Ending::output_limit;
  else if (killed_for_ && killed_for_ != Ending::output_limit && !exited)
    result.ending = *killed_for_;  // too much output shows above; a report that came late is none
  else if (result.cpu_time > limits.cpu_time)
    result.ending = Ending::cpu_time_limit;  // it ended between two looks at the clock
  else if (result.wall_time > limits.wall_time)
    result.ending = Ending::wall_time_limit;
  else
    result.ending = exited ? Ending::exited : Ending::signalled;
  return result;
}

void Run::answer(Result<Outcome> result) {
  const Done done = std::exchange(done_, nullptr);
  deadline_.cancel();
  wall_timer_.cancel();
  cpu_timer_.cancel();
  report_timer_.cancel();
  if (stream_) stream_->close();
  stream_.reset();
  const auto tell = [done, result = std::move(result)] { done(result); };
  if (id_.empty()) return boost::asio::post(host_->context(), tell);
  host_->remove(id_, tell);
}

void Run::fail(const Error& error) {
  if (done_) answer(error);
}

void Run::abandon() {
  if (!done_) return;
  done_ = [](const Result<Outcome>&) {};
  answer(errno_error("run a container", ECANCELED));
}

void Run::arm(nanoseconds deadline, const std::string& what) {
  deadline_.expires_after(deadline);
  deadline_.async_wait([self = shared_from_this(), what](const boost::system::error_code& code) {
    if (!code && self->done_) self->fail(errno_error(what, ETIMEDOUT));
  });
}

}  // namespace executor::docker
