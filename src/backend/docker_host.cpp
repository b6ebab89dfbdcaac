#include "backend/docker_host.hpp"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/sys.hpp"

namespace executor::docker {

namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr unsigned kNotFound = 404;
constexpr unsigned kConflict = 409;  // a removal that is under way already

bool has_swap() {
  struct sysinfo info {};
  return ::sysinfo(&info) != 0 || info.totalswap > 0;
}

std::string first_line(const std::string& path) {
  const auto text = sys::read_file(path);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

/// Field 22 of /proc/<pid>/stat, counted behind the name, which may hold anything.
std::string start_time(const std::string& pid) {
  const auto text = sys::read_file("/proc/" + pid + "/stat");
  if (!text) return {};
  std::istringstream fields(text->substr(text->rfind(')') + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
  }
  return field;
}

/// Of this process's PID namespace: "pid:[4026531836]".
std::string pid_namespace() {
  std::error_code error;
  return fs::read_symlink("/proc/self/ns/pid", error).string();
}

std::string boot() { return first_line("/proc/sys/kernel/random/boot_id"); }

}  // namespace

std::string own_name() {
  const std::string pid = std::to_string(::getpid());
  return boot() + "/" + pid_namespace() + "/" + pid + "/" + start_time(pid);
}

bool owner_lives(const std::string& name) {
  std::istringstream parts(name);
  std::string boot_id;
  std::string space;
  std::string pid;
  std::string start;
  std::getline(parts, boot_id, '/');
  std::getline(parts, space, '/');
  std::getline(parts, pid, '/');
  std::getline(parts, start, '/');
  if (boot_id != boot()) return false;
  if (space != pid_namespace()) return true;  // its processes are not seen from here
  const bool is_number = !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos;
  return is_number && !start.empty() && start_time(pid) == start;
}

Host::Host(boost::asio::io_context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      engine_(context, options_.socket_path),
      timer_(context),
      removal_timer_(context),
      owner_(own_name() + "/" + sys::random_hex(4)) {}

Result<std::shared_ptr<Host>> Host::make(boost::asio::io_context& context, Options options) {
  constexpr std::size_t kLongestPath = 107;  // that a socket's address has room for
  if (options.socket_path.size() > kLongestPath)
    return errno_error("connect to the Docker engine at \"" + options.socket_path + "\"", ENAMETOOLONG);
  std::shared_ptr<Host> host(new Host(context, std::move(options)));
  for (const RuntimeOptions& runtime : host->options_.runtimes) {
    auto profile = engine_profile(runtime.processes_profile);
    if (!profile) return profile.error().context("seccomp profile of containers for " + runtime.name);
    auto filter = program_filter(runtime.strict_profile);
    if (!filter) return filter.error().context("seccomp filter of programs in " + runtime.name);
    host->runtimes_.push_back(
        {.options = runtime, .profile = std::move(*profile), .filter = std::move(*filter)});
  }
  return host;
}

void Host::start(std::function<void()> on_change) {
  on_change_ = std::move(on_change);
  look();
}

void Host::ask(Request request, Answered answered) {
  request.target = "/v" + facts_.api + request.target;
  engine_.request(std::move(request), std::move(answered));
}

void Host::open_stream(Request request, Engine::Opened opened) {
  request.target = "/v" + facts_.api + request.target;
  engine_.open_stream(std::move(request), std::move(opened));
}

const Host::Runtime* Host::runtime(const std::string& name) const {
  const auto found =
      std::ranges::find_if(runtimes_, [&](const Runtime& runtime) { return runtime.options.name == name; });
  return found == runtimes_.end() ? nullptr : &*found;
}

void Host::create(const Runtime& runtime, const Limits& limits, bool removes_itself,
                  std::function<void(const Result<std::string>&)> created) {
  ++creating_;
  ask({.method = "POST",
       .target = "/containers/create",
       .body = create_body({.image = runtime.image_id,
                            .bootstrap = options_.bootstrap,
                            .files = runtime.options.files,
                            .profile = runtime.profile,
                            .owner = owner_,
                            .limits = limits,
                            .removes_itself = removes_itself}),
       .deadline = options_.start_deadline},
      [self = shared_from_this(), created = std::move(created)](const Result<Response>& answer) {
        constexpr std::size_t kShortestId = 12;
        --self->creating_;
        if (!answer) {
          self->lost(answer.error().message());
          return created(answer.error());
        }
        const auto made =
            answer->good() ? nlohmann::json::parse(answer->body, nullptr, false) : nlohmann::json();
        const std::string id = text_at(made, "Id");
        if (id.size() < kShortestId)
          return created(Error("create a container: " + complaint(answer->status, answer->body), {}));
        self->known_.insert(id);
        created(id);
      });
}

// -- made ahead

/// A container's own: times and output are watched from here.
static bool same_container(const Limits& a, const Limits& b) {
  return a.memory_max == b.memory_max && a.nano_cpus == b.nano_cpus && a.pids_max == b.pids_max &&
         a.open_files == b.open_files && a.file_size == b.file_size && a.stack_size == b.stack_size;
}

std::string Host::take_warm(const Runtime& runtime, const Limits& limits) {
  Runtime& own =
      *std::ranges::find(runtimes_, runtime.options.name, [](const Runtime& r) { return r.options.name; });
  if (own.warm.empty() || !same_container(limits, options_.warm_limits)) return {};
  std::string id = std::move(own.warm.back());
  own.warm.pop_back();
  ++warm_hits_;
  warm_up(own);
  return id;
}

std::size_t Host::warm() const {
  std::size_t count = 0;
  for (const Runtime& runtime : runtimes_) count += runtime.warm.size();
  return count;
}

void Host::warm_up(Runtime& runtime) {
  while (ready_ && !runtime.image_id.empty() && runtime.warm.size() + runtime.warming < options_.warm) {
    ++runtime.warming;
    create(runtime, options_.warm_limits, false,
           [weak = weak_from_this(), &runtime](const Result<std::string>& id) {
             const auto self = weak.lock();  // the runtimes are its own, and stay where they are
             if (!self) return;
             --runtime.warming;
             if (!id) return;  // tried again when the next one is taken
             if (self->options_.warm == 0) return self->remove(*id);
             runtime.warm.push_back(*id);
           });
  }
}

void Host::stop_warming() {
  options_.warm = 0;
  for (Runtime& runtime : runtimes_)
    for (const std::string& id : std::exchange(runtime.warm, {})) remove(id);
}

// -- until it will do

void Host::ask_for(Request request, const std::string& what, std::function<void(const std::string&)> use) {
  ask(std::move(request),
      [weak = weak_from_this(), what, use = std::move(use)](const Result<Response>& answer) {
        const auto self = weak.lock();
        if (!self) return;
        if (!answer) return self->not_ready(answer.error().message(), false);
        if (!answer->good())
          return self->not_ready(what + ": " + complaint(answer->status, answer->body), false);
        use(answer->body);
      });
}

void Host::look() {
  engine_.request({.method = "GET", .target = "/version", .deadline = options_.request_deadline},
                  [weak = weak_from_this()](const Result<Response>& answer) {
                    const auto self = weak.lock();
                    if (!self) return;
                    if (!answer) return self->not_ready(answer.error().message(), false);
                    auto facts = negotiate(answer->body);
                    if (!facts) return self->not_ready(facts.error().message(), true);
                    self->facts_ = std::move(*facts);
                    self->ask_for(
                        {.method = "GET", .target = "/info", .deadline = self->options_.request_deadline},
                        "describe the engine", [self](const std::string& body) { self->look_at_info(body); });
                  });
}

void Host::look_at_info(const std::string& body) {
  if (const auto fit = check_info(body, has_swap()); !fit) return not_ready(fit.error().message(), true);
  if (swept_) return look_at_image(0);
  sweep();
}

void Host::sweep() {
  const std::string filters = nlohmann::json{{"label", {kOwnerLabel}}}.dump();
  ask_for({.method = "GET",
           .target = "/containers/json?all=1&filters=" + escaped(filters),
           .deadline = options_.request_deadline},
          "list containers", [self = shared_from_this()](const std::string& body) {
            self->swept_ = true;
            self->on_left_overs(body);
            self->look_at_image(0);
          });
}

void Host::on_left_overs(const std::string& body) {
  const auto containers = nlohmann::json::parse(body, nullptr, false);
  if (!containers.is_array()) return;
  for (const auto& container : containers) {
    if (!container.is_object() || !container.contains("Labels") || !container["Labels"].is_object()) continue;
    const std::string id = text_at(container, "Id");
    const std::string owner = text_at(container["Labels"], kOwnerLabel.data());
    const bool wanted = owner == owner_ ? creating_ > 0 || known_.contains(id) : owner_lives(owner);
    if (id.empty() || wanted) continue;
    ++leaks_removed_;
    remove(id);
  }
}

void Host::look_at_image(std::size_t index) {
  if (index == runtimes_.size()) return become_ready();
  const std::string& image = runtimes_[index].options.image;
  ask({.method = "GET",
       .target = "/images/" + escaped(image) + "/json",
       .deadline = options_.request_deadline},
      [weak = weak_from_this(), index, image](const Result<Response>& answer) {
        const auto self = weak.lock();
        if (!self) return;
        if (!answer) return self->not_ready(answer.error().message(), false);
        if (answer->status == kNotFound && !std::exchange(self->runtimes_[index].pull_tried, true))
          return self->pull(index);
        const std::string name = "find image \"" + image + "\": ";
        if (!answer->good()) return self->on_image(index, {}, name + complaint(answer->status, answer->body));
        const auto id = check_image(answer->body);
        self->on_image(index, id ? *id : std::string(), id ? std::string() : name + id.error().message());
      });
}

void Host::on_image(std::size_t index, const std::string& image_id, const std::string& problem) {
  runtimes_[index].image_id = image_id;
  runtimes_[index].problem = problem;
  if (image_id.empty() && index == 0) {
    runtimes_[index].pull_tried = false;  // looked for again later, and not as often
    return not_ready(problem, true);
  }
  look_at_image(index + 1);
}

/// The engine answers 200 at once and tells of failures in what follows, one JSON object a line.
std::string pull_failure(const std::string& progress) {
  std::istringstream lines(progress);
  std::string line;
  while (std::getline(lines, line)) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (object.is_object() && object.contains("error")) return "the engine says: " + text_at(object, "error");
  }
  return {};
}

void Host::pull(std::size_t index) {
  const std::string image = runtimes_[index].options.image;
  const auto [name, tag] = split_image(image);
  detail_ = "pulling image \"" + image + "\"";
  constexpr std::size_t kProgressMax = 64 * kMiB;
  ask({.method = "POST",
       .target = "/images/create?fromImage=" + escaped(name) + "&tag=" + escaped(tag),
       .deadline = options_.pull_deadline,
       .answer_max = kProgressMax},
      [weak = weak_from_this(), index, image](const Result<Response>& answer) {
        const auto self = weak.lock();
        if (!self) return;
        const std::string what = "pull image \"" + image + "\" (docker pull fetches it): ";
        std::string failure;
        if (!answer)
          failure = answer.error().message();
        else if (!answer->good())
          failure = complaint(answer->status, answer->body);
        else
          failure = pull_failure(answer->body);
        if (!failure.empty()) return self->on_image(index, {}, what + failure);
        self->look_at_image(index);
      });
}

void Host::become_ready() {
  ready_ = true;
  refused_ = false;
  detail_ = "Docker " + facts_.version + ", API " + facts_.api;
  for (const Runtime& runtime : runtimes_)
    detail_ += runtime.image_id.empty() ? "; no " + runtime.options.name + ": " + runtime.problem
                                        : ", image " + runtime.options.image;
  watch();
  for (Runtime& runtime : runtimes_) warm_up(runtime);
  if (on_change_) on_change_();
}

void Host::not_ready(const std::string& why, bool refused) {
  ready_ = false;
  swept_ = false;
  for (Runtime& runtime : runtimes_)  // whether they are still there is not known: they go when it is back
    for (const std::string& id : std::exchange(runtime.warm, {})) known_.erase(id);
  refused_ = refused;
  detail_ = why;
  // a pull that failed is not asked for every second
  timer_.expires_after(refused ? 30 * options_.retry_period : options_.retry_period);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
    const auto self = weak.lock();
    if (!code && self) self->look();
  });
  if (on_change_) on_change_();
}

