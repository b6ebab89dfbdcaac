#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "app/doctor/diagnosis.hpp"
#include "app/doctor/report.hpp"

using namespace executor;
using namespace executor::doctor;

namespace {

constexpr Trial kWorks{0};
const Told kDone = "";

/// A host on which everything is there: root, cgroup v2, Redis, and all other servers.
HostFacts healthy_host() {
  HostFacts host;
  host.kernel = {.release = "6.12.1-amd64",
                 .machine = "x86_64",
                 .clone3 = kWorks,
                 .epoll_pwait2 = kWorks,
                 .tid_address = kWorks,
                 .core_pattern = "core",
                 .core_scheduling = kWorks,
                 .landlock_abi = 6,
                 .landlock = kWorks,
                 .system_administrator = true,
                 .memory_total = 8192 * kMiB};
  NamespaceFacts& spaces = host.namespaces;
  spaces.switches = {1, 60000, 0};
  for (const char* kind : {"mount", "pid", "network", "ipc", "uts", "cgroup"})
    spaces.kinds.push_back({kind, std::string("max_") + kind + "_namespaces", kWorks, 60000});
  for (Trial* trial : {&spaces.user, &spaces.id_map, &spaces.all, &spaces.nested, &spaces.private_mounts,
                       &spaces.mount_setattr, &spaces.procfs, &spaces.work_directory, &spaces.pivot_root,
                       &spaces.setns, &spaces.pidfd_getfd})
    *trial = kWorks;
  host.ids = {.can_map = true, .can_give = true, .range_map = kWorks, .base = 1'900'000'000, .count = 65'536};
  host.cgroup = {.version = 2,
                 .unified_mounted = true,
                 .controllers = "cpu memory pids",
                 .placement = kDone,
                 .delegation = kDone,
                 .limits = kDone,
                 .birth = kWorks,
                 .kill_file = true,
                 .peak_file = true};
  host.seccomp = {.filter = kWorks,
                  .kill_process = kWorks,
                  .user_notification = kWorks,
                  .listener = kWorks,
                  .library_major = 2,
                  .library_minor = 5,
                  .library_micro = 4,
                  .profiles = {{"python.json", ""}, {"init.json", ""}}};
  host.installation = {.rootfs = "/var/lib/executor/rootfs/python",
                       .rootfs_present = true,
                       .manifest = kDone,
                       .paths = 900,
                       .helpers = {{"executor-supervisor", true}, {"executor-zygote-python", true}}};
  host.service = {.port = kWorks,
                  .log_directory = "/srv/logs",
                  .log = kWorks,
                  .log_rotates = true,
                  .redis = kDone,
                  .rabbitmq = kDone,
                  .docker = kDone};
  return host;
}

/// The same host as an ordinary user finds it who has a delegated group.
HostFacts ordinary_user() {
  HostFacts host = healthy_host();
  host.kernel.system_administrator = false;
  host.ids.can_map = false;
  host.ids.range_map = {};
  return host;
}

/// As the probe leaves it where no user namespace can be made.
void forbid_user_namespaces(HostFacts& host, int error) {
  NamespaceFacts& spaces = host.namespaces;
  spaces.user = {error};
  for (Trial* trial :
       {&spaces.id_map, &spaces.all, &spaces.nested, &spaces.private_mounts, &spaces.mount_setattr,
        &spaces.procfs, &spaces.work_directory, &spaces.pivot_root, &spaces.setns, &spaces.pidfd_getfd})
    *trial = {};
  for (NamespaceKind& kind : spaces.kinds) kind.trial = {};
}

Check find(const HostFacts& host, const std::string& name) {
  const Checks checks = diagnose(host).checks;
  const auto found = std::ranges::find(checks, name, &Check::name);
  REQUIRE_MESSAGE(found != checks.end(), "no check is called " << name);
  return *found;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The host cannot run native sandboxes, and `name` is among the reasons.
void check_native_lost(const HostFacts& host, const std::string& name, const std::string& remedy) {
  const Check check = find(host, name);
  CHECK(check.state == State::missing);
  CHECK(check.needed);
  CHECK_MESSAGE(mentions(check.remedy, remedy), check.remedy);
  CHECK_FALSE(diagnose(host).whole());
  CHECK(diagnose(host).backend == "none");
}

void check_degraded(const HostFacts& host, const std::string& name, const std::string& remedy) {
  const Check check = find(host, name);
  CHECK(check.state == State::degraded);
  CHECK_MESSAGE(mentions(check.remedy, remedy), check.remedy);
  CHECK(diagnose(host).whole());
  CHECK(diagnose(host).backend == "native");
}

}  // namespace

TEST_CASE("a host with everything has nothing to remedy") {
  const Diagnosis diagnosis = diagnose(healthy_host());
  for (const Check& check : diagnosis.checks) {
    CHECK_MESSAGE(check.state == State::ok, check.name);
    CHECK_MESSAGE(check.remedy.empty(), check.name);
  }
  CHECK(diagnosis.whole());
  CHECK(diagnosis.backend == "native");
  CHECK(diagnosis.id_mode == "range");
  CHECK(diagnosis.cgroup_version == 2);
}

TEST_CASE("a host of which nothing is known has something to remedy in every line that is not ok") {
  const Diagnosis diagnosis = diagnose(HostFacts{});
  CHECK_FALSE(diagnosis.whole());
  CHECK(diagnosis.backend == "none");
  CHECK(diagnosis.cgroup_version == 0);
  for (const Check& check : diagnosis.checks)
    CHECK_MESSAGE((check.state == State::ok) == check.remedy.empty(), check.name);
}

TEST_CASE("every check has a layer, a name of its own and one line of meaning") {
  std::vector<std::string> names;
  for (const Check& check : diagnose(healthy_host()).checks) {
    CHECK_FALSE(check.layer.empty());
    CHECK_MESSAGE(!check.meaning.empty(), check.name);
    CHECK_FALSE(mentions(check.meaning, "\n"));
    names.push_back(check.name);
  }
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
}

TEST_CASE("a kernel before 5.14 is missing, one before 6.1 degraded") {
  HostFacts host = healthy_host();
  host.kernel.release = "5.10.0-30-amd64";
  check_native_lost(host, "kernel version", "linux-image-amd64");
  host.kernel.release = "5.15.0-92-generic";
  check_degraded(host, "kernel version", "linux-image-amd64");
  host.kernel.release = "6.1.0";
  CHECK(find(host, "kernel version").state == State::ok);
  host.kernel.release = "10.0";
  CHECK(find(host, "kernel version").state == State::ok);
}

TEST_CASE("another architecture than x86-64 is missing") {
  HostFacts host = healthy_host();
  host.kernel.machine = "aarch64";
  check_native_lost(host, "architecture", "x86-64");
}

TEST_CASE("a system call that is missing blames the kernel, or the filter where there is one") {
  HostFacts host = healthy_host();
  host.kernel.epoll_pwait2 = {ENOSYS};
  check_native_lost(host, "epoll_pwait2", "linux-image-amd64");
  host.kernel.seccomp_filtered = true;
  check_native_lost(host, "epoll_pwait2", "--security-opt seccomp=");
}

TEST_CASE("a kernel without checkpoint and restore cannot start the zygote") {
  HostFacts host = healthy_host();
  host.kernel.tid_address = {EINVAL};
  check_native_lost(host, "thread address", "CONFIG_CHECKPOINT_RESTORE=y");
}

TEST_CASE("Yama's strictest scope is missing and needs a reboot") {
  HostFacts host = healthy_host();
  host.kernel.yama_ptrace_scope = 3;
  host.namespaces.pidfd_getfd = {EPERM};
  check_native_lost(host, "pidfd_getfd", "kernel.yama.ptrace_scope=1");
  host.kernel.yama_ptrace_scope = 1;
  host.namespaces.pidfd_getfd = kWorks;
  CHECK(find(host, "pidfd_getfd").state == State::ok);
}

TEST_CASE("user namespaces that Debian's switch keeps for root name the switch") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, EPERM);
  host.namespaces.switches.unprivileged_userns_clone = 0;
  check_native_lost(host, "user namespaces", "sysctl -w kernel.unprivileged_userns_clone=1");
}

