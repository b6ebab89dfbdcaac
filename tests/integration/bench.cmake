executor_integration_test(bench bench_test.py)
