// Put into the program by the build (cmake/EmbedText.cmake).
#pragma once

#include <string_view>

namespace executor {

std::string_view openapi_json();

}  // namespace executor
