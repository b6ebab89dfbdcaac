executor_unit_test(spec SOURCES spec_json_test.cpp spec_parse_test.cpp spec_result_test.cpp spec_solution_form_test.cpp
  DEPS nlohmann_json::nlohmann_json)