TEST_CASE("Debian's switch is not blamed where the caller is root") {
  HostFacts host = healthy_host();
  forbid_user_namespaces(host, EPERM);
  host.namespaces.switches.unprivileged_userns_clone = 0;
  CHECK_FALSE(mentions(find(host, "user namespaces").remedy, "unprivileged_userns_clone"));
}

TEST_CASE("a limit of no user namespaces names the limit") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, ENOSPC);
  host.namespaces.switches.max_user_namespaces = 0;
  check_native_lost(host, "user namespaces", "sysctl -w user.max_user_namespaces=65536");
  CHECK(mentions(find(host, "user namespaces").meaning, "user.max_user_namespaces=0"));
}

TEST_CASE("a limit that an outer user namespace sets is told apart from one that is zero here") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, ENOSPC);
  check_native_lost(host, "user namespaces", "on the host too");
  CHECK(mentions(find(host, "user namespaces").meaning, "outer"));
}

TEST_CASE("AppArmor's restriction is seen although the namespace itself is made") {
  HostFacts host = ordinary_user();
  host.namespaces.switches.apparmor_restrict = 1;
  host.namespaces.id_map = {EPERM};
  for (NamespaceKind& kind : host.namespaces.kinds) kind.trial = {EPERM};
  check_native_lost(host, "user namespaces", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
  CHECK(find(host, "mount namespaces").remedy == "see user namespaces");
}

TEST_CASE("AppArmor's switch alone is no trouble where a profile lets the program through") {
  HostFacts host = ordinary_user();
  host.namespaces.switches.apparmor_restrict = 1;
  CHECK(find(host, "user namespaces").state == State::ok);
  CHECK(diagnose(host).whole());
}

TEST_CASE("a container's filter is told apart from a security module") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, EPERM);
  check_native_lost(host, "user namespaces", "chroot");
  host.kernel.seccomp_filtered = true;
  check_native_lost(host, "user namespaces", "--security-opt seccomp=");
  forbid_user_namespaces(host, ENOSYS);
  check_native_lost(host, "user namespaces", "RestrictNamespaces=");
}

