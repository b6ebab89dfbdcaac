"""How a Python test skips: in words, and never where EXECUTOR_TESTS_MUST_RUN=1.

    import must_run                                             # CMake puts this folder on PYTHONPATH

    def setUpModule():                                          # or in setUpClass, setUp, a test
        must_run.need(shutil.which("redis-server"), "redis-server")

    if __name__ == "__main__":
        must_run.main()
"""

import os
import sys
import unittest

SKIPPED = 77  # ctest's SKIP_RETURN_CODE of these tests


def demanded():
    return os.environ.get("EXECUTOR_TESTS_MUST_RUN") == "1"


def need(there, what):
    """Skips where `what` is not there; a failure where tests must run."""
    if there:
        return
    if demanded():
        raise AssertionError(f"{what} is missing, and EXECUTOR_TESTS_MUST_RUN=1 allows no skip")
    raise unittest.SkipTest(f"{what} is missing")


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    """unittest.main; ends with 77 where tests were skipped and none ran, with 1 where one was skipped but must not be."""
    runner = unittest.TextTestRunner(verbosity=2, resultclass=Result)
    result = unittest.main(testRunner=runner, exit=False).result
    forbidden = bool(result.skipped) and demanded()
    if forbidden:
        print("skipped, and EXECUTOR_TESTS_MUST_RUN=1 allows no skip", file=sys.stderr)
    if forbidden or not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped and not result.passed else 0)
