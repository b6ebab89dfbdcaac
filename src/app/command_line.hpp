// What every subcommand does with its arguments: parse, or say in one line what is wrong with them.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Error.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace executor {

/// The exit status when there is nothing more to do: 0 after --help, 2 for a wrong command line.
inline std::optional<int> parse_command_line(CLI::App& app, std::vector<std::string> args) {
  std::reverse(args.begin(), args.end());  // CLI11 takes them from the back
  try {
    app.parse(args);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s: %s (--help lists what is allowed)\n", app.get_name().c_str(), error.what());
    return 2;
  }
  return std::nullopt;
}

}  // namespace executor