TEST_CASE("a kernel without user namespaces says so") {
  HostFacts host = healthy_host();
  forbid_user_namespaces(host, EINVAL);
  check_native_lost(host, "user namespaces", "CONFIG_USER_NS");
}

TEST_CASE("what needs a user namespace points there when there is none") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, ENOSPC);
  for (const char* name :
       {"mount namespaces", "pid namespaces", "network namespaces", "ipc namespaces", "uts namespaces",
        "cgroup namespaces", "all seven at once", "setns by pidfd", "mounts", "pivot_root", "fresh procfs"}) {
    CHECK_MESSAGE(find(host, name).state == State::missing, name);
    CHECK_MESSAGE(find(host, name).remedy == "see user namespaces", name);
  }
}

TEST_CASE("what follows from something else is not named again in the summary") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, ENOSPC);
  host.config.queue = QueueKind::embedded;
  CHECK(mentions(to_table(diagnose(host), false), "\nMissing: user namespaces\n"));
  CHECK(nlohmann::json::parse(to_json(diagnose(host)))["missing"] ==
        nlohmann::json::array({"user namespaces"}));
}

TEST_CASE("a step that was not reached for no known cause stands for itself") {
  HostFacts host = healthy_host();
  host.namespaces.setns = {};
  host.config.queue = QueueKind::embedded;
  CHECK(mentions(to_table(diagnose(host), false), "\nMissing: setns by pidfd\n"));
  host = healthy_host();
  for (Trial* trial : {&host.namespaces.nested, &host.namespaces.private_mounts, &host.namespaces.pivot_root})
    *trial = {};
  CHECK(mentions(to_table(diagnose(host), false), "\nMissing: all seven at once\n"));
  host = healthy_host();
  host.namespaces.work_directory = {ENOSPC};
  host.namespaces.pivot_root = {};
  CHECK(mentions(to_table(diagnose(host), false), "\nMissing: mounts\n"));
}

