executor_unit_test(seccomp SOURCES seccomp_profile_test.cpp seccomp_filter_test.cpp seccomp_own_profiles_test.cpp)
target_compile_definitions(unit_seccomp PRIVATE PROFILES="${PROJECT_SOURCE_DIR}/seccomp-profiles")
# six filters over a million calls each: a minute without optimisation
set_source_files_properties(seccomp_filter_test.cpp PROPERTIES COMPILE_OPTIONS -O1)
