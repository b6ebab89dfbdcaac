#include "supervisor/service.hpp"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/sys.hpp"

namespace executor::supervisor {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr auto kStatisticsPause = milliseconds(200);
constexpr auto kMemoryPause = std::chrono::seconds(60);
constexpr auto kStrangersPause = milliseconds(10);

std::uint64_t event_key(std::uint8_t source, std::uint32_t number) {
  return (static_cast<std::uint64_t>(number) << 8) | source;
}

}  // namespace

Service::Service(std::unique_ptr<Builder> builder, UniqueFd front, std::size_t leaks_removed)
    : builder_(std::move(builder)),
      front_(std::move(front)),
      pools_(builder_->config().runtimes.size()),
      leaks_removed_(leaks_removed) {
  for (std::uint32_t slot = builder_->config().max_live; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

Service::~Service() {
  for (auto& [number, sandbox] : sandboxes_) sandbox->kill();
  pools_.clear();
  // in any order: an init ends only when the payload in its namespace has been reaped
  while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
  for (auto& [number, sandbox] : sandboxes_)
    for (int i = 0; i < kRemovalAttempts && !sandbox->leaf->remove(); ++i) ::usleep(500);
}

// -- the loop

Result<void> Service::run() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return errno_error("make epoll", errno);
  if (auto r = sys::set_nonblocking(front_.get()); !r) return r;
  watch(front_.get(), EPOLLIN, Source::front, 0);
  if (auto r = start_zygote(0); !r) return r;
  fill_pools();

  while (!front_closed_ && !fatal_) {
    std::array<epoll_event, 64> events;
    timespec timeout{};
    const auto deadline = next_deadline();
    if (deadline) {
      const auto left = std::max(nanoseconds(0), *deadline - sys::monotonic_now());
      timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    const int n = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 deadline ? &timeout : nullptr, nullptr);
    if (n < 0 && errno != EINTR) return errno_error("wait for events", errno);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
      dispatch(static_cast<Source>(key & 0xff), static_cast<std::uint32_t>(key >> 8),
               events[static_cast<std::size_t>(i)].events);
    }
    check_deadlines();
    flush_front();
    if (!is_quiet_time()) {
      quiet_until_ = {};
      end_answered();
      fill_pools();
      look_at_memory();
    }
  }
  if (fatal_) return *fatal_;
  return {};
}

