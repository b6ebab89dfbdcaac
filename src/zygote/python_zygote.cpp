// The Python zygote: a process that holds an initialised interpreter and forks it once for every sandbox.
//
// It is started by the supervisor inside the outer namespaces, with the rootfs as its root, a clean
// environment, pipes as its standard streams and the descriptors of zygote/protocol.hpp. It stays
// single-threaded, sees no job data, and has capabilities only in the outer user namespace, which it needs to
// join a sandbox's namespaces.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "base/archive.hpp"
#include "base/huge_pages.hpp"
#include "base/sys.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/stages.hpp"
#include "zygote/callbacks.hpp"
#include "zygote/fork_server.hpp"
#include "zygote/hot_pages.hpp"
#include "zygote/interpreter.hpp"
#include "zygote/protocol.hpp"

namespace executor::zygote {
namespace {

struct HotPages {
  HotRanges of_every_program;
  HotRanges of_most_programs;  ///< and of every program
};

/// The payload from its first instruction to its last.
[[noreturn]] void run_payload(const HotRanges& hot_pages, const sandbox::PayloadPlan& plan,
                              const Filter& filter) {
  sandbox::enter_sandbox(plan);
  touch_pages(hot_pages);  // charged to the sandbox by now
  prepare_child();
  UniqueFd made = make_source_file("main.py");  // now, so that no program waits for it
  UniqueFd source_file(::fcntl(made.get(), F_DUPFD_CLOEXEC, sandbox::kPayloadListener + 1));
  if (!source_file) sandbox::fail_stage(sandbox::kPayloadReport, sandbox::Stage::payload_working_directory);
  made.reset();  // the filter's listener gets its number
  const int listener = sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()),
                                             SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (listener != sandbox::kPayloadListener)
    sandbox::fail_stage(sandbox::kPayloadReport, sandbox::Stage::payload_filter);
  sandbox::report_stage(sandbox::kPayloadReport, sandbox::Stage::payload_ready);
  ::close(sandbox::kPayloadReport);

  HandOver hand_over = read_hand_over();
  ::close(sandbox::kPayloadListener);  // the supervisor has its copy since before the hand-over
  if (!write_files(hand_over, std::move(source_file))) {
    std::fprintf(stderr, "python3: can't open file '/tmp/main.py': [Errno %d] %s\n", errno,
                 std::strerror(errno));
    ::_exit(2);
  }
  run_main(hand_over.args, std::move(hand_over.compiled));
}

/// What a supervisor would write to the standard input of the rehearsed program, in a file.
UniqueFd rehearsed_input(Rehearsal rehearsal) {
  HandOver hand_over;
  hand_over.compiled = compiled_rehearsal(rehearsal);
  ArchiveWriter body;
  body(hand_over);
  body(hand_over.compiled);
  ArchiveWriter input;
  input(static_cast<std::uint32_t>(body.bytes().size()));
  auto file = sys::make_memory_file("rehearsal", input.take() + body.bytes() + "21\n");
  if (!file) die("make rehearsal");
  return std::move(*file);
}

/// Runs a program in a child that is thrown away, and asks it what it has touched: as much as there is room
/// for.
void learn_hot_pages(const UniqueFd& proc, const UniqueFd& input, HotRanges& found) {
  auto pipe = sys::make_pipe();
  auto output = sys::make_pipe();
  if (!pipe || !output) die("make pipe");
  const pid_t pid = ::fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a fork forgets it
    Scratch scratch;
    HotRanges ranges(scratch.memory());
    prepare_child();
    if (::dup2(input.get(), STDIN_FILENO) < 0 || ::dup2(output->write.get(), STDOUT_FILENO) < 0) ::_exit(1);
    const HandOver hand_over = read_hand_over();
    if (rehearse(hand_over.compiled)) ranges = touched_pages(proc.get(), scratch.memory());
    (void)sys::raw::write_all(pipe->write.get(), ranges.data(), ranges.size() * sizeof(HotRange));
    ::_exit(0);
  }
  pipe->write.reset();
  for (HotRange range; sys::raw::read_all(pipe->read.get(), &range, sizeof range);)
    if (found.size() < found.capacity()) found.push_back(range);
  if (::waitpid(pid, nullptr, 0) != pid) die("wait for rehearsal");
  if (found.empty()) complain("no rehearsal has shown which pages a program touches: programs start slower");
}

/// Data, heap and arenas of the interpreter, and the C library's code: what is smaller is not worth a huge
/// page.
void move_interpreter_to_huge_pages() {
  constexpr std::size_t kWorthIt = 512UL << 10;
  Scratch scratch;
  const auto own_stack = reinterpret_cast<std::uintptr_t>(&scratch);
  const auto pagemap = sys::open_at(kProcFd, "self/pagemap", O_RDONLY);
  for (const Mapping& mapping : private_mappings(kProcFd, scratch.memory())) {
    const bool is_stack = own_stack - mapping.start < mapping.size;
    if (mapping.size >= kWorthIt && mapping.protection != PROT_READ && !is_stack)
      move_to_huge_pages(mapping.start, mapping.size, mapping.protection,
                         pagemap && !mapping.of_file ? pagemap->get() : -1);
  }
}

HotPages learn_hot_pages() {
  constexpr std::size_t kMostRanges = 512;
  const UniqueFd proc(kProcFd);
  const UniqueFd shortest = rehearsed_input(Rehearsal::shortest);
  const UniqueFd usual = rehearsed_input(Rehearsal::usual);
  HotPages pages;
  pages.of_every_program.reserve(kMostRanges);
  pages.of_most_programs.reserve(kMostRanges);
  begin_new_heap();  // as it is now it is for every payload
  learn_hot_pages(proc, shortest, pages.of_every_program);
  learn_hot_pages(proc, usual, pages.of_most_programs);
  return pages;
}

}  // namespace
}  // namespace executor::zygote

int main() {
  using namespace executor;
  move_text_to_huge_pages();
  const zygote::ForkServer server;
  zygote::prepare_callbacks();
  zygote::start_interpreter();
  zygote::move_interpreter_to_huge_pages();
  const auto hot_pages = zygote::learn_hot_pages();
  server.serve({.run_payload = [&hot_pages](const sandbox::PayloadPlan& plan, const zygote::Filter& filter,
                                            bool hurried) {
    zygote::run_payload(hurried ? hot_pages.of_every_program : hot_pages.of_most_programs, plan, filter);
  }});
}
