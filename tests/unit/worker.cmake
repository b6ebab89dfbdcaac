executor_unit_test(worker
  SOURCES worker_job_run_test.cpp worker_worker_test.cpp
  DEPS nlohmann_json::nlohmann_json)
