// Strings as exec wants them. Not async-signal-safe (allocates).
#pragma once

#include <string>
#include <vector>

namespace executor {

/// Pointers to the strings, which must outlive them, and a null pointer at the end.
inline std::vector<char*> argument_list(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace executor
