#include <doctest/doctest.h>

#include <set>

#include "base/sys.hpp"
#include "seccomp/profile.hpp"

namespace executor::seccomp {
namespace {

std::string document(const std::string& rules) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [)" +
         rules + "]}";
}

std::string refused(const std::string& json) {
  const auto profile = parse_profile(json);
  REQUIRE_FALSE(profile.has_value());
  return profile.error().what;
}

TEST_CASE("a rule is read with its conditions and its reason") {
  const auto profile = parse_profile(document(
      R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "comment": "code", "args": [{"index": 2, "value": 6, "valueTwo": 4, "op": "SCMP_CMP_MASKED_EQ"}]})"));
  REQUIRE(profile.has_value());
  REQUIRE(profile->rules.size() == 1);
  const Rule& rule = profile->rules[0];
  CHECK(rule.names == std::vector<std::string>{"mmap"});
  CHECK(rule.comment == "code");
  REQUIRE(rule.conditions.size() == 1);
  CHECK(rule.conditions[0].comparison == Comparison::masked_equal);
  CHECK(rule.conditions[0].value == 6);
  CHECK(rule.conditions[0].value_two == 4);
}

TEST_CASE("a profile that is not understood whole is refused, saying why") {
  CHECK(refused("{").find("read seccomp profile") != std::string::npos);
  CHECK(refused(document(R"({"names": ["reed"], "action": "SCMP_ACT_ALLOW", "comment": "x"})"))
            .find("\"reed\"") != std::string::npos);
  CHECK(refused(document(R"({"names": ["read"], "action": "SCMP_ACT_LOG", "comment": "x"})"))
            .find("SCMP_ACT_LOG") != std::string::npos);
  CHECK(refused(document(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW"})")).find("comment") !=
        std::string::npos);
  CHECK(refused(document(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "x", "extra": 1})"))
            .find("extra") != std::string::npos);
  CHECK(refused(document(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0, "comment": "x"})"))
            .find("errnoRet") != std::string::npos);
  CHECK(
      refused(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": []})")
          .find("defaultAction") != std::string::npos);
}

TEST_CASE("names and numbers agree, also where libseccomp is older than the kernel") {
  CHECK(syscall_number("read") == 0);
  CHECK(syscall_number("statmount") == 457);
  CHECK(syscall_name(457) == "statmount");
  CHECK(syscall_name(101) == "ptrace");
  CHECK(syscall_number("no_such_call") == -1);
  CHECK(syscall_name(100000) == "syscall_100000");
}

std::set<std::string> allowed_by(const std::string& file) {
  const auto text = sys::read_file(PROFILES "/" + file);
  REQUIRE(text.has_value());
  const auto profile = parse_profile(*text);
  REQUIRE(profile.has_value());
  std::set<std::string> allowed;
  for (const Rule& rule : profile->rules)
    if (rule.action == Action::allow) allowed.insert(rule.names.begin(), rule.names.end());
  return allowed;
}

TEST_CASE("programs may make at most 100 different calls under the strict profile") {
  const auto allowed = allowed_by("python.json");
  CHECK(allowed.size() <= 100);
  for (const char* never :
       {"socket", "connect", "execve", "fork", "clone3", "ptrace", "mount", "bpf", "io_uring_setup",
        "unshare", "setns", "sendmsg", "recvmsg", "shmget", "mq_open", "memfd_create"})
    CHECK_MESSAGE(!allowed.contains(never), never);
}

// What Docker's default profile refuses a container without capabilities, as its documentation lists it, and
// the io_uring calls that it has refused since 25.0.
TEST_CASE("nothing that Docker's default profile refuses is allowed to programs") {
  constexpr const char* kRefused[] = {"acct",
                                      "add_key",
                                      "bpf",
                                      "clock_adjtime",
                                      "clock_settime",
                                      "create_module",
                                      "delete_module",
                                      "finit_module",
                                      "get_kernel_syms",
                                      "get_mempolicy",
                                      "init_module",
                                      "ioperm",
                                      "iopl",
                                      "kcmp",
                                      "kexec_file_load",
                                      "kexec_load",
                                      "keyctl",
                                      "lookup_dcookie",
                                      "mbind",
                                      "mount",
                                      "move_pages",
                                      "nfsservctl",
                                      "open_by_handle_at",
                                      "perf_event_open",
                                      "pivot_root",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "ptrace",
                                      "query_module",
                                      "quotactl",
                                      "reboot",
                                      "request_key",
                                      "set_mempolicy",
                                      "setns",
                                      "settimeofday",
                                      "swapoff",
                                      "swapon",
                                      "sysfs",
                                      "_sysctl",
                                      "umount2",
                                      "unshare",
                                      "uselib",
                                      "userfaultfd",
                                      "ustat",
                                      "io_uring_setup",
                                      "io_uring_enter",
                                      "io_uring_register",
                                      "fsopen",
                                      "fsmount",
                                      "fsconfig",
                                      "move_mount",
                                      "open_tree",
                                      "mount_setattr",
                                      "chroot",
                                      "sethostname",
                                      "setdomainname",
                                      "syslog",
                                      "vhangup",
                                      "fanotify_init",
                                      "name_to_handle_at"};
  for (const char* file : {"python.json", "python-processes.json"}) {
    const auto allowed = allowed_by(file);
    for (const char* refused : kRefused) CHECK_MESSAGE(!allowed.contains(refused), file << ": " << refused);
  }
}

}  // namespace
}  // namespace executor::seccomp
