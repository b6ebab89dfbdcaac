// What is handed to the program inside each container (bootstrap.cpp) before the runtime's own program: a
// 32-bit length, then this. What follows on standard input is the program's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace executor::docker {

struct BootstrapHandOver {
  std::string nonce;       ///< 32 characters that the program never sees
  std::uint32_t life = 0;  ///< seconds, after which the program is ended unasked; 0: never
  std::string filter;      ///< sock_filter records of program_filter(); empty: the container's alone
  std::vector<std::string> environment;  ///< NAME=value, without PATH
  std::vector<std::string>
      command;  ///< how the program is started; the first is looked for in the image's PATH
  std::vector<std::string> paths;     ///< relative to /tmp; the first is the program's source
  std::vector<std::string> contents;  ///< one each
};
template <class A>
void archive_fields(A& a, BootstrapHandOver& h) {
  a(h.nonce, h.life, h.filter, h.environment, h.command, h.paths, h.contents);
}

/// Where the engine puts the bootstrap.
inline constexpr const char* kBootstrapPlace = "/executor-bootstrap";

}  // namespace executor::docker
