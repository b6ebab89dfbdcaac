// Random ids (RFC 9562 version 4) from getrandom(2).
#pragma once

#include <string>

namespace executor::http {

/// 36 characters, lower case. Throws std::system_error where the kernel has no randomness to give.
std::string uuid_v4();

}  // namespace executor::http