TEST_CASE("each kind of namespace that its limit switches off names the limit") {
  for (std::size_t i = 0; i < healthy_host().namespaces.kinds.size(); ++i) {
    HostFacts host = healthy_host();
    NamespaceKind& kind = host.namespaces.kinds[i];
    kind.trial = {ENOSPC};
    kind.limit = 0;
    host.namespaces.all = {ENOSPC};
    check_native_lost(host, kind.name + " namespaces", "sysctl -w user." + kind.sysctl + "=65536");
    CHECK(find(host, "all seven at once").cause == kind.name + " namespaces");
  }
}

TEST_CASE("a kind of namespace that the kernel lacks names the kernel's options") {
  HostFacts host = healthy_host();
  host.namespaces.kinds[3].trial = {EINVAL};
  check_native_lost(host, "ipc namespaces", "CONFIG_NAMESPACES");
}

TEST_CASE("a sandbox that may not lie two user namespaces deep is missing") {
  HostFacts host = healthy_host();
  host.namespaces.nested = {ENOSPC};
  check_native_lost(host, "all seven at once", "sysctl -w user.max_user_namespaces=65536");
}

TEST_CASE("setns, mounts and pivot_root that are refused are missing") {
  HostFacts host = healthy_host();
  host.namespaces.setns = {EPERM};
  check_native_lost(host, "setns by pidfd", "AppArmor");
  host = healthy_host();
  host.namespaces.mount_setattr = {ENOSYS};
  host.kernel.seccomp_filtered = true;
  check_native_lost(host, "mounts", "--security-opt seccomp=");
  host = healthy_host();
  host.namespaces.pivot_root = {EPERM};
  check_native_lost(host, "pivot_root", "pivot_root");
}

TEST_CASE("a procfs that cannot be mounted afresh is degraded") {
  HostFacts host = healthy_host();
  host.namespaces.procfs = {EPERM};
  check_degraded(host, "fresh procfs", "systempaths=unconfined");
}

TEST_CASE("cgroup v1 is degraded, and its version is told") {
  HostFacts host = healthy_host();
  host.cgroup.version = 1;
  host.cgroup.kill_file = false;
  host.cgroup.peak_file = false;
  check_degraded(host, "cgroup mode", "systemd.unified_cgroup_hierarchy=1");
  CHECK(diagnose(host).cgroup_version == 1);
}

TEST_CASE("a group without the controllers asks for delegation") {
  HostFacts host = ordinary_user();
  host.cgroup = {
      .unified_mounted = true, .controllers = "pids", .placement = "find cgroup controller \"memory\""};
  check_native_lost(host, "cgroup controllers", "Delegate=cpu memory pids");
  CHECK(mentions(find(host, "cgroup controllers").meaning, "this group has: pids"));
  CHECK(find(host, "cgroup delegation").remedy == "see cgroup controllers");
  CHECK(diagnose(host).cgroup_version == 0);
}

TEST_CASE("a host without any cgroup file system is told to mount one") {
  HostFacts host = healthy_host();
  host.cgroup = {.placement = "find cgroup controller \"memory\""};
  check_native_lost(host, "cgroup mode", "mount -t cgroup2");
}

TEST_CASE("a group that is not delegated names the unit's setting and the command") {
  HostFacts host = ordinary_user();
  host.cgroup.delegation = "make cgroup: Permission denied";
  host.cgroup.limits = {};
  host.cgroup.birth = {};
  check_native_lost(host, "cgroup delegation", "Delegate=cpu memory pids");
  check_native_lost(host, "cgroup delegation", "systemd-run --user --scope -p");
  CHECK(find(host, "cgroup limits").remedy == "see cgroup delegation");
}

