# A bounded share of tests/load/kills.py; by hand it takes a thousand jobs, and RabbitMQ.
if(TARGET executor)
  add_test(NAME load.kills COMMAND ${PYTHON3_PROGRAM} -B ${PROJECT_SOURCE_DIR}/tests/load/kills.py --jobs 120 --kills 6)
  set_tests_properties(load.kills PROPERTIES LABELS load TIMEOUT 300
    ENVIRONMENT "EXECUTOR_BINARY=$<TARGET_FILE:executor>;PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/support")
endif()
