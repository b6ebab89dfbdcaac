#!/usr/bin/python3
"""tests/support/must_run.py: what a skip makes of a whole test program."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
GOOD = "class B(unittest.TestCase):\n    def test(self): pass\n"
SKIPS = "class A(unittest.TestCase):\n    def setUp(self): must_run.need(False, 'a moon')\n    def test(self): pass\n"
SKIPS_ALL = "def setUpModule(): must_run.need(None, 'a moon')\n" + GOOD
FAILS = "class A(unittest.TestCase):\n    def test(self): self.fail()\n"
PLAIN_SKIP = "class A(unittest.TestCase):\n    @unittest.skip('no moon')\n    def test(self): pass\n"


class MustRun(unittest.TestCase):
    def run_program(self, body, demanded):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "program.py")
            program.write_text(f"import unittest\nimport must_run\n{body}\nmust_run.main()\n")
            return subprocess.run(
                [sys.executable, "-B", program], capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": str(SUPPORT), "EXECUTOR_TESTS_MUST_RUN": "1" if demanded else "0"})

    def test_the_status_says_whether_anything_ran(self):
        for body, status in ((GOOD, 0), (SKIPS, 77), (SKIPS_ALL, 77), (SKIPS + GOOD, 0), (FAILS, 1), (PLAIN_SKIP, 77)):
            with self.subTest(body):
                self.assertEqual(status, self.run_program(body, False).returncode)

    def test_where_tests_must_run_a_skip_is_a_failure(self):
        for body, status in ((GOOD, 0), (SKIPS, 1), (SKIPS_ALL, 1), (SKIPS + GOOD, 1), (FAILS, 1), (PLAIN_SKIP, 1)):
            with self.subTest(body):
                self.assertEqual(status, self.run_program(body, True).returncode)

    def test_a_skip_names_what_is_missing(self):
        self.assertIn("skipped 'a moon is missing'", self.run_program(SKIPS, False).stderr)


if __name__ == "__main__":
    unittest.main()
