// A small tree in a directory of its own, for the tests of src/rootfs.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "rootfs/tree.hpp"

namespace executor::rootfs {

struct TreeFixture {
  ScratchDirectory scratch =
      ScratchDirectory::make(std::filesystem::temp_directory_path() / "executor-rootfs-test.").value();
  std::filesystem::path root = scratch.path() / "root";

  TreeFixture() { std::filesystem::create_directory(root); }

  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name) << content;
  }
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_directories((root / name).parent_path());
    std::filesystem::create_symlink(target, root / name);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(root / name);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(root / name));
  }
};

}  // namespace executor::rootfs
