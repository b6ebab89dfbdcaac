executor_unit_test(queue
  SOURCES queue_embedded_test.cpp)