TEST_CASE("cgroup v1 groups that are not ours are for root to make") {
  HostFacts host = ordinary_user();
  host.cgroup.version = 1;
  host.cgroup.delegation = "make cgroup: Permission denied";
  host.cgroup.limits = {};
  check_native_lost(host, "cgroup delegation", "start it as root");
}

TEST_CASE("root is given the system manager's command, a user the own manager's") {
  HostFacts host = healthy_host();
  host.cgroup = {.unified_mounted = true, .placement = "find cgroup controller"};
  check_native_lost(host, "cgroup controllers", "systemd-run --scope -p");
  host.kernel.system_administrator = false;
  check_native_lost(host, "cgroup controllers", "systemd-run --user --scope -p");
}

TEST_CASE("a group of our own that holds other processes is told apart from one that is not ours") {
  HostFacts host = ordinary_user();
  host.cgroup.delegation = "open \"cgroup.subtree_control\": Permission denied";
  host.cgroup.limits = {};
  host.cgroup.group_writable = true;
  host.cgroup.other_processes = 2;
  check_native_lost(host, "cgroup delegation", "only process");
  CHECK(mentions(find(host, "cgroup delegation").meaning, "2 other processes"));
  host.cgroup.group_writable = false;
  CHECK_FALSE(mentions(find(host, "cgroup delegation").remedy, "only process"));
}

TEST_CASE("capabilities over ids without the one over files cannot give groups away") {
  HostFacts host = healthy_host();
  host.kernel.system_administrator = false;
  host.ids.can_give = false;
  CHECK(find(host, "cgroup delegation").state == State::ok);
  host.cgroup.delegation = "give cgroup file \".\" to uid 1900000000: Operation not permitted";
  host.cgroup.limits = {};
  check_native_lost(host, "cgroup delegation", "without CAP_SETUID and CAP_SETGID");
}

TEST_CASE("what could not be tried without clone3 points there") {
  HostFacts host = healthy_host();
  host.kernel.seccomp_filtered = true;
  host.kernel.clone3 = {ENOSYS};
  host.cgroup.birth = {ENOSYS};
  host.seccomp.listener = {};
  CHECK(find(host, "process in a leaf").cause == "clone3");
  CHECK(find(host, "seccomp listener").cause == "clone3");
}

TEST_CASE("limits that cannot be set, a birth that is refused and no cgroup.kill are missing") {
  HostFacts host = healthy_host();
  host.cgroup.limits = "write to memory.max: Permission denied";
  check_native_lost(host, "cgroup limits", "Delegate=");
  host = healthy_host();
  host.cgroup.birth = {EACCES};
  check_native_lost(host, "process in a leaf", "Delegate=");
  host = healthy_host();
  host.cgroup.kill_file = false;
  check_native_lost(host, "cgroup.kill", "5.14");
}

TEST_CASE("a kernel without memory.peak is degraded") {
  HostFacts host = healthy_host();
  host.cgroup.peak_file = false;
  check_degraded(host, "memory.peak", "5.19");
}

TEST_CASE("each part of seccomp that is missing says so") {
  HostFacts host = healthy_host();
  host.seccomp.filter = {EINVAL};
  check_native_lost(host, "seccomp filters", "CONFIG_SECCOMP_FILTER=y");
  host = healthy_host();
  host.seccomp.user_notification = {EOPNOTSUPP};
  check_native_lost(host, "seccomp notification", "CONFIG_SECCOMP_FILTER=y");
  host = healthy_host();
  host.seccomp.kill_process = {EOPNOTSUPP};
  check_native_lost(host, "seccomp kill", "CONFIG_SECCOMP_FILTER=y");
  host = healthy_host();
  host.seccomp.listener = {EBUSY};
  check_native_lost(host, "seccomp listener", "start it outside");
}

TEST_CASE("an old libseccomp and a profile that does not compile are missing") {
  HostFacts host = healthy_host();
  host.seccomp.library_minor = 4;
  check_native_lost(host, "libseccomp", "apt-get install libseccomp2");
  host = healthy_host();
  host.seccomp.profiles[0].failure = "open \"x/python.json\": No such file or directory";
  check_native_lost(host, "seccomp profiles", "EXECUTOR_DATA_DIR");
  CHECK(mentions(find(host, "seccomp profiles").meaning, "python.json"));
}

