#!/usr/bin/python3
"""The network of a sandbox, asked from outside by rtnetlink while its program runs."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import executor_service
import must_run


def setUpModule():
    executor_service.start()


def network_of(pid):
    done = subprocess.run([os.environ["LIST_NETWORK"], str(pid)], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def payload():
    """The host's number of the process that runs a program: in namespaces below the supervisor's, the second there."""
    for pid in executor_service.descendants(executor_service.service.server.pid):
        try:
            with open(f"/proc/{pid}/wchan", encoding="utf-8") as file:
                sleeping = "nanosleep" in file.read()
        except OSError:
            continue
        if sleeping and executor_service.status_of(pid).get("NSpid", "").split()[-1:] == ["2"]:
            return pid
    return None


class Network(executor_service.HostCase):
    def test_there_is_a_loopback_that_is_down_and_nothing_else(self):
        must_run.need(os.geteuid() == 0, "root, to join a sandbox's network namespace")
        with ThreadPoolExecutor(1) as pool:
            seen = pool.submit(lambda: network_of(executor_service.wait_until(payload, 2)))
            self.assert_prints("import time\ntime.sleep(2)\nprint('ran')", "ran\n")
        self.assertEqual(seen.result(), {"links": [{"name": "lo", "up": False}], "addresses": 0, "routes": 0})

    def test_the_host_has_more_than_that(self):
        must_run.need(os.geteuid() == 0, "root, to join a network namespace")
        self.assertTrue(any(link["up"] for link in network_of(os.getpid())["links"]))


if __name__ == "__main__":
    must_run.main()
