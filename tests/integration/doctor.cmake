executor_integration_test(doctor doctor_test.py)
set_property(TEST integration.doctor PROPERTY RESOURCE_LOCK mounts)  # it looks at the host's
