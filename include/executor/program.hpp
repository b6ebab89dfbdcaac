// What to run: a program's source, what it is given, and its limits.
#pragma once

#include <string>
#include <vector>

#include "executor/limits.hpp"

namespace executor {

/// A file placed read-only in the program's working directory before it starts.
struct SourceFile {
  std::string path;     ///< relative, no "..", at most 8 components; directories are made
  std::string content;  ///< bytes
  friend bool operator==(const SourceFile&, const SourceFile&) = default;
};

/// One run of one program.
struct Program {
  std::string runtime = "python";  ///< name of a runtime manifest
  std::string source;       ///< the program's text, UTF-8; it stands as main.<ext> in the working directory
  std::string stdin_bytes;  ///< what standard input holds, then end of file
  std::vector<std::string> args{};  ///< sys.argv[1:]
  std::vector<SourceFile> files{};  ///< further files beside the program
  bool processes = false;           ///< may fork and start programs (a wider seccomp profile)
  Limits limits{};
  /// What the runtime's interpreter has compiled `source` to, so that it is not compiled again: Python's
  /// magic number and a marshalled code object. Empty, or of another interpreter: `source` is compiled where
  /// it runs. Not checked: a program may as well be given as this, so it comes from where `source` comes
  /// from.
  std::string compiled{};
};

}  // namespace executor
