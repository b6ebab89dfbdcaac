executor_unit_test(base SOURCES base_archive_test.cpp base_sys_test.cpp)
