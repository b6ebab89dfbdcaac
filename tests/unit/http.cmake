executor_unit_test(http
  SOURCES http_request_parser_test.cpp http_server_test.cpp http_execute_test.cpp http_admission_test.cpp http_api_tokens_test.cpp
  DEPS nlohmann_json::nlohmann_json)
