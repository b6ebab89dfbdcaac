"""A service killed with all its processes leaves control groups behind: the next start on the host removes them.

Any start does, so this runs while no other test does.
"""

import os
import signal
import unittest

import executor_service
import must_run
import serve_checks

WAIT_SECONDS = 10


class Leftovers(unittest.TestCase):
    def test_what_a_start_finds_left_over_it_removes(self):
        service = executor_service.Service(EXECUTOR_MAX_CONCURRENCY="1")
        self.addCleanup(service.close)
        pid = service.server.pid
        family = serve_checks.identities(service.processes())
        for member in [pid, *family]:  # the front first, so that nobody cleans up
            try:
                os.kill(member, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        for member in serve_checks.alive(family) + [pid]:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it went with its PID namespace
        service.server.wait()
        executor_service.wait_until(lambda: not serve_checks.alive(family), WAIT_SECONDS)
        self.assertGreater(len(serve_checks.group_folders(pid)), 0)
        after = executor_service.Service(EXECUTOR_MAX_CONCURRENCY="1")
        self.addCleanup(after.close)
        self.assertEqual(serve_checks.group_folders(pid), [])
        removed = executor_service.wait_until(
            lambda: serve_checks.metric(after, "executor_leaked_resources_removed_total"), WAIT_SECONDS)
        self.assertGreater(removed, 0)


if __name__ == "__main__":
    must_run.main()
