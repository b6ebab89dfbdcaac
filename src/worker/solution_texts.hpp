// The texts of solution/call.*, put into the program by the build (cmake/EmbedText.cmake).
#pragma once

#include <string_view>

namespace executor {

std::string_view solution_call_py();
std::string_view solution_call_js();

}  // namespace executor
