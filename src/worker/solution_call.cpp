#include "worker/solution_call.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "spec/job.hpp"
#include "worker/solution_texts.hpp"

namespace executor {
namespace {

struct Caller {
  std::string_view language;
  std::string_view file;
  std::string_view (*text)();
  std::string_view before;  // the line behind the program, around the input as a literal
  std::string_view after;
};

constexpr std::array kCallers = {
    Caller{"python", kSolutionFiles[0], solution_call_py,
           "\n__import__(\"sys\").dont_write_bytecode = True; __import__(\"_call_solution\").call(", ")\n"},
    Caller{"javascript", kSolutionFiles[1], solution_call_js,
           "\n;require(\"./_call_solution.js\")(typeof solution === \"function\" ? solution : undefined, ",
           ");\n"},
};

/// A JSON string is a literal of the same meaning in each of the languages above.
std::string literal(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

bool call_solution(Program& program) {
  for (const Caller& caller : kCallers) {
    if (caller.language != program.runtime) continue;
    program.source.append(caller.before).append(literal(program.stdin_bytes)).append(caller.after);
    program.files.push_back({std::string(caller.file), std::string(caller.text())});
    return true;
  }
  return false;
}

}  // namespace executor
