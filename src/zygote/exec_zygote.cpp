// The zygote of every runtime whose interpreter is a program of its own: its payloads execute it inside their
// sandboxes, where the filter already stands.
//
// executor-zygote-exec WHEN SOURCE PROGRAM ARGUMENTS…, with the runtime's environment as its own:
//   prestart   at once; the interpreter's boot script (docs/runtimes.md) writes a byte to kPayloadReport when
//              it is ready, closes it, and then waits for the hand-over on standard input
//   none       once a program has been handed over, its source written to /tmp/SOURCE; the program's
//              arguments follow the others
//
// A filter of such a runtime ends whoever executes a program. The supervisor, its listener, lets the first
// such call go on: it is made here, before any line of a program has run.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/argument_list.hpp"
#include "base/sys.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/stages.hpp"
#include "zygote/fork_server.hpp"

namespace executor::zygote {
namespace {

struct Command {
  bool waits;  ///< for the hand-over, before it is executed
  std::string source;
  std::vector<std::string> argv;
};

void execute(const std::vector<std::string>& argv) {
  ::execve(argv.front().c_str(), argument_list(argv).data(), environ);
}

/// The payload from its first instruction to the interpreter's.
[[noreturn]] void run_payload(const Command& command, const sandbox::PayloadPlan& plan,
                              const Filter& filter) {
  sandbox::enter_sandbox(plan);
  const int listener = sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()),
                                             SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (listener != sandbox::kPayloadListener)
    sandbox::fail_stage(sandbox::kPayloadReport, sandbox::Stage::payload_filter);
  sandbox::report_stage(sandbox::kPayloadReport, sandbox::Stage::payload_ready);
  if (!command.waits) {
    // the exec closes the listener: the supervisor says when it has its copy
    char word = 0;
    if (!sys::raw::read_all(STDIN_FILENO, &word, 1)) ::_exit(0);
    execute(command.argv);
    sandbox::fail_stage(sandbox::kPayloadReport, sandbox::Stage::payload_ready);
  }
  ::close(sandbox::kPayloadReport);
  const HandOver hand_over = read_hand_over();
  std::vector<std::string> argv = command.argv;
  argv.insert(argv.end(), hand_over.args.begin(), hand_over.args.end());
  const bool written = write_files(hand_over, make_source_file(command.source));
  if (written) execute(argv);
  std::fprintf(stderr, "%s: cannot %s: %s\n", argv.front().c_str(),
               written ? "be started" : "be given its source", std::strerror(errno));
  ::_exit(126);
}

}  // namespace
}  // namespace executor::zygote

int main(int argc, char** argv) {
  using namespace executor;
  constexpr int kFixedArguments = 4;
  if (argc < kFixedArguments) return 2;
  const zygote::Command command{std::string_view(argv[1]) == "none", argv[2], {argv + 3, argv + argc}};
  ::close(zygote::kProcFd);
  const zygote::ForkServer server;
  server.serve({.run_payload = [&command](const sandbox::PayloadPlan& plan, const zygote::Filter& filter,
                                          bool) { zygote::run_payload(command, plan, filter); }});
}
