// A file of settings, NAME=VALUE a line, as systemd's EnvironmentFile= reads it: what a reload reads again.
//
// Blank lines and lines that begin with # or ; are passed over; a value may stand in quotes. Pure but for
// reading the file; errors name the file and the line.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor {

using SettingValues = std::map<std::string, std::string>;

/// Pure. The error names the line.
Result<SettingValues> parse_settings(std::string_view text);
Result<SettingValues> read_settings_file(const std::string& path);

}  // namespace executor
