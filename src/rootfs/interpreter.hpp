// Makes the root's own programs work and start fast: the loader's cache, compiled modules, and the proof that
// every shared library is there. The root's programs run by the root's own loader with its own libraries, so
// that this needs neither chroot nor privileges. Errors as in tree.hpp.
#pragma once

#include <filesystem>

#include "executor/error.hpp"

namespace executor::rootfs {

/// Writes etc/ld.so.cache by `ldconfig`, a statically linked program that may lie outside the root.
Result<void> write_loader_cache(const std::filesystem::path& root, const std::filesystem::path& ldconfig);

/// Checks that the loader finds each library that a program or library of the root needs, inside the root.
Result<void> check_libraries(const std::filesystem::path& root);

/// Compiles the standard library where the root has usr/bin/python3.N: unchecked-hash files, the same bytes
/// every time, with paths as seen from inside. Links usr/bin/python3 to it. Does nothing in a root without
/// Python.
Result<void> compile_python(const std::filesystem::path& root);

}  // namespace executor::rootfs
