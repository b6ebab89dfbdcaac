executor_unit_test(validation SOURCES validation_cache_test.cpp validation_frame_test.cpp validation_sandbox_test.cpp
  DEPS nlohmann_json::nlohmann_json)

# The policy itself, by the interpreter that stands in the root file system.
find_program(POLICY_PYTHON NAMES python3.11 python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
add_test(NAME unit.policy
  COMMAND ${POLICY_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/validation_policy_test.py ${EXECUTOR_POLICY_SCRIPT})
# the seed that runtimes have: which sets keep their order through marshal depends on it
set_tests_properties(unit.policy PROPERTIES LABELS unit TIMEOUT 120 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;PYTHONHASHSEED=0")
