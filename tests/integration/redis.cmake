# The Redis queue against a redis-server that each test starts for itself. It needs redis-server, redis-cli and openssl.
add_executable(integration_redis_queue
  redis_queue_test.cpp redis_faults_test.cpp redis_fixture.cpp)
target_link_libraries(integration_redis_queue PRIVATE executor::queue doctest_main)
add_test(NAME integration.redis_queue COMMAND integration_redis_queue)
set_tests_properties(integration.redis_queue PROPERTIES LABELS integration TIMEOUT 600)
