#include "seccomp/filter.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/sys.hpp"

namespace executor::seccomp {

namespace {

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

Error failed(const std::string& what, int negative_errno) { return errno_error(what, -negative_errno); }

std::uint32_t end_of_process(KillMode kill_mode) {
  switch (kill_mode) {
    case KillMode::kill:
      return SCMP_ACT_KILL_PROCESS;
    case KillMode::give_way:
      return SCMP_ACT_TRACE(0);
    case KillMode::notify:
    case KillMode::audit:
    case KillMode::audit_all:
      break;
  }
  return SCMP_ACT_NOTIFY;
}

std::uint32_t default_action(const Profile& profile, KillMode kill_mode) {
  switch (kill_mode) {
    case KillMode::audit:
    case KillMode::audit_all:
      return SCMP_ACT_NOTIFY;
    case KillMode::give_way:
      return SCMP_ACT_TRACE(0);
    case KillMode::kill:
    case KillMode::notify:
      break;
  }
  return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(profile.default_error_number));
}

std::uint32_t libseccomp_action(const Rule& rule, KillMode kill_mode) {
  switch (rule.action) {
    case Action::allow:
      return SCMP_ACT_ALLOW;
    case Action::fail:
      return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(rule.error_number));
    case Action::kill_process:
      return end_of_process(kill_mode);
  }
  return SCMP_ACT_KILL_PROCESS;
}

Result<void> add_rule(const Context& context, const Rule& rule, KillMode kill_mode, std::string_view reported,
                      std::uint32_t otherwise) {
  std::vector<scmp_arg_cmp> comparisons;
  for (const Condition& condition : rule.conditions)
    comparisons.push_back({condition.index,
                           condition.comparison == Comparison::equal ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ,
                           condition.value, condition.value_two});
  for (const std::string& name : rule.names) {
    const bool is_reported = rule.action == Action::allow && name == reported;
    const std::uint32_t action = is_reported ? SCMP_ACT_NOTIFY : libseccomp_action(rule, kill_mode);
    if (action == otherwise) continue;  // refused by libseccomp, and needs no instruction
    const int status = seccomp_rule_add_array(context.get(), action, syscall_number(name),
                                              static_cast<unsigned>(comparisons.size()), comparisons.data());
    if (status != 0) return failed("add seccomp rule for \"" + name + "\"", status);
  }
  return {};
}

Result<std::vector<sock_filter>> exported(const Context& context) {
  UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return errno_error("make memory file", errno);
  if (const int status = seccomp_export_bpf(context.get(), file.get()); status != 0)
    return failed("export seccomp filter", status);
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> instructions(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (size <= 0 || ::lseek(file.get(), 0, SEEK_SET) != 0 ||
      !sys::raw::read_all(file.get(), instructions.data(), static_cast<std::size_t>(size)))
    return errno_error("read seccomp filter", errno);
  return instructions;
}

/// libseccomp knows no ranges of numbers, so this stands in front of what it made: calls newer than the
/// profile get ENOSYS. Other architectures and x32 (bit 30) fall through to libseccomp's own check, which
/// ends the process.
std::array<sock_filter, 6> newer_call_stub() {
  constexpr std::uint32_t kX32Bit = 0x40000000;
  return {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kNewestKnownSyscall, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  }};
}

}  // namespace

Result<std::vector<sock_filter>> compile(const Profile& profile, KillMode kill_mode,
                                         std::string_view reported) {
  const bool audits = kill_mode == KillMode::audit || kill_mode == KillMode::audit_all;
  const std::uint32_t otherwise = default_action(profile, kill_mode);
  const Context context(seccomp_init(otherwise), &seccomp_release);
  if (!context) return errno_error("make seccomp context", ENOMEM);
  constexpr std::uint32_t kBinaryTree = 2;
  for (const auto& [attribute, value] : {std::pair{SCMP_FLTATR_ACT_BADARCH, end_of_process(kill_mode)},
                                         std::pair{SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree}})
    if (const int status = seccomp_attr_set(context.get(), attribute, value); status != 0)
      return failed("set seccomp attribute", status);
  const std::vector<Rule> of_audit = {
      {{"read", "write", "close"}, Action::allow, 1, {}, "before it listens"}};
  for (const Rule& rule : kill_mode == KillMode::audit_all ? of_audit : profile.rules) {
    if (audits && rule.action != Action::allow) continue;
    if (auto added = add_rule(context, rule, kill_mode, reported, otherwise); !added) return added.error();
  }
  auto instructions = exported(context);
  if (!instructions) return instructions;
  const auto stub = newer_call_stub();
  instructions->insert(instructions->begin(), stub.begin(), stub.end());
  return instructions;
}

}  // namespace executor::seccomp
