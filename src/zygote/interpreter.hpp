// CPython inside the zygote: started once, forked for every sandbox, and in the child made to behave exactly
// as `python3 main.py` would.
//
// Single-threaded until a program starts threads of its own. Python's C API, 3.11.
#pragma once

#include <string>
#include <vector>

namespace executor::zygote {

/// Starts the interpreter as `python3 main.py` with the process's environment and standard streams (which
/// must be pipes already), imports what every start imports, freezes it all for cheap copies, and makes the
/// __main__ that each child has a copy of. From then on it stands as before a fork. Ends the process on
/// failure.
void start_interpreter();

/// In the child: after-fork hooks, collector on.
void prepare_child();

/// A short program, compiled, as run_main takes it. Empty on failure.
enum class Rehearsal {
  shortest,  ///< prints
  usual,     ///< such as they come: reads a number, counts, prints
};
std::string compiled_rehearsal(Rehearsal rehearsal);

/// In a child that is thrown away: runs that program to its very end, but for the end of the process. False
/// where it did not exit with 0.
bool rehearse(const std::string& compiled);

/// Runs /tmp/main.py as __main__ with these arguments, then ends the process with its exit status: exceptions
/// printed, non-daemon threads joined, atexit callbacks run, globals dropped, streams flushed. Where
/// `compiled` (Program::compiled) is of this interpreter, the file is not compiled. Nothing else is asked of
/// it: what does harm there harms a process that runs a stranger's program anyway.
[[noreturn]] void run_main(const std::vector<std::string>& args, std::string compiled);

}  // namespace executor::zygote
