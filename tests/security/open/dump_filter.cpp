// dump_filter PROFILE: the compiled filter of a profile as the kernel takes it, on standard output.
#include <unistd.h>

#include <cstdio>

#include "base/sys.hpp"
#include "seccomp/filter.hpp"

int main(int argc, char** argv) {
  using namespace executor;
  if (argc != 2) return 2;
  const auto text = sys::read_file(argv[1]);
  const auto profile = text ? seccomp::parse_profile(*text) : text.error();
  const auto filter = profile ? seccomp::compile(*profile, seccomp::KillMode::kill) : profile.error();
  if (!filter) {
    std::fprintf(stderr, "dump_filter: %s\n", filter.error().message().c_str());
    return 1;
  }
  return sys::raw::write_all(STDOUT_FILENO, filter->data(), filter->size() * sizeof(sock_filter)) ? 0 : 1;
}