TEST_CASE("a single id is degraded, and what would give a range is named") {
  const HostFacts host = ordinary_user();
  check_degraded(host, "host ids", "start it as root");
  CHECK(diagnose(host).id_mode == "single");
}

TEST_CASE("subordinate ids count only in a version that uses newuidmap") {
  HostFacts host = ordinary_user();
  host.ids.newuidmap = "/usr/bin/newuidmap";
  host.ids.subordinate = 65'536;
  CHECK(find(host, "host ids").state == State::degraded);
  host.abilities.newuidmap = true;
  CHECK(find(host, "host ids").state == State::ok);
}

TEST_CASE("capabilities that cannot map the range stop the start") {
  HostFacts host = healthy_host();
  host.ids.range_map = {EPERM};
  check_native_lost(host, "host ids", "setpriv --bounding-set=-setuid,-setgid");
  CHECK(diagnose(host).id_mode == "single");
}

TEST_CASE("a core_pattern that starts a program is degraded, and the payload is said to be spared") {
  HostFacts host = healthy_host();
  host.kernel.core_pattern = "|/usr/share/apport/apport %p";
  check_degraded(host, "core dumps", "sysctl -w kernel.core_pattern=core");
  CHECK(mentions(find(host, "core dumps").meaning, "core limit of one byte"));
}

TEST_CASE("merged pages are degraded only while they are being merged") {
  HostFacts host = healthy_host();
  host.kernel.ksm_run = 1;
  check_degraded(host, "page merging", "echo 2 > /sys/kernel/mm/ksm/run");
  host.kernel.ksm_run = 2;
  CHECK(find(host, "page merging").state == State::ok);
}

TEST_CASE("hyper-threading is degraded unless core scheduling is both there and used") {
  HostFacts host = healthy_host();
  host.kernel.smt_active = true;
  check_degraded(host, "hyper-threading", "/sys/devices/system/cpu/smt/control");
  host.abilities.core_scheduling = true;
  CHECK(find(host, "hyper-threading").state == State::ok);
  host.kernel.core_scheduling = {EINVAL};
  CHECK(find(host, "hyper-threading").state == State::degraded);
}

TEST_CASE("swap is no trouble") {
  HostFacts host = healthy_host();
  host.kernel.swap = true;
  CHECK(find(host, "swap").state == State::ok);
  CHECK(mentions(find(host, "swap").meaning, "off in every sandbox"));
}

TEST_CASE("memory that cannot hold every sandbox at its limit names a concurrency that fits") {
  HostFacts host = healthy_host();
  host.config.max_concurrency = 5;
  host.config.mem_limit = 256 * kMiB;
  host.kernel.memory_total = 1024 * kMiB;
  check_degraded(host, "memory", "EXECUTOR_MAX_CONCURRENCY=3");
  host.kernel.memory_total = 128 * kMiB;
  check_degraded(host, "memory", "smaller EXECUTOR_MEM_LIMIT");
  host.kernel.memory_total = 1536 * kMiB;
  CHECK(find(host, "memory").state == State::ok);
  host.cgroup.memory_limit = 1024 * kMiB;
  check_degraded(host, "memory", "EXECUTOR_MAX_CONCURRENCY=3");
}

TEST_CASE("a rootfs that is not there, has no manifest or differs from it is missing") {
  HostFacts host = healthy_host();
  host.installation.rootfs_present = false;
  host.installation.manifest = {};
  check_native_lost(host, "rootfs", "executor rootfs build");
  host = healthy_host();
  host.installation.manifest = "read: No such file or directory";
  check_native_lost(host, "rootfs", "executor rootfs build --force");
  host = healthy_host();
  host.installation.differences = {"size: usr/bin/python3.11", "extra: usr/bin/sh"};
  check_native_lost(host, "rootfs", "executor rootfs check");
  CHECK(mentions(find(host, "rootfs").meaning, "size: usr/bin/python3.11"));
}

