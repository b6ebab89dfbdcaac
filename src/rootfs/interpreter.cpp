#include "rootfs/interpreter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "rootfs/program.hpp"

namespace executor::rootfs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLoader = "usr/lib64/ld-linux-x86-64.so.2";
constexpr const char* kLibraries = "usr/lib/x86_64-linux-gnu";

/// The root's loader with its libraries first; the caller appends program and arguments.
std::vector<std::string> loader(const fs::path& root) {
  return {root / kLoader, "--inhibit-cache", "--library-path", root / kLibraries};
}

bool is_elf(const fs::path& path) {
  if (!fs::is_regular_file(fs::symlink_status(path))) return false;
  std::array<char, 4> magic{};
  std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
  return std::string_view(magic.data(), magic.size()) == "\177ELF";
}

/// The first library in the loader's list that is missing or comes from outside the root. A line reads
/// "name => path (address)" or "name => not found"; the loader itself and the vDSO have no arrow.
std::optional<std::string> first_foreign_library(const std::string& list, const fs::path& root) {
  std::istringstream lines(list);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, arrow, path;
    if (!(words >> name >> arrow >> path) || arrow != "=>" || name.starts_with("linux-vdso")) continue;
    if (!path.starts_with(root.string() + "/")) return name;
  }
  return std::nullopt;
}

Result<void> check_file(const fs::path& root, const fs::path& file) {
  std::vector<std::string> argv = loader(root);
  argv.insert(argv.end(), {"--list", file.string()});
  const Result<std::string> list =
      run_host_program({.argv = std::move(argv), .environment = std::vector<std::string>{}});
  const std::string name = file.lexically_relative(root).string();
  if (!list) return list.error().context("look up the libraries of \"" + name + "\"");
  if (const auto library = first_foreign_library(*list, root)) {
    return Error{"\"" + name + "\" needs " + *library + ", which no listed package brings", {}};
  }
  return {};
}

/// "python3.11" where the root has it, else empty.
std::string python_name(const fs::path& root) {
  if (!fs::is_directory(root / "usr/bin")) return "";
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "usr/bin")) {
    std::string name = entry.path().filename();
    if (::fnmatch("python3.[0-9]*", name.c_str(), 0) == 0) return name;
  }
  return "";
}

}  // namespace

Result<void> write_loader_cache(const fs::path& root, const fs::path& ldconfig) {
  const Result<std::string> run = run_host_program({.argv = {ldconfig, "-X", "-r", root}});
  if (!run) return run.error().context("write etc/ld.so.cache");
  fs::remove_all(root / "var/cache/ldconfig");
  return {};
}

Result<void> check_libraries(const fs::path& root) {
  const fs::path loader_itself = fs::canonical(root / kLoader);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    // the loader is no library that it could load, and libc.so.6 lists nothing but the loader
    if (!is_elf(entry.path()) || entry.path() == loader_itself) continue;
    if (Result<void> checked = check_file(root, entry.path()); !checked) return checked;
  }
  return {};
}

Result<void> compile_python(const fs::path& root) {
  const std::string python = python_name(root);
  if (python.empty()) return {};
  if (!fs::exists(root / "usr/bin/python3")) fs::create_symlink(python, root / "usr/bin/python3");

  std::vector<std::string> argv = loader(root);
  argv.push_back(root / "usr/bin" / python);
  // -B: what compileall itself imports would be written by the import system first, with paths of this host
  // and times. One worker: which strings are interned must not depend on which worker took a file.
  for (const char* word : {"-B", "-s", "-S", "-m", "compileall", "-f", "-q", "-j", "1", "--invalidation-mode",
                           "unchecked-hash"}) {
    argv.emplace_back(word);
  }
  argv.insert(argv.end(), {"-s", root, "-p", "/", root / "usr/lib" / python});
  const Result<std::string> run =
      run_host_program({.argv = std::move(argv),
                        .environment = std::vector<std::string>{"PYTHONHOME=" + (root / "usr").string(),
                                                                "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8"}});
  if (!run) return run.error().context("compile the standard library");
  return {};
}

}  // namespace executor::rootfs
