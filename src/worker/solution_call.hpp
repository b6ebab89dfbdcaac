// Function-call mode: a program that defines `solution` has it called with the test's input.
//
// For each language one text (solution/call.*) stands beside the program and one line is added behind it, so
// lines keep their numbers. If the program defines no `solution`, that line does nothing. The source policy
// has seen the user's text alone.
//
// Pure. Thread-safe.
#pragma once

#include "executor/program.hpp"

namespace executor {

/// Makes `program`, whose standard input is the test's input, call its `solution`; false, and nothing
/// changed, where its language has no such mode.
bool call_solution(Program& program);

}  // namespace executor
