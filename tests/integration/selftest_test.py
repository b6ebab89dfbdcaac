"""`executor selftest` on this host: its table, its JSON, its exit statuses, and nothing left behind."""

import json
import os
import subprocess
import time
import unittest

import must_run
import serve_checks


def setUpModule():
    must_run.need(os.environ.get("EXECUTOR_BINARY"), "EXECUTOR_BINARY")
    must_run.need(os.geteuid() == 0, "root")


def selftest(*arguments, **settings):
    return subprocess.run([os.environ["EXECUTOR_BINARY"], "selftest", *arguments], env={**os.environ, **settings}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False)


class Selftest(unittest.TestCase):
    def test_every_promise_is_held_here_and_the_report_says_so(self):
        mounts, begin = serve_checks.mounts(), time.monotonic()
        done = selftest("--json")
        self.assertLess(time.monotonic() - begin, 60)
        report = json.loads(done.stdout)
        self.assertEqual([claim for claim in report["claims"] if claim["state"] == "broken"], [])
        self.assertEqual((done.returncode, report["ok"], done.stderr), (0, True, ""))
        self.assertEqual([promise for promise in sorted({claim["promise"] for claim in report["claims"]})], [f"P{n}" for n in range(1, 9)])
        self.assertTrue(all(claim["state"] in ("held", "not applicable") for claim in report["claims"]))
        self.assertEqual(serve_checks.mounts(), mounts)

    def test_where_no_sandbox_can_be_built_it_says_so_and_claims_nothing(self):
        done = selftest(EXECUTOR_ROOTFS_DIR="/nowhere")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("rootfs build", done.stderr)

    def test_a_wrong_argument_is_named(self):
        done = selftest("--nonsense")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("--nonsense", done.stderr)


if __name__ == "__main__":
    must_run.main()
