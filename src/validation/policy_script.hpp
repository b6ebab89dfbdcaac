// The program that checks sources: src/validation/policy/*.py as one text, built into the binary.
#pragma once

#include <string_view>

namespace executor {

/// Runs under CPython 3.11 or later as a program of its own, and speaks frames on its standard input and
/// output (see policy/main.py). Needs an 8 MiB stack, and about 256 MiB of memory for the largest source that
/// is accepted. Static.
[[nodiscard]] std::string_view policy_script();

}  // namespace executor
