#include "supervisor/builder.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory_resource>

#include "base/private_heap.hpp"
#include "sandbox/init.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/privileges.hpp"
#include "seccomp/filter.hpp"

namespace executor::supervisor {

namespace {

/// Ids of a sandbox inside the outer user namespace. 0 is the supervisor; every slot has two of its own.
std::uint32_t init_id(std::uint32_t slot) { return 1 + 2 * slot; }
std::uint32_t payload_id(std::uint32_t slot) { return 2 + 2 * slot; }

/// What an init reads, apart from the heap, which it does not get. Full: std::bad_alloc.
template <class T>
std::span<const T> inherited(std::span<const T> items) {
  static std::array<std::byte, 4096> page;
  static std::pmr::monotonic_buffer_resource memory(page.data(), page.size(),
                                                    std::pmr::null_memory_resource());
  auto* const copy = static_cast<T*>(memory.allocate(items.size_bytes(), alignof(T)));
  std::ranges::copy(items, copy);
  return {copy, items.size()};
}

const char* inherited(const std::string& text) {
  return inherited(std::span(text.c_str(), text.size() + 1)).data();
}

std::string nobody() { return std::to_string(sandbox::kNobody); }

Result<UniqueFd> compiled(const std::string& profile_text, const char* name, seccomp::KillMode mode,
                          std::string_view reported = {}) {
  auto profile = seccomp::parse_profile(profile_text);
  if (!profile) return profile.error().context(name);
  auto filter = seccomp::compile(*profile, mode, reported);
  if (!filter) return filter.error().context(name);
  return sys::make_memory_file(
      name, {reinterpret_cast<const char*>(filter->data()), filter->size() * sizeof(sock_filter)});
}

#ifdef EXECUTOR_OPEN_LAYERS  // a companion for tests (tests/security/open), never what is installed
constexpr bool kVerifies = false;
#else
constexpr bool kVerifies = true;
#endif

constexpr std::string_view kNoCapabilities = "0000000000000000";

long filters_of(std::string_view status) {
  return std::strtol(std::string(status_field(status, "\nSeccomp_filters:")).c_str(), nullptr, 10);
}

/// The name of the first layer that is not on, empty when all are. A filter of the payload's own stands
/// beside those that it has from us.
std::string missing_layer(std::string_view status, long our_filters) {
  for (const char* set : {"\nCapInh:", "\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapAmb:"})
    if (status_field(status, set) != kNoCapabilities) return std::string(set + 1) + " is not empty";
  if (status_field(status, "\nNoNewPrivs:") != "1") return "no_new_privs is not set";
  if (status_field(status, "\nSeccomp:") != "2" || filters_of(status) <= our_filters)
    return "no seccomp filter is loaded";
  if (!status_field(status, "\nNSpid:").ends_with("\t2")) return "the payload is not pid 2 of its namespace";
  return {};
}

}  // namespace

Builder::Builder(Config config, ZygotePrograms programs, std::unique_ptr<cgroup::Hierarchy> hierarchy)
    : config_(std::move(config)),
      programs_(std::move(programs)),
      hierarchy_(std::move(hierarchy)),
      limits_of_new_(config_.defaults) {
  // an init that is held up in the kernel by its quota holds up what others wait for there
  limits_of_new_.nano_cpus = std::max<std::uint64_t>(limits_of_new_.nano_cpus, 1'000'000'000);
}

Result<std::unique_ptr<Builder>> Builder::make(Config config, ZygotePrograms programs,
                                               std::unique_ptr<cgroup::Hierarchy> hierarchy) {
  if (config.runtimes.empty()) return errno_error("start supervisor without a runtime", EINVAL);
  std::unique_ptr<Builder> builder(new Builder(std::move(config), std::move(programs), std::move(hierarchy)));
  if (auto r = builder->load_profiles(); !r) return r.error();
  auto proc = sandbox::open_proc();
  if (!proc) return proc.error();
  builder->proc_ = std::move(*proc);
  std::vector<sandbox::StagedRuntime> roots;
  for (const RuntimeConfig& runtime : builder->config_.runtimes)
    roots.push_back({runtime.name, runtime.rootfs});
  if (auto r = sandbox::stage_roots(roots); !r) return r.error();
  if (sandbox::empty_capabilities() == nullptr) return errno_error("make empty capability set", ENOMEM);
  return builder;
}

Result<void> Builder::load_profiles() {
  // where no other process can be, a program's exit is known before the kernel has taken it apart
  constexpr seccomp::KillMode kModes[] = {seccomp::KillMode::notify, seccomp::KillMode::audit,
                                          seccomp::KillMode::audit_all};
  const auto mode = kModes[static_cast<std::size_t>(config_.audit)];
  auto profile = seccomp::parse_profile(config_.init_profile);
  if (!profile) return profile.error().context("init profile");
  auto init_filter = seccomp::compile(*profile, seccomp::KillMode::kill);
  if (!init_filter) return init_filter.error().context("init profile");
  const bool own_ids = config_.id_count > 1;
  sandbox::InitPlan init{};
  init.work_options = inherited("size=" + std::to_string(config_.work_size) +
                                ",nr_inodes=" + std::to_string(config_.work_inodes) + ",mode=1777");
  init.uid = own_ids ? 0 : sandbox::kNobody;
  init.gid = init.uid;
  init.no_capabilities = sandbox::empty_capabilities();
  init.filter = inherited(std::span<const sock_filter>(*init_filter));
  for (const RuntimeConfig& runtime : config_.runtimes) {
    auto strict = compiled(runtime.strict_profile, "strict profile", mode, "exit_group");
    if (!strict) return strict.error();
    auto processes = compiled(runtime.processes_profile, "processes profile", mode);
    if (!processes) return processes.error();
    const std::string root = sandbox::staged_root(runtime.name);
    init.root = inherited(root);
    init.work_directory = inherited(root + "/tmp");
    runtimes_.push_back({init, std::move(*strict), std::move(*processes)});
  }
  return {};
}

Result<ZygoteLink> Builder::start_zygote(std::size_t runtime) const {
  const RuntimeConfig& config = config_.runtimes.at(runtime);
  const Runtime& shared = runtimes_.at(runtime);
  ZygoteLink::Plan plan{.executable = programs_.python.get(),
                        .root = shared.init.root,
                        .environment = config.environment,
                        .proc = proc_.directory.get(),
                        .strict_filter = shared.strict_filter.get(),
                        .processes_filter = shared.processes_filter.get()};
  if (config.start != Start::zygote) {
    plan.executable = programs_.exec.get();
    plan.argv = {"executor-zygote-exec", config.start == Start::prestart ? "prestart" : "none",
                 config.source};
    plan.argv.insert(plan.argv.end(), config.command.begin(), config.command.end());
  }
  return ZygoteLink::start(plan);
}

cgroup::LeafLimits Builder::leaf_limits() const {
  return {limits_of_new_.memory_max, limits_of_new_.nano_cpus, limits_of_new_.pids_max};
}

Result<std::unique_ptr<cgroup::Leaf>> Builder::take_leaf(std::uint32_t number) {
  if (spare_leaves_.empty()) return hierarchy_->make_leaf(std::to_string(number), leaf_limits());
  std::unique_ptr<cgroup::Leaf> leaf = std::move(spare_leaves_.back());
  spare_leaves_.pop_back();
  return leaf;
}

bool Builder::keep_leaf(std::unique_ptr<cgroup::Leaf>& leaf) {
  if (spare_leaves_.size() >= config_.max_live || !leaf->renew(leaf_limits())) return false;
  spare_leaves_.push_back(std::move(leaf));
  return true;
}

Result<std::unique_ptr<Sandbox>> Builder::start(std::uint32_t number, std::uint32_t slot, std::size_t runtime,
                                                bool processes) {
  auto sandbox = std::make_unique<Sandbox>();
  sandbox->number = number;
  sandbox->id = sys::random_hex(6);
  sandbox->slot = slot;
  sandbox->runtime = runtime;
  sandbox->processes = processes;
  sandbox->limits = limits_of_new_;
  auto leaf = take_leaf(number);
  if (!leaf) return leaf.error();
  sandbox->leaf = std::move(*leaf);
  if (processes) {
    auto event = sandbox->leaf->watch_oom();
    if (!event) return event.error();
    sandbox->oom_event = *event;
  }

  auto in = sys::make_pipe();
  auto out = sys::make_pipe();
  auto err = sys::make_pipe();
  auto report = sys::make_pipe();
  if (!in || !out || !err || !report) return errno_error("make pipes for sandbox", errno);
  sandbox->stdin_read = std::move(in->read);
  sandbox->stdin_write = std::move(in->write);
  sandbox->out.pipe = std::move(out->read);
  sandbox->stdout_write = std::move(out->write);
  sandbox->err.pipe = std::move(err->read);
  sandbox->stderr_write = std::move(err->write);
  sandbox->report_read = std::move(report->read);
  sandbox->report_write = std::move(report->write);
  for (const int fd : {sandbox->stdin_write.get(), sandbox->out.pipe.get(), sandbox->err.pipe.get(),
                       sandbox->report_read.get()})
    if (auto r = sys::set_nonblocking(fd); !r) return r.error();

  // init reads what stands on the stack, what was laid out for it, and of the heap only the beginning: the C
  // library's data of the thread, and the empty set of capabilities
  const sandbox::InitPlan plan = runtimes_.at(runtime).init;
  const int go = sandbox->stdin_read.get();
  const int inner_report = sandbox->report_write.get();
  clone_args args{};
  int process = -1;
  args.flags = CLONE_FILES | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&process);
  args.exit_signal = SIGCHLD;
  if (const int directory = sandbox->leaf->clone_into(); directory >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(directory);
  }
  if (!keep_heap_private()) return errno_error("keep the heap from init", errno);
  const pid_t pid = sys::raw::clone_process(args);
  if (pid == 0) sandbox::run_init(plan, go, inner_report);
  sandbox->init_pid = pid;
  if (pid < 0) return errno_error("clone init into new user, PID and cgroup namespaces", errno);
  sandbox->init.reset(process);

  auto mapped = write_id_maps(*sandbox);
  if (mapped && ::write(sandbox->stdin_write.get(), "g", 1) != 1) mapped = errno_error("release init", errno);
  if (!mapped) {
    sandbox->kill();
    (void)::waitpid(sandbox->init_pid, nullptr, __WALL);
    sandbox->init_reaped = true;
    return mapped.error();
  }
  return sandbox;
}

Result<std::string> Builder::proc_path(pid_t pid, const UniqueFd& pidfd) const {
  if (proc_.own_pid_namespace) return std::to_string(pid);
  // the host's procfs counts in the host's PID namespace: the pidfd knows that number
  auto info = sys::read_file_at(proc_.directory.get(), "self/fdinfo/" + std::to_string(pidfd.get()));
  if (!info) return info.error();
  const std::string_view host_pid = status_field(*info, "\nPid:");
  if (host_pid.empty() || host_pid.front() == '-')
    return errno_error("find the host's number of a process", ESRCH);
  return std::string(host_pid);
}

Result<void> Builder::write_id_maps(const Sandbox& sandbox) const {
  auto path = proc_path(sandbox.init_pid, sandbox.init);
  if (!path) return path.error();
  std::string map = nobody() + " 0 1\n";
  if (config_.id_count > 1)
    map = "0 " + std::to_string(init_id(sandbox.slot)) + " 1\n" + nobody() + " " +
          std::to_string(payload_id(sandbox.slot)) + " 1\n";
  if (auto r = sys::write_file_at(proc_.directory.get(), *path + "/uid_map", map); !r) return r;
  return sys::write_file_at(proc_.directory.get(), *path + "/gid_map", map);
}

Result<void> Builder::request_payload(Sandbox& sandbox, ZygoteLink& zygote, bool hurried) const {
  zygote::ForkRequest request;
  request.sandbox = sandbox.number;
  request.processes = sandbox.processes ? 1 : 0;
  request.drop_groups = config_.id_count > 1 ? 1 : 0;
  request.hurried = hurried ? 1 : 0;
  request.limits = {sandbox.limits.open_files, sandbox.limits.file_size, sandbox.limits.stack_size};
  std::vector<int> fds = {sandbox.init.get(), sandbox.stdin_read.get(), sandbox.stdout_write.get(),
                          sandbox.stderr_write.get(), sandbox.report_write.get()};
  if (const int directory = sandbox.leaf->clone_into(); directory >= 0) {
    request.clone_into_leaf = 1;
    fds.push_back(directory);
  }
  for (const int file : sandbox.leaf->attach_files()) {
    ++request.attach_files;
    fds.push_back(file);
  }
  auto sent = zygote.request(request, fds);
  // the ends that belong inside are not ours any more: their closing must be seen
  sandbox.stdin_read.reset();
  sandbox.stdout_write.reset();
  sandbox.stderr_write.reset();
  sandbox.report_write.reset();
  return sent;
}

Result<void> Builder::adopt_payload(Sandbox& sandbox, pid_t pid) const {
  auto pidfd = sys::pidfd_open(pid);  // ours to reap, so the number cannot have been reused
  if (!pidfd) return pidfd.error();
  sandbox.payload_pid = pid;
  sandbox.payload = std::move(*pidfd);
  return {};
}

Result<void> Builder::arm(Sandbox& sandbox) {
  auto path = proc_path(sandbox.payload_pid, sandbox.payload);
  if (!path) return path.error();
  auto file = sys::open_at(proc_.directory.get(), *path + "/status", O_RDONLY);
  if (!file) return file.error();
  sandbox.status_file = std::move(*file);
  if (our_filters_ < 0) {
    const auto ours = sys::read_file_at(proc_.directory.get(), "self/status");
    if (!ours) return ours.error();
    our_filters_ = filters_of(*ours);
  }
  const std::string status = sandbox.read_status();
  if (const std::string layer = missing_layer(status, our_filters_); kVerifies && !layer.empty())
    return Error("verify sandbox from outside: " + layer,
                 std::make_error_code(std::errc::operation_not_permitted), "verify");
  auto listener = sys::pidfd_getfd(sandbox.payload.get(), sandbox::kPayloadListener);
  if (!listener) return listener.error().context("take the seccomp listener");
  sandbox.listener = std::move(*listener);
  return {};
}

bool Builder::init_is_ending(const Sandbox& sandbox) const {
  if (sandbox.init_reaped) return true;
  auto path = proc_path(sandbox.init_pid, sandbox.init);
  if (!path) return true;
  auto stat = sys::read_file_at(proc_.directory.get(), *path + "/stat");
  if (!stat) return true;
  // behind the name: state, parent, group, session, terminal, its group, flags (proc(5))
  constexpr int kFlagsField = 7;
  constexpr unsigned long kExiting =
      0x4;  // PF_EXITING, set before the kernel kills the others of the namespace
  const char* at = std::strrchr(stat->c_str(), ')');
  for (int field = 0; at != nullptr && field < kFlagsField; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr || (std::strtoul(at, nullptr, 10) & kExiting) != 0;
}

std::uint64_t Builder::private_bytes_at(const std::string& path) const {
  const auto rollup = sys::read_file_at(proc_.directory.get(), path + "/smaps_rollup");
  if (!rollup) return 0;
  std::uint64_t kib = 0;
  for (const char* key : {"\nPrivate_Clean:", "\nPrivate_Dirty:"})
    kib += std::strtoull(std::string(status_field(*rollup, key)).c_str(), nullptr, 10);
  return kib * kKiB;
}

std::uint64_t Builder::private_bytes(pid_t pid, const UniqueFd& pidfd) const {
  const auto path = proc_path(pid, pidfd);
  return path ? private_bytes_at(*path) : 0;
}

std::uint64_t Builder::own_private_bytes() const { return private_bytes_at("self"); }

std::vector<std::string> Builder::isolation() const {
  std::vector<std::string> layers = {
      "user_namespace",    "mount_namespace", "pid_namespace",
      "network_namespace", "ipc_namespace",   "uts_namespace",
      "cgroup_namespace",  "pivot_root",      "no_new_privs",
      "no_capabilities",   "seccomp",         hierarchy_->version() == 2 ? "cgroup_v2" : "cgroup_v1"};
  if (config_.id_count > 1) layers.emplace_back("own_ids");
  return layers;
}

}  // namespace executor::supervisor
