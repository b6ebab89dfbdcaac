executor_unit_test(queue
  SOURCES queue_embedded_test.cpp queue_rabbitmq_test.cpp queue_redis_logic_test.cpp queue_redis_message_test.cpp
    queue_redis_reply_test.cpp queue_redis_url_test.cpp)
# each file has fakes of its own by the same names
set_target_properties(unit_queue PROPERTIES UNITY_BUILD OFF)
