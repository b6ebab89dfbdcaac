#include "spec/request_error.hpp"

#include <nlohmann/json.hpp>

namespace executor {
namespace {

using nlohmann::ordered_json;

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json error_object(std::string_view code, std::string_view message, std::string_view field) {
  ordered_json error{{"code", code}, {"message", message}};
  if (!field.empty()) error["field"] = field;
  return {{"ok", false}, {"error", std::move(error)}};
}

}  // namespace

std::string error_json(std::string_view code, std::string_view message, std::string_view field) {
  return dump(error_object(code, message, field));
}

std::string error_json(const RequestError& error) {
  return error_json(error.code, error.message, error.field);
}

std::string violations_json(bool compile_error, std::span<const Violation> violations) {
  ordered_json answer =
      compile_error ? error_object("compile_error", "the source is not valid Python", "source")
                    : error_object("validation_failed", "the source uses what is not allowed", "source");
  ordered_json list = ordered_json::array();
  for (const Violation& violation : violations) {
    list.push_back({{"line", violation.line},
                    {"column", violation.column},
                    {"rule", violation.rule},
                    {"message", violation.message}});
  }
  answer["error"]["violations"] = std::move(list);
  return dump(answer);
}

}  // namespace executor
