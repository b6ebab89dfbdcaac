// The supervisor's event loop: single-threaded, one epoll, owner of every sandbox. It keeps the warm pool
// filled, hands programs over, enforces deadlines, and judges only by wait status, cgroup counters and
// captured bytes.
//
// Life of a run: run message → a warm sandbox, or the next one that is built → hand-over → the payload's
// pidfd becomes readable, a deadline passes, a cap is reached or a forbidden call is reported → the answer
// leaves → clean-up.
#pragma once

#include <linux/seccomp.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "supervisor/builder.hpp"
#include "supervisor/protocol.hpp"
#include "supervisor/sandbox.hpp"
#include "supervisor/zygote_link.hpp"

namespace executor::supervisor {

class Service {
 public:
  Service(std::unique_ptr<Builder> builder, UniqueFd front, std::size_t leaks_removed);
  ~Service();

  /// Runs until the front closes its end; an Error when no sandbox can be built at the start.
  Result<void> run();
  /// Tells the front why this supervisor cannot go on; it ends afterwards.
  void announce_failure(const Error& error);

 private:
  static constexpr auto kShortestCpuCheck = std::chrono::milliseconds(5);
  static constexpr int kRemovalAttempts = 2000;

  enum class Source : std::uint8_t {
    front,
    zygote,
    next_zygote,
    report,
    out,
    err,
    input,
    payload,
    listener,
    init,
    oom
  };
  struct Waiting {
    std::uint64_t id;
    Program program;
    bool is_channel;
    std::size_t runtime = 0;
  };
  /// What stands ready for one runtime, and who makes it.
  struct Pool {
    std::optional<ZygoteLink> zygote{}, next_zygote{};
    bool zygote_ready = false;
    bool next_zygote_ready = false;
    std::uint32_t forks = 0;
    std::uint32_t zygote_owes = 0;                 ///< requests without a reply
    std::chrono::nanoseconds next_look{};          ///< at a zygote that owes an answer; zero: it owes none
    int looks = 0;                                 ///< since it last said something
    std::chrono::nanoseconds next_zygote_until{};  ///< by then it must have greeted
    int failed_zygotes = 0;                        ///< in a row
    std::chrono::nanoseconds zygote_born{};
    std::deque<std::uint32_t> for_zygote{};  ///< sandboxes that wait for a zygote
    int failed_builds = 0;                   ///< in a row
    std::chrono::nanoseconds build_again{};
    std::chrono::nanoseconds wanted_until{};  ///< the full number is kept ready so long; zero: it is not
  };

  // -- the loop
  void watch(int fd, std::uint32_t events, Source source, std::uint32_t number);
  void unwatch(int fd);
  void dispatch(Source source, std::uint32_t number, std::uint32_t events);
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next_deadline() const;
  void check_deadlines();

  // -- front
  void on_front();
  void on_frame(const FrameSplitter::Frame& frame);
  void send(std::string_view frame);
  void flush_front();
  void accept(Waiting waiting);
  Sandbox* take_armed(std::size_t runtime, bool processes);
  void cancel(std::uint64_t run_id);
  void look_at_memory();
  void statistics_soon();
  void send_statistics();

  // -- building: service_build.cpp
  [[nodiscard]] bool is_quiet_time() const;
  [[nodiscard]] bool is_hurried(std::size_t runtime) const;
  void fill_pools();
  void fill_pool(std::size_t runtime);
  [[nodiscard]] std::size_t pool_size(std::size_t runtime) const;
  [[nodiscard]] std::size_t ready_count(std::size_t runtime) const;
  [[nodiscard]] bool is_embedded(std::size_t runtime) const;
  Result<void> start_zygote(std::size_t runtime);
  static void expect_answer(Pool& pool);
  void end_unwanted();
  void start_build(std::size_t runtime, bool processes);
  void on_report(Sandbox& sandbox);
  void on_zygote(std::size_t runtime);
  void on_zygote_reply(Pool& pool, const zygote::ForkReply& reply);
  void on_next_zygote(std::size_t runtime);
  void switch_zygote(std::size_t runtime);
  void zygote_died(std::size_t runtime, const Error& error);
  void look_at_zygote(std::size_t runtime);
  void renew_zygote(std::size_t runtime);
  void look_for_strangers(std::chrono::nanoseconds now);
  void reap_strangers();
  void payload_stands(Sandbox& sandbox);
  void armed(Sandbox& sandbox);
  void build_failed(std::uint32_t number, std::size_t runtime, const Error& error);

  // -- running and the end: service_run.cpp
  void hand_over(Sandbox& sandbox, Waiting waiting);
  void watch_output(Sandbox& sandbox);
  Result<void> apply_limits(Sandbox& sandbox, const Limits& limits);
  void open_channel(Sandbox& sandbox);
  void on_input(Sandbox& sandbox);
  void on_output(Sandbox& sandbox, Capture& capture, Source source);
  void on_listener(Sandbox& sandbox);
  void let_go_on(Sandbox& sandbox, std::uint64_t notification);
  bool note_call(Sandbox& sandbox, const seccomp_notif& notification);
  void on_exit_call(Sandbox& sandbox, std::uint64_t notification, int status);
  void answer(Sandbox& sandbox, std::chrono::nanoseconds end);
  void on_oom(Sandbox& sandbox);
  void on_payload_end(Sandbox& sandbox);
  void stop(Sandbox& sandbox, Ending why);
  [[nodiscard]] bool was_killed_by_strangers(const Sandbox& sandbox) const;
  void answer_failure(std::uint64_t run_id, const Error& error);

  // -- the end of a sandbox
  void count_process(const sys::WaitStatus& status);
  void end_answered();
  void begin_ending(Sandbox& sandbox);
  void on_init_end(Sandbox& sandbox);
  void try_remove(std::uint32_t number);

  Sandbox* find(std::uint32_t number);

  std::unique_ptr<Builder> builder_;
  UniqueFd front_;
  std::vector<char> chunk_ = std::vector<char>(64UL << 10);  ///< as it comes from the front
  FrameSplitter incoming_;
  std::string outgoing_;
  bool front_closed_ = false;
  std::uint32_t front_events_ = 0;
  UniqueFd epoll_;

  std::vector<Pool> pools_;  ///< one for each runtime, in the configuration's order
  std::chrono::nanoseconds strangers_until_{};

  std::map<std::uint32_t, std::unique_ptr<Sandbox>> sandboxes_;
  std::deque<std::uint32_t> armed_;
  std::deque<Waiting> waiting_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t next_number_ = 1;
  std::map<std::uint32_t, std::chrono::nanoseconds> removals_;  ///< sandbox → when to try again

  bool announced_ = false;
  std::optional<Error> fatal_;
  std::size_t quiet_runtime_ = 0;  ///< of the last hand-over
  std::chrono::nanoseconds last_hand_over_{};
  std::chrono::nanoseconds
      quiet_until_{};  ///< nothing is made or taken apart before; zero when nothing waits for it
  std::chrono::nanoseconds spare_leaves_until_{};  ///< idle so long, and they are removed; zero without any
  std::vector<std::uint32_t> answered_;            ///< sandboxes to be taken apart
  StatisticsMessage statistics_;
  std::size_t leaks_removed_;  ///< leaves that stood there at the start
  std::chrono::nanoseconds next_statistics_{};
  std::chrono::nanoseconds next_memory_look_{};  ///< the earliest
};

}  // namespace executor::supervisor