TEST_CASE("a rootfs behind a closed directory is missing where sandboxes have ids of their own") {
  HostFacts host = healthy_host();
  host.installation.closed_directory = "/root";
  check_native_lost(host, "rootfs", "chmod o+x /root");
  HostFacts single = ordinary_user();
  single.installation.closed_directory = "/home/me";
  CHECK(find(single, "rootfs").state == State::ok);
}

TEST_CASE("a helper program that is not found is named") {
  HostFacts host = healthy_host();
  host.installation.helpers[1].found = false;
  check_native_lost(host, "helper programs", "executor-zygote-python");
}

TEST_CASE("a port that is taken is missing, unless an executor serves it") {
  HostFacts host = healthy_host();
  host.service.port = {EADDRINUSE};
  CHECK(find(host, "port").state == State::missing);
  CHECK(mentions(find(host, "port").remedy, "ss -ltnp"));
  CHECK_FALSE(diagnose(host).whole());
  CHECK(diagnose(host).backend == "native");
  host.service.port_is_ours = true;
  CHECK(find(host, "port").state == State::ok);
  host.service.port = {EACCES};
  host.service.port_is_ours = false;
  CHECK(mentions(find(host, "port").remedy, "CAP_NET_BIND_SERVICE"));
  host.service.port = {EADDRNOTAVAIL};
  CHECK(mentions(find(host, "port").remedy, "EXECUTOR_HOST="));
}

TEST_CASE("a log file that cannot be written is missing unless none is wanted") {
  HostFacts host = healthy_host();
  host.service.log = {EACCES};
  CHECK(find(host, "log file").state == State::missing);
  CHECK(mentions(find(host, "log file").remedy, "LOG_TO_FILE=false"));
  CHECK_FALSE(diagnose(host).whole());
  host.config.log_to_file = false;
  CHECK(diagnose(host).whole());
}

TEST_CASE("a log file whose directory is another's is written and never rotated") {
  HostFacts host = healthy_host();
  host.service.log_rotates = false;
  check_degraded(host, "log file", "install -d -o executor");
}

TEST_CASE("Redis is needed only where it is the queue") {
  HostFacts host = healthy_host();
  host.service.redis = "connect: Connection refused";
  CHECK(find(host, "Redis").state == State::missing);
  CHECK(mentions(find(host, "Redis").remedy, "systemctl start redis-server"));
  CHECK_FALSE(diagnose(host).whole());
  host.config.queue = QueueKind::embedded;
  CHECK_FALSE(find(host, "Redis").needed);
  CHECK(diagnose(host).whole());
}

TEST_CASE("a Redis that wants a password is told apart from one that is down") {
  HostFacts host = healthy_host();
  host.service.redis = "introduce to redis://localhost:6379: NOAUTH Authentication required.";
  CHECK(mentions(find(host, "Redis").remedy, "USER:PASSWORD"));
}

TEST_CASE("RabbitMQ is needed only where it is the queue, and then by a version that has it") {
  HostFacts host = healthy_host();
  host.service.rabbitmq = "Connection refused";
  CHECK(find(host, "RabbitMQ").state == State::missing);
  CHECK(diagnose(host).whole());
  host.config.queue = QueueKind::rabbitmq;
  CHECK(find(host, "RabbitMQ").remedy == "EXECUTOR_QUEUE=redis");
  CHECK_FALSE(diagnose(host).whole());
  host.abilities.rabbitmq_queue = true;
  CHECK(mentions(find(host, "RabbitMQ").remedy, "systemctl start rabbitmq-server"));
  host.service.rabbitmq = kDone;
  CHECK(diagnose(host).whole());
}

