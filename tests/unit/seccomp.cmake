executor_unit_test(seccomp SOURCES seccomp_profile_test.cpp seccomp_filter_test.cpp)
target_compile_definitions(unit_seccomp PRIVATE PROFILES="${PROJECT_SOURCE_DIR}/seccomp-profiles")
