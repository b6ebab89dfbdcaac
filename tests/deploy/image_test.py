"""The container image under a Docker engine: as an ordinary user without a capability, it answers in native sandboxes.

What it needs beyond an image's defaults is in RUN, and nothing else: the seccomp profile, and control groups that it may write to.
"""

import contextlib
import glob
import http.client
import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import docker_engine
import executor_service
import must_run

ROOT = Path(__file__).resolve().parents[2]
IMAGE, USER = "executor:test", 65532
CONTROLLERS = ("memory", "pids", "cpu", "cpuacct")
START_SECONDS = 30
RUN = ("--user", str(USER), "--cap-drop", "ALL", "--read-only", "--tmpfs", "/tmp", "--security-opt", "no-new-privileges",
       "--security-opt", f"seccomp={ROOT / 'deploy/container/seccomp.json'}")


def setUpModule():
    must_run.need(shutil.which("dockerd") and shutil.which("docker"), "dockerd (package docker.io)")
    must_run.need(os.geteuid() == 0, "root, which dockerd needs")
    must_run.need(all(os.path.isdir(f"/sys/fs/cgroup/{name}") for name in CONTROLLERS), "a host with cgroup v1, which lets groups be handed out one by one,")


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = docker_engine.DockerEngine()
        cls.addClassCleanup(cls.engine.close)
        cls.environment = {**os.environ, "DOCKER_HOST": f"unix://{cls.engine.path}"}
        done = subprocess.run([ROOT / "deploy/container/build", IMAGE], env=cls.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        cls.groups = [f"/sys/fs/cgroup/{name}/executor-image-{os.getpid()}" for name in CONTROLLERS]
        cls.addClassCleanup(cls.remove_groups)
        for group in cls.groups:
            os.mkdir(group)
            for path in (group, *glob.glob(f"{group}/*")):
                os.chown(path, USER, USER)

    @classmethod
    def remove_groups(cls):
        for group in filter(os.path.isdir, cls.groups):
            for path, _, _ in os.walk(group, topdown=False):
                os.rmdir(path)

    def docker(self, *words):
        return subprocess.run(["docker", *words], env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def run_options(self):
        options = [*RUN, "--network", "host"]  # the engine under test has no network of its own
        for name, group in zip(CONTROLLERS, self.groups, strict=True):
            options += ["--volume", f"{group}:/sys/fs/cgroup/{name}"]
        return options

    @contextlib.contextmanager
    def served(self):
        """The port and the name of a container that serves."""
        port = executor_service.free_port()
        done = self.docker("run", "--detach", *self.run_options(), "--env", "EXECUTOR_HOST=127.0.0.1", "--env", f"EXECUTOR_PORT={port}",
                           IMAGE, "serve", "--queue", "embedded")
        self.assertEqual(done.returncode, 0, done.stderr)
        name = done.stdout.strip()
        try:
            ready = executor_service.wait_until(lambda: self.status(port, "/ready") == 200, START_SECONDS)
            self.assertTrue(ready, self.docker("logs", name).stdout)
            yield port, name
        finally:
            self.docker("rm", "--force", name)

    def status(self, port, path):
        try:
            return self.ask(port, "GET", path)[0]
        except OSError:
            return None

    def ask(self, port, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def test_it_answers_in_native_sandboxes_and_stops_in_good_order(self):
        with self.served() as (port, name):
            for language, source in (("python", "print(6 * 7)"), ("javascript", "console.log(6 * 7)")):
                status, body = self.ask(port, "POST", "/execute", {"language": language, "source": source, "tests": [{"expectedStdout": "42\n"}]})
                result = json.loads(body)["results"][0]
                self.assertEqual((status, result["verdict"], result["backend"]), (200, "accepted", "native"), body)
                self.assertIn("pivot_root", result["isolation"])
            said = self.engine.inspect(name)
            self.assertEqual((said["HostConfig"]["Privileged"], said["HostConfig"]["CapAdd"], said["Config"]["User"]), (False, None, str(USER)))
            with open(f"/proc/{said['State']['Pid']}/status", encoding="ascii") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            self.assertEqual([status[key] for key in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")], ["0" * 16] * 3 + ["1"])
            self.assertEqual(set(status["Uid"].split()), {str(USER)})
            self.assertEqual(self.docker("stop", name).returncode, 0)
            self.assertEqual(self.engine.inspect(name)["State"]["ExitCode"], 0, self.docker("logs", name).stdout)
            self.assertEqual([path for group in self.groups for path in glob.glob(f"{group}/*/")], [])

    def test_every_promise_is_held_inside(self):
        done = self.docker("run", "--rm", *self.run_options(), IMAGE, "selftest", "--json")
        report = json.loads(done.stdout)
        self.assertEqual([claim for claim in report["claims"] if claim["state"] == "broken"], [])
        self.assertEqual((done.returncode, report["ok"]), (0, True), done.stderr)

    def test_without_a_group_to_write_to_it_does_not_start(self):
        done = self.docker("run", "--rm", *RUN, "--network", "host", IMAGE, "serve", "--queue", "embedded")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("no delegated cgroup", done.stderr)


if __name__ == "__main__":
    must_run.main()