TEST_CASE("Docker and Landlock are not needed where native sandboxes can run") {
  HostFacts host = healthy_host();
  host.service.docker = "ask \"/var/run/docker.sock\": No such file or directory";
  host.kernel.landlock_abi = {};
  host.kernel.landlock = {ENOSYS};
  CHECK(find(host, "Docker").state == State::missing);
  CHECK(find(host, "Landlock").state == State::missing);
  CHECK(mentions(find(host, "Landlock").remedy, "CONFIG_SECURITY_LANDLOCK=y"));
  CHECK(diagnose(host).whole());
  host.kernel.landlock = {EOPNOTSUPP};
  CHECK(mentions(find(host, "Landlock").remedy, "lsm="));
}

TEST_CASE("without namespaces Docker is chosen, then the local runner, where this version has them") {
  HostFacts host = ordinary_user();
  forbid_user_namespaces(host, ENOSPC);
  CHECK(diagnose(host).backend == "none");
  host.abilities = {.docker_backend = true, .local_backend = true};
  CHECK(diagnose(host).backend == "docker");
  CHECK_FALSE(diagnose(host).whole());
  host.service.docker = "no answer";
  CHECK(diagnose(host).backend == "local");
  host.config.local_fallback = false;
  CHECK(diagnose(host).backend == "none");
  host.config.local_fallback = true;
  host.seccomp.listener = {EPERM};
  CHECK(diagnose(host).backend == "none");
}

TEST_CASE("a backend that is set alone is the only one that is chosen or needed") {
  HostFacts host = healthy_host();
  host.abilities = {.docker_backend = true, .local_backend = true};
  host.config.backend = BackendKind::native;
  host.namespaces.setns = {EPERM};
  CHECK(diagnose(host).backend == "none");
  host.config.backend = BackendKind::docker;
  CHECK(diagnose(host).backend == "docker");
  CHECK(diagnose(host).whole());
  host.config.backend = BackendKind::local;
  CHECK(diagnose(host).backend == "local");
  host.abilities = {};
  host.config.backend = BackendKind::docker;
  CHECK(find(host, "Docker").remedy == "EXECUTOR_BACKEND=auto");
  CHECK_FALSE(diagnose(host).whole());
}

TEST_CASE("the JSON report holds every check with state and remedy") {
  HostFacts host = healthy_host();
  host.installation.rootfs_present = false;
  host.service.docker = "no answer";
  const auto report = nlohmann::json::parse(to_json(diagnose(host)));
  CHECK(report["ok"] == false);
  CHECK(report["backend"] == "none");
  CHECK(report["idMode"] == "range");
  CHECK(report["cgroupVersion"] == 2);
  CHECK(report["missing"] == nlohmann::json::array({"rootfs"}));
  CHECK(report["checks"].size() == diagnose(host).checks.size());
  const auto check =
      std::ranges::find(report["checks"], "rootfs", [](const auto& item) { return item["name"]; });
  REQUIRE(check != report["checks"].end());
  CHECK((*check)["layer"] == "installation");
  CHECK((*check)["state"] == "missing");
  CHECK((*check)["needed"] == true);
  CHECK((*check)["remedy"] == "executor rootfs build");
  CHECK(report["checks"][0]["remedy"].is_null());
}

TEST_CASE("the table is plain ASCII, aligned, and puts in brackets what is not needed") {
  HostFacts host = healthy_host();
  host.service.docker = "caf\xC3\xA9 \x1B[2J";
  host.service.redis = "refused";
  const std::string table = to_table(diagnose(host), false);
  CHECK(std::ranges::all_of(table, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  CHECK(mentions(table, "  (missing)  Docker"));
  CHECK(mentions(table, "  missing    Redis"));
  CHECK(mentions(table, "\nkernel\n") == false);  // it is the first layer
  CHECK(table.starts_with("kernel\n  ok         kernel version"));
  CHECK(mentions(table, "backend: native   ids: range   cgroup: v2\n"));
  CHECK(mentions(table, "Missing: Redis\n"));
}

TEST_CASE("colours are added for terminals alone") {
  const Diagnosis diagnosis = diagnose(healthy_host());
  CHECK_FALSE(mentions(to_table(diagnosis, false), "\033["));
  CHECK(mentions(to_table(diagnosis, true), "\033[32mok"));
}
