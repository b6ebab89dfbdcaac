executor_unit_test(queue
  SOURCES queue_embedded_test.cpp queue_rabbitmq_test.cpp queue_redis_logic_test.cpp queue_redis_message_test.cpp
    queue_redis_reply_test.cpp queue_redis_url_test.cpp)