void Service::watch(int fd, std::uint32_t events, Source source, std::uint32_t number) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = event_key(static_cast<std::uint8_t>(source), number);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Service::unwatch(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

Sandbox* Service::find(std::uint32_t number) {
  const auto at = sandboxes_.find(number);
  return at == sandboxes_.end() ? nullptr : at->second.get();
}

void Service::dispatch(Source source, std::uint32_t number, std::uint32_t events) {
  if (source == Source::front) return on_front();
  if (source == Source::zygote) return on_zygote(number);
  if (source == Source::next_zygote) return on_next_zygote(number);
  Sandbox* const sandbox = find(number);
  if (sandbox == nullptr) return;  // an event of one that ended a moment ago
  switch (source) {
    case Source::report:
      return on_report(*sandbox);
    case Source::out:
      return on_output(*sandbox, sandbox->out, source);
    case Source::err:
      return on_output(*sandbox, sandbox->err, source);
    case Source::input:
      return on_input(*sandbox);
    case Source::payload:
      return on_payload_end(*sandbox);
    case Source::listener:
      // hung up: no process uses the filter any more, and before Linux 6.11 a receive would wait for one for
      // ever
      if ((events & EPOLLIN) == 0) return unwatch(sandbox->listener.get());
      return on_listener(*sandbox);
    case Source::init:
      return on_init_end(*sandbox);
    case Source::oom:
      return on_oom(*sandbox);
    default:
      return;
  }
}

std::optional<nanoseconds> Service::next_deadline() const {
  std::optional<nanoseconds> next;
  const auto consider = [&next](nanoseconds when) { next = next ? std::min(*next, when) : when; };
  for (const auto& [number, sandbox] : sandboxes_) {
    if (sandbox->state == State::starting || sandbox->state == State::draining)
      consider(sandbox->wall_deadline);
    if (sandbox->state != State::running || sandbox->is_channel || sandbox->killed_for) continue;
    consider(std::min(sandbox->wall_deadline, sandbox->next_cpu_check));
    if (sandbox->watch_output_at.count() > 0) consider(sandbox->watch_output_at);
  }
  for (const auto& [number, when] : removals_) consider(when);
  for (const Pool& pool : pools_)
    for (const nanoseconds when : {pool.build_again, pool.wanted_until, pool.next_look})
      if (when.count() > 0) consider(when);
  if (strangers_until_.count() > 0) consider(sys::monotonic_now() + kStrangersPause);
  if (next_statistics_.count() > 0) consider(next_statistics_);
  if (spare_leaves_until_.count() > 0) consider(spare_leaves_until_);
  if (quiet_until_.count() > 0) consider(quiet_until_);
  return next;
}

void Service::check_deadlines() {
  const auto now = sys::monotonic_now();
  for (auto& [number, sandbox] : sandboxes_) {
    if (sandbox->state == State::starting && now >= sandbox->wall_deadline)
      build_failed(number, sandbox->runtime,
                   errno_error("wait for the interpreter's boot script", ETIMEDOUT));
    if (sandbox->state == State::draining && now >= sandbox->wall_deadline) answer(*sandbox, sandbox->ended);
    if (sandbox->state != State::running || sandbox->is_channel || sandbox->killed_for) continue;
    if (now >= sandbox->watch_output_at) watch_output(*sandbox);
    if (now < sandbox->wall_deadline && now < sandbox->next_cpu_check) continue;
    const nanoseconds limit = sandbox->limits.cpu_time;
    const nanoseconds used = sandbox->cpu_used();
    // with equal limits a program that spun all the time reaches both at once: then the cause is named
    const bool spun = limit == sandbox->limits.wall_time && now >= sandbox->wall_deadline &&
                      used >= sandbox->limits.wall_time - sandbox->limits.wall_time / 10;
    if (used >= limit || spun) {
      stop(*sandbox, Ending::cpu_time_limit);
    } else if (now >= sandbox->wall_deadline) {
      stop(*sandbox, Ending::wall_time_limit);
    } else {
      const auto cpus = std::max<std::uint64_t>(1, (sandbox->limits.nano_cpus + 999'999'999) / 1'000'000'000);
      sandbox->next_cpu_check = now + std::max<nanoseconds>(kShortestCpuCheck, (limit - used) / cpus);
    }
  }
  std::vector<std::uint32_t> due;
  for (const auto& [number, when] : removals_)
    if (when <= now) due.push_back(number);
  for (const std::uint32_t number : due) try_remove(number);
  for (std::size_t runtime = 0; runtime < pools_.size(); ++runtime) {
    Pool& pool = pools_[runtime];
    if (pool.build_again.count() > 0 && now >= pool.build_again) pool.build_again = {};
    if (pool.next_look.count() > 0 && now >= pool.next_look) look_at_zygote(runtime);
  }
  end_unwanted();
  if (spare_leaves_until_.count() > 0 && now >= spare_leaves_until_) {
    spare_leaves_until_ = {};
    builder_->remove_spare_leaves();
  }
  if (strangers_until_.count() > 0) look_for_strangers(now);
  if (next_statistics_.count() > 0 && now >= next_statistics_) send_statistics();
}

// -- front

void Service::on_front() {
  for (;;) {
    const ssize_t n = ::recv(front_.get(), chunk_.data(), chunk_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (n <= 0) {
      front_closed_ = true;
      return;
    }
    incoming_.append({chunk_.data(), static_cast<std::size_t>(n)});
    if (static_cast<std::size_t>(n) < chunk_.size()) break;
  }
  while (const auto frame = incoming_.next()) on_frame(*frame);
  if (incoming_.broken()) front_closed_ = true;
}

void Service::on_frame(const FrameSplitter::Frame& frame) {
  if (frame.type == MessageType::run) {
    if (auto message = decode<RunMessage>(frame.body))
      return accept({message->id, std::move(message->program), false});
  } else if (frame.type == MessageType::open_channel) {
    if (auto message = decode<OpenChannelMessage>(frame.body))
      return accept({message->id, std::move(message->program), true});
  } else if (frame.type == MessageType::cancel) {
    if (const auto message = decode<CancelMessage>(frame.body)) return cancel(message->id);
  }
  front_closed_ = true;  // not our front
}

void Service::send(std::string_view frame) {
  outgoing_ += frame;
  flush_front();
}

void Service::flush_front() {
  std::size_t written = 0;
  while (written < outgoing_.size()) {
    const ssize_t n =
        ::send(front_.get(), outgoing_.data() + written, outgoing_.size() - written, MSG_NOSIGNAL);
    if (n < 0) break;
    written += static_cast<std::size_t>(n);
  }
  if (written > 0) outgoing_.erase(0, written);
  const std::uint32_t wanted = EPOLLIN | (outgoing_.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT));
  if (wanted != std::exchange(front_events_, wanted)) watch(front_.get(), wanted, Source::front, 0);
}

void Service::announce_failure(const Error& error) { send(encode(failed_message(error))); }

void Service::accept(Waiting waiting) {
  const auto& runtimes = builder_->config().runtimes;
  const auto known = std::ranges::find(runtimes, waiting.program.runtime, &RuntimeConfig::name);
  if (known == runtimes.end())
    return answer_failure(waiting.id,
                          errno_error("find the runtime \"" + waiting.program.runtime + "\"", ENOENT));
  waiting.runtime = static_cast<std::size_t>(known - runtimes.begin());
  pools_[waiting.runtime].wanted_until = sys::monotonic_now() + builder_->config().pool_idle;
  while (Sandbox* const sandbox = take_armed(waiting.runtime, waiting.program.processes)) {
    on_payload_end(*sandbox);  // its death may not have been heard of yet
    if (sandbox->state != State::armed) continue;
    ++statistics_.warm_hits;
    return hand_over(*sandbox, std::move(waiting));
  }
  ++statistics_.warm_misses;
  waiting_.push_back(std::move(waiting));
}

/// The longest waiting sandbox of that runtime with that filter, no longer in the pool; nullptr when there is
/// none.
Sandbox* Service::take_armed(std::size_t runtime, bool processes) {
  const auto warm = std::ranges::find_if(armed_, [&](std::uint32_t number) {
    const Sandbox& sandbox = *sandboxes_.at(number);
    return sandbox.runtime == runtime && sandbox.processes == processes;
  });
  if (warm == armed_.end()) return nullptr;
  Sandbox* const sandbox = sandboxes_.at(*warm).get();
  armed_.erase(warm);
  return sandbox;
}

void Service::cancel(std::uint64_t run_id) {
  const auto waits = std::ranges::find(waiting_, run_id, &Waiting::id);
  if (waits != waiting_.end()) {
    FinishedMessage message;
    message.id = run_id;
    message.outcome.ending = Ending::cancelled;
    waiting_.erase(waits);
    return send(encode(message));
  }
  for (auto& [number, sandbox] : sandboxes_)
    if (sandbox->state == State::running && sandbox->run_id == run_id)
      return stop(*sandbox, Ending::cancelled);
}

/// Where nothing runs, and seldom: the kernel takes its time to tell. At first as soon as a pool stands.
void Service::look_at_memory() {
  const auto now = sys::monotonic_now();
  if (now < next_memory_look_ || armed_.empty() || ready_count(0) < pool_size(0) || !answered_.empty())
    return;
  for (const auto& [number, sandbox] : sandboxes_)
    if (sandbox->state == State::running && !sandbox->is_channel) return;
  next_memory_look_ = now + kMemoryPause;
  ::malloc_trim(0);  // large inputs and outputs are on the heap too
  const Sandbox& warm = *sandboxes_.at(armed_.front());
  SandboxFigures& figures = statistics_.figures;
  figures.warm_bytes = builder_->private_bytes(warm.payload_pid, warm.payload) +
                       builder_->private_bytes(warm.init_pid, warm.init);
  figures.supervisor_bytes = builder_->own_private_bytes();
  if (const auto& zygote = pools_[0].zygote)
    figures.zygote_bytes = builder_->private_bytes(zygote->pid(), zygote->process());
  statistics_soon();
}

/// Not before it is known that sandboxes can be made here: that is the first word that is waited for.
void Service::statistics_soon() {
  if (announced_ && next_statistics_.count() == 0) next_statistics_ = sys::monotonic_now() + kStatisticsPause;
}

void Service::send_statistics() {
  next_statistics_ = {};
  statistics_.warm = static_cast<std::uint32_t>(armed_.size());
  statistics_.wanted = 0;
  for (std::size_t runtime = 0; runtime < pools_.size(); ++runtime)
    statistics_.wanted += static_cast<std::uint32_t>(pool_size(runtime));
  statistics_.live = static_cast<std::uint32_t>(std::ranges::count_if(sandboxes_, [](const auto& entry) {
    return entry.second->state == State::running && !entry.second->is_channel;
  }));
  send(encode(statistics_));
}

}  // namespace executor::supervisor
