// SHA-256 of bytes and files, in lower-case hex, by OpenSSL. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor::rootfs {

[[nodiscard]] std::string sha256(std::string_view bytes);
/// Of a regular file's content; a symbolic link is refused (ELOOP).
[[nodiscard]] Result<std::string> sha256_file(const std::filesystem::path& file);

}  // namespace executor::rootfs
