executor_unit_test(worker
  SOURCES worker_job_run_test.cpp worker_worker_test.cpp
  DEPS nlohmann_json::nlohmann_json)

# What calls a function of a Python program, by the interpreter that stands in the root file system.
add_test(NAME unit.solution_call
  COMMAND ${POLICY_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/worker_solution_call_test.py ${PROJECT_SOURCE_DIR}/src/worker/solution/call.py)
set_tests_properties(unit.solution_call PROPERTIES LABELS unit TIMEOUT 120 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
