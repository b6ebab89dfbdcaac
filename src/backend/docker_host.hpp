// The engine as one long-lived acquaintance: looked at until it will do, watched from then on, and cleaned of
// containers whose owners are gone.
//
//   looking ──version, info, left-overs, image──▶ ready ──no answer──▶ looking (every second)
//
// A container belongs to the process that its label names; one that died without tidying up is recognised by
// that, and so is its container. So is one of our own whose making was answered to nobody, as the engine went
// away in between: left-overs are looked for each time that it is back.
//
// Ownership: shared by the backend and its runs. Thread safety: the io_context's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backend/docker_engine.hpp"
#include "backend/docker_messages.hpp"

namespace executor::docker {

/// One language, and the image that its containers are made of.
struct RuntimeOptions {
  std::string name;
  std::string image;  ///< a name, as docker pull takes it
  Command command{};
  std::string files;           ///< directory on the engine's host that is shown at kFilesPlace; empty: none
  std::string strict_profile;  ///< JSON text, for programs that may not start processes
  std::string processes_profile;  ///< JSON text, for those that may
};

struct Options {
  std::string socket_path = "/var/run/docker.sock";
  std::string bootstrap;  ///< path of the program that containers start with, on the engine's host
  std::vector<RuntimeOptions> runtimes;  ///< without the first one's image there is nothing; others may lack
  std::size_t warm = 0;                  ///< containers made ahead and not started, for each runtime
  Limits warm_limits{};                  ///< what they are made with
  std::chrono::milliseconds watch_period{2000};
  std::chrono::milliseconds retry_period{1000};
  std::chrono::milliseconds request_deadline{10'000};
  std::chrono::milliseconds start_deadline{30'000};  ///< from creating a container to its being ready
  std::chrono::milliseconds pull_deadline{600'000};
};

class Host : public std::enable_shared_from_this<Host> {
 public:
  using Answered = Engine::Answered;

  /// An Error: a profile does not do.
  static Result<std::shared_ptr<Host>> make(boost::asio::io_context& context, Options options);

  /// Looks at the engine; `on_change` is told of every change between ready and not.
  void start(std::function<void()> on_change);

  [[nodiscard]] bool ready() const { return ready_; }
  /// What it is, or what is wrong with it.
  [[nodiscard]] const std::string& detail() const { return detail_; }
  /// True where waiting does not help: the engine or the image will not do as it is.
  [[nodiscard]] bool refused() const { return refused_; }
  [[nodiscard]] std::uint64_t leaks_removed() const { return leaks_removed_; }

  /// A request about one container; targets start behind the version: "/containers/create".
  void ask(Request request, Answered answered);
  void open_stream(Request request, Engine::Opened opened);
  /// What containers of one runtime are made with.
  struct Runtime {
    RuntimeOptions options;
    std::string profile;   ///< the engine's
    std::string filter;    ///< the program's, where it may not start processes
    std::string image_id;  ///< empty: there is none, for this reason
    std::string problem;
    bool pull_tried = false;
    std::vector<std::string> warm{};  ///< ids of containers made ahead
    std::size_t warming = 0;          ///< that are being made
  };
  /// Null where nobody knows that name.
  [[nodiscard]] const Runtime* runtime(const std::string& name) const;
  [[nodiscard]] const std::vector<Runtime>& runtimes() const { return runtimes_; }

  /// Makes a container; its id or what went wrong.
  void create(const Runtime& runtime, const Limits& limits, bool removes_itself,
              std::function<void(const Result<std::string>&)> created);
  /// One that was made ahead with these limits; empty where there is none. Another takes its place.
  std::string take_warm(const Runtime& runtime, const Limits& limits);
  [[nodiscard]] std::size_t warm() const;
  [[nodiscard]] std::uint64_t warm_hits() const { return warm_hits_; }
  /// No more containers are made ahead, and those that were go.
  void stop_warming();
  /// Removes a container, however often it takes; `removed` comes after the first attempt. Null: nobody
  /// waits.
  void remove(const std::string& id, std::function<void()> removed = nullptr);
  /// Whether the engine has answered each creation and removal.
  [[nodiscard]] bool settled() const { return creating_ == 0 && removing_ == 0; }
  /// A request found nobody: looks again.
  void lost(const std::string& why);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] boost::asio::io_context& context() const { return context_; }

 private:
  Host(boost::asio::io_context& context, Options options);
  void look();
  void look_at_info(const std::string& body);
  void sweep();
  void look_at_image(std::size_t index);
  void pull(std::size_t index);
  void on_image(std::size_t index, const std::string& image_id, const std::string& problem);
  void become_ready();
  void not_ready(const std::string& why, bool refused);
  void warm_up(Runtime& runtime);
  void watch();
  void remove_later(const std::string& id);
  void on_left_overs(const std::string& body);
  /// Asks, and hands over the body of an answer below 300; everything else makes the host not ready.
  void ask_for(Request request, const std::string& what, std::function<void(const std::string&)> use);

  boost::asio::io_context& context_;
  Options options_;
  Engine engine_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer removal_timer_;
  std::vector<Runtime> runtimes_{};
  EngineFacts facts_{};
  std::string owner_;              // this very acquaintance: a process may have several
  std::set<std::string> known_{};  // containers of ours that we know of
  std::size_t creating_ = 0;       // that are being made
  std::size_t removing_ = 0;
  std::function<void()> on_change_{};
  bool ready_ = false;
  bool refused_ = false;
  bool swept_ = false;
  std::string detail_ = "starting";
  std::uint64_t leaks_removed_ = 0;
  std::uint64_t warm_hits_ = 0;
  std::vector<std::string> unremoved_{};
};

/// Names this process so that others can tell whether it still lives: boot, PID namespace, pid, start time.
[[nodiscard]] std::string own_name();
/// Whether the process of that name lives; true where that cannot be told from here.
[[nodiscard]] bool owner_lives(const std::string& name);

}  // namespace executor::docker