void Host::lost(const std::string& why) {
  if (ready_) not_ready(why, false);
}

void Host::watch() {
  timer_.expires_after(options_.watch_period);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
    const auto waited = weak.lock();
    if (code || !waited) return;
    waited->ask({.method = "GET", .target = "/_ping", .deadline = waited->options_.request_deadline},
                [weak](const Result<Response>& answer) {
                  const auto self = weak.lock();
                  if (!self || !self->ready_) return;
                  if (!answer) return self->not_ready(answer.error().message(), false);
                  if (!answer->good())
                    return self->not_ready("the engine: " + complaint(answer->status, answer->body), false);
                  self->watch();
                });
  });
}

// -- the way out

void Host::remove(const std::string& id, std::function<void()> removed) {
  ++removing_;
  ask({.method = "DELETE",
       .target = "/containers/" + escaped(id) + "?force=1&v=1",
       .deadline = 2 * options_.request_deadline},
      [weak = weak_from_this(), id, removed = std::move(removed)](const Result<Response>& answer) {
        const auto self = weak.lock();
        if (!self) return;
        --self->removing_;
        const bool gone =
            answer && (answer->good() || answer->status == kNotFound || answer->status == kConflict);
        if (gone) self->known_.erase(id);
        if (!gone) self->remove_later(id);
        if (removed) removed();
      });
}

void Host::remove_later(const std::string& id) {
  unremoved_.push_back(id);
  removal_timer_.expires_after(options_.retry_period);
  removal_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
    const auto self = weak.lock();
    if (code || !self) return;
    for (const std::string& left : std::exchange(self->unremoved_, {})) self->remove(left);
  });
}

}  // namespace executor::docker
