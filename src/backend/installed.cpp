#include "backend/installed.hpp"

#include <filesystem>
#include <vector>

#include "base/sys.hpp"
#include "rootfs/paths.hpp"

namespace executor {

namespace fs = std::filesystem;

Result<std::string> installed_program(const std::string& name) {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<fs::path> places = {own, own / ".." / "lib" / "executor"};
  if (const auto tree = rootfs::find_build_tree(own)) places.push_back(*tree);
  for (const fs::path& place : places)
    if (fs::is_regular_file(place / name, error)) return (place / name).string();
  return errno_error("find \"" + name + "\" beside the executor program", ENOENT);
}

Result<std::string> installed_profile(const std::string& name) {
  auto text = sys::read_file((rootfs::data_directory() / "seccomp-profiles" / name).string());
  if (!text) return text.error().context("seccomp profile");
  return text;
}

}  // namespace executor
