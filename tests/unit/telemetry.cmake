executor_unit_test(telemetry
  SOURCES telemetry_log_test.cpp telemetry_metrics_test.cpp telemetry_sentry_test.cpp)
