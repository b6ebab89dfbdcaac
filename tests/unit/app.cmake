executor_unit_test(app
  SOURCES app_config_test.cpp app_confinement_test.cpp app_selftest_test.cpp app_doctor_test.cpp app_front_test.cpp
  DEPS nlohmann_json::nlohmann_json)
