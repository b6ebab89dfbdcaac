"""go-judge: its daemon asked over keep-alive HTTP, with containers that it keeps and uses again."""

import json
import socket
import subprocess

import service
import starters
from contenders.base import (Contender, ENVIRONMENT, FLAGS, MEMORY_BYTES, PROCESSES, PROGRAM, PYTHON, Missing, first_line,
                             program)

RIGHT = rb'"status":\s*"Accepted".*"stdout":\s*"42\\n"'
JOB = {"cmd": [{"args": [PYTHON, *FLAGS, PROGRAM], "env": ["PATH=/usr/bin"],
                "files": [{"content": ""}, {"name": "stdout", "max": 65536}, {"name": "stderr", "max": 65536}],
                "cpuLimit": 3_000_000_000, "clockLimit": 6_000_000_000, "memoryLimit": MEMORY_BYTES, "procLimit": PROCESSES}]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class GoJudge(Contender):
    name = "go-judge"
    title = "go-judge, containers kept and used again"
    layers = "mount, PID, network, IPC, UTS namespaces, the host's /usr read-only, cgroup limits, rlimits; no seccomp by default"

    def prepare(self):
        path = program("go-judge")
        self.versions["go-judge"] = first_line(path, "-version")
        self.port = free_port()
        folder = self.folder("data")
        log = (folder / "log").open("w+b")
        prefix = ["-cgroup-prefix", f"{self.group.parent}/run".lstrip("/")] if self.group else []
        daemon = subprocess.Popen([path, "-http-addr", f"127.0.0.1:{self.port}", "-parallelism", str(self.bench.most_clients),
                                   *prefix], env=ENVIRONMENT, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  preexec_fn=service.in_group(self.group))
        self.cleanup.callback(service.stop, daemon)
        self.daemons = [daemon.pid]

        def said():
            log.seek(0)
            return log.read().decode("utf-8", "replace")[-800:]
        try:
            service.wait_for(lambda: answers(self.port), daemon, 10, said)
        except service.ServiceError as error:
            raise Missing(str(error)) from None

    def starter(self):
        return starters.Http(self.port, "/run", json.dumps(JOB).encode(), RIGHT)
