"""Docker: `docker run --rm` with several runtimes, and `docker exec` into a container that runs.

A daemon that runs already is used; where none does, one is started with a socket and directories of its own, and
taken away with all it mounted. The image is the project's rootfs, so that every contender starts the same interpreter.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import mounts
import service
import starters
from contenders.base import (Contender, ENVIRONMENT, FLAGS, MEMORY_BYTES, PROCESSES, PROGRAM, PYTHON, Missing, first_line,
                             program)

START_SECONDS = 30
STORAGE_DRIVERS = ("overlay2", "vfs")  # in the order of their speed
RUNTIMES = {"crun": [], "runsc": ["--network=none"]}  # beside dockerd's own runc: their arguments
SLEEP = "import signal; signal.pause()"


def unmount_below(folder):
    """What a daemon that had to be killed leaves mounted."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)


class Docker:
    """The daemon that all contenders of this file share: a running one, or one of our own."""

    def __init__(self, bench, group):
        self.bench, self.group, self.process = bench, group, None
        self.image = f"executor-bench-{os.getpid()}"
        self.versions = {}
        self.client = program("docker")
        self.environment = ENVIRONMENT | {"HOME": str(bench.temporary)}
        self.root = bench.peer_root()
        if host := os.environ.get("DOCKER_HOST"):
            self.environment["DOCKER_HOST"] = host
        if not self.answers():
            self.start_own()
        try:
            self.describe()
            self.make_image()
        except BaseException:
            self.close()
            raise

    def run(self, *arguments, **options):
        return subprocess.run([self.client, *map(str, arguments)], env=self.environment, capture_output=True, check=False,
                              timeout=120, **options)

    def checked(self, *arguments, **options):
        done = self.run(*arguments, **options)
        if done.returncode != 0:
            raise Missing(f"docker {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[-600:]}")
        return done.stdout.decode().strip()

    def answers(self):
        return self.run("version", "--format", "{{.Server.Version}}").returncode == 0

    def start_own(self):
        if os.geteuid() != 0:
            raise Missing("no Docker daemon runs, and only root can start one")
        daemon = program("dockerd")
        beside = Path(daemon).parents[1] / "bin/docker"  # a client of the daemon's own package, where there are several
        self.client = str(beside) if beside.exists() else self.client
        self.folder = self.bench.temporary / "docker"
        failures = []
        for driver in STORAGE_DRIVERS:
            self.folder.mkdir()
            self.environment["DOCKER_HOST"] = f"unix://{self.folder}/socket"
            try:
                self.start(daemon, driver)
                return
            except service.ServiceError as error:
                failures.append(str(error))
                self.stop_own()
        raise Missing("; ".join(failures))

    def start(self, daemon, driver):
        options = ["--host", self.environment["DOCKER_HOST"], "--data-root", f"{self.folder}/data",
                   "--exec-root", f"{self.folder}/exec", "--pidfile", f"{self.folder}/pid", "--storage-driver", driver,
                   "--bridge=none", "--iptables=false", "--ip6tables=false", "--exec-opt", "native.cgroupdriver=cgroupfs"]
        if self.group:
            options += ["--cgroup-parent", self.group.parent]
        runtimes = {}
        for runtime, arguments in RUNTIMES.items():
            with contextlib.suppress(Missing):
                runtimes[runtime] = {"path": program(runtime), "runtimeArgs": arguments}
        configuration = self.folder / "daemon.json"
        configuration.write_text(json.dumps({"runtimes": runtimes}))
        options += ["--config-file", configuration]
        log = self.folder / "log"
        with log.open("wb") as output:
            self.process = subprocess.Popen([daemon, *options], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, preexec_fn=self.before_exec)
        service.wait_for(self.answers, self.process, START_SECONDS, lambda: log.read_text(errors="replace")[-800:])

    def before_exec(self):
        service.in_group(self.group)()
        mounts.leave_unified()

    def describe(self):
        shown = self.checked("version", "--format", "{{.Client.Version}} {{.Server.Version}}").split()
        self.versions["docker"] = f"client {shown[0]}, server {shown[1]}"
        self.versions["docker storage"] = self.checked("info", "--format", "{{.Driver}}")
        self.runtimes = self.checked("info", "--format", "{{range $name, $_ := .Runtimes}}{{$name}} {{end}}").split()

    def make_image(self):
        with subprocess.Popen(["tar", "-C", self.root, "-c", "."], stdout=subprocess.PIPE) as tar:
            self.checked("import", "-", self.image, stdin=tar.stdout)

    def close(self):
        if self.process:
            self.stop_own()
        else:
            self.run("image", "rm", "--force", self.image)

    def stop_own(self):
        service.stop(self.process)
        unmount_below(self.folder)
        for _ in range(50):  # containerd, which the daemon started, ends a moment later
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.1)

    @property
    def daemons(self):
        return [self.process.pid] if self.process else []


class DockerContender(Contender):
    shared_group = "docker"
    layers = ("mount, PID, network, IPC and UTS namespaces, pivot_root, Docker's seccomp profile, its reduced capabilities, "
              "cgroup limits; root inside")
    runtime = "runc"

    def prepare(self):
        self.docker = self.bench.shared("docker", lambda: Docker(self.bench, self.group))
        self.versions |= self.docker.versions
        self.daemons = self.docker.daemons
        if self.runtime not in self.docker.runtimes:
            raise Missing(f"Docker has no runtime {self.runtime}")

    def options(self):
        return ["--runtime", self.runtime, "--network", "none", "--memory", MEMORY_BYTES, "--pids-limit", PROCESSES]


class DockerRun(DockerContender):
    name = "docker-run-runc"
    title = "docker run, runc"

    def starter(self):
        return starters.Command([self.docker.client, "run", "--rm", *self.options(), self.docker.image, PYTHON, *FLAGS, PROGRAM],
                                self.docker.environment)


class DockerRunCrun(DockerRun):
    name = "docker-run-crun"
    title = "docker run, crun"
    runtime = "crun"


class DockerRunGvisor(DockerRun):
    name = "docker-run-gvisor"
    title = "docker run, gVisor"
    layers = "a kernel of its own in user space, behind namespaces and seccomp; cgroup limits"
    runtime = "runsc"


class DockerExec(DockerContender):
    name = "docker-exec"
    title = "docker exec, container kept and used again"

    def prepare(self):
        super().prepare()
        self.container = self.docker.checked("run", "--detach", *self.options(), self.docker.image, PYTHON, *FLAGS, SLEEP)
        self.cleanup.callback(self.docker.run, "rm", "--force", self.container)

    def starter(self):
        return starters.Command([self.docker.client, "exec", self.container, PYTHON, *FLAGS, PROGRAM], self.docker.environment)
