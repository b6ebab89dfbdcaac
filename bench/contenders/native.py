"""This project: POST /execute over keep-alive HTTP, as a client asks it; all layers on, settings as installed."""

import json
import re

import service
import starters
from contenders.base import Contender, Missing, PROGRAM, first_line, program

RIGHT = rb'"stdout":\s*"42\\n".*"passed":\s*true'
HAND_OVER_MS = rb'"durationMs":\s*([0-9.eE+-]+)'
LAYERS = ("user, mount, PID, network, IPC, UTS and cgroup namespaces, pivot_root to a read-only root, seccomp, no capabilities, "
          "no_new_privs, cgroup limits, ids of its own; source policy")


def job(source):
    return json.dumps({"language": "python", "source": source, "tests": [{"expectedStdout": "42\n"}]}).encode()


class Native(Contender):
    name = "native"
    title = "executor"
    layers = LAYERS + "; sandbox made ahead"
    settings = {}
    told = "hand-over to verdict"

    def __init__(self, bench, binary=None, label=None):
        """Another build than the bench's own takes part under a label."""
        super().__init__(bench)
        self.binary = (binary or bench.binary).resolve()
        self.group_name = label or self.name

    def prepare(self):
        if not self.binary.is_file():
            raise Missing(f"{self.binary.name} is not built")
        if not self.bench.rootfs.is_dir():
            raise Missing("there is no rootfs; executor rootfs build makes it")
        self.versions["executor"] = first_line(self.binary, "--version")
        try:
            self.service = service.Service(self.binary, self.bench.rootfs, self.group, **self.settings)
        except service.ServiceError as error:
            raise Missing(str(error)) from None
        self.cleanup.callback(self.service.close)
        self.daemons = [*self.daemons, self.service.process.pid]

    def starter(self):
        return starters.Http(self.service.port, "/execute", job(PROGRAM), RIGHT, HAND_OVER_MS)

    def stages(self):
        """Mean milliseconds of each histogram in /metrics: what a start spends where, as the service sees it."""
        metrics = self.service.metrics()
        return {name[:-len("_seconds_sum")]: 1000 * total / metrics[name[:-len("sum")] + "count"]
                for name, total in metrics.items()
                if name.endswith("_seconds_sum") and metrics.get(name[:-len("sum")] + "count")}

    def per_sandbox(self):
        """What the service counted of its sandboxes: each stage of their set-up, CPU and minor faults of their processes. {} for an
        older build, which does not count."""
        metrics = self.service.metrics()
        built, ended = (metrics.get(f"executor_sandboxes_{what}_total") for what in ("built", "ended"))
        if not built or not ended:
            return {}
        stages = {re.search(r'stage="(\w+)"', name)[1]: 1000 * total / built
                  for name, total in metrics.items() if name.startswith("executor_setup_seconds_total{")}
        return {**{f"set-up ms, {stage}": mean for stage, mean in stages.items() if mean}, "set-up ms, all": sum(stages.values()),
                "CPU ms": 1000 * metrics["executor_sandbox_cpu_seconds_total"] / ended,
                "minor faults": metrics["executor_sandbox_minor_faults_total"] / ended}


class NewSource(Native):
    name = "native-new-source"
    title = "executor, a source never seen before"

    def starter(self):
        body = job(f"{PROGRAM}#{starters.NumberedHttp.MARK.decode()}")
        return starters.NumberedHttp(self.service.port, "/execute", body, RIGHT, HAND_OVER_MS)


class Cold(Native):
    name = "native-cold"
    title = "executor, no sandbox made ahead"
    layers = LAYERS + "; sandbox made on demand"
    settings = {"EXECUTOR_WARM_POOL": "0"}


class Redis(Native):
    name = "native-redis"
    title = "executor over Redis"

    def prepare(self):
        server, client = program("redis-server"), program("redis-cli")
        self.versions["redis-server"] = first_line(server, "--version").split(" sha=")[0]
        try:
            redis, self.settings = service.start_redis(server, client, self.folder("data"), self.group)
        except service.ServiceError as error:
            raise Missing(str(error)) from None
        self.cleanup.callback(service.stop, redis)
        self.daemons = [redis.pid]
        super().prepare()
