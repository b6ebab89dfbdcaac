executor_integration_test(backends backends_test.py)
executor_integration_test(docker_faults docker_faults_test.py)
set_property(TEST integration.backends integration.docker_faults PROPERTY RESOURCE_LOCK mounts)  # a dockerd makes some
