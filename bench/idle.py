"""An idle, warm service: one trivial test now and then over keep-alive HTTP, in turns with the same over Redis, a bare python3 and,
every tenth turn, `docker run`.

Between two starts nothing runs, so this is what one user sees, not what the machine can do.
"""

import time

import bench as benches
import measure
import report
import starters
from contenders import docker, native, python
from contenders.base import Missing

WARM_UP = 10            # turns that are not counted
DOCKER_EVERY = 10       # turns
DOCKER_REST_SECONDS = 1  # what a container leaves to be taken away is no part of the next start


def add_arguments(parser):
    parser.add_argument("--starts", type=int, default=500, help="of each but docker run (%(default)s)")
    parser.add_argument("--pause", type=float, default=0.05, metavar="SECONDS", help="before each start (%(default)s)")


class Turns:
    """A contender, what it was asked and how long it took each time, in milliseconds."""

    def __init__(self, contender, client):
        self.contender, self.starter = contender, contender.starter()
        self.starter.open(client)
        self.took, self.told = [], []

    def start(self, pause, counted):
        time.sleep(pause)
        before = time.perf_counter()
        answer = self.starter.start()
        took = time.perf_counter() - before
        told = self.starter.check(answer)
        if counted:
            self.took.append(took * 1e3)
            self.told += [] if told is None else [told]

    def rows(self, bare, docker_run):
        found = measure.distribution(self.took)
        rows = [self.row(self.contender.title, found, bare, docker_run)]
        if self.told:
            rows.append(self.row(f"  {self.contender.told}", measure.distribution(self.told), bare, docker_run))
        return rows

    @staticmethod
    def row(title, found, bare, docker_run):
        ratios = [report.number(base and base / found["p50"]) for base in (bare, docker_run)]
        p99 = report.number(found["p99"]) + ("*" if found["n"] < report.FEW else "")
        return [title, *(report.number(found[share]) for share in ("min", "p50", "p95")), p99, *ratios]


def prepared(bench, kinds, missing):
    found = []
    for kind in kinds:
        contender = kind(bench)
        bench.callback(contender.close)
        try:
            contender.prepare()
        except Missing as error:
            missing[contender.name] = " ".join(str(error).split())[:600]
            continue
        found.append(Turns(contender, len(found)))
        bench.callback(found[-1].starter.close)
    return found


def median(turns, name):
    return next((measure.distribution(each.took)["p50"] for each in turns if each.contender.name == name and each.took), None)


def run(options):
    starts = 20 if options.quick else options.starts
    facts, missing, failed = benches.machine(), {}, {}
    with benches.Bench(1, options.binary) as bench:
        often = prepared(bench, (native.Native, native.Redis, python.Python), missing)
        seldom = prepared(bench, (docker.DockerRun,), missing)
        each = None
        try:
            for turn in range(WARM_UP + starts):
                for each in often:
                    each.start(options.pause, turn >= WARM_UP)
                for each in seldom if turn % DOCKER_EVERY == 0 else ():
                    each.start(options.pause, turn > 0)
                    time.sleep(DOCKER_REST_SECONDS)
        except starters.WrongAnswer as error:
            failed[each.contender.name] = str(error)
        turns = [each for each in often + seldom if each.took]
        versions = {name: version for each in turns for name, version in each.contender.versions.items()}
    bare, docker_run = (median(turns, kind.name) for kind in (python.Python, docker.DockerRun))
    header = ["", "least", "p50 ms", "p95 ms", "p99 ms", "bare python3 ÷", "docker run ÷"]
    result = {"schema": 1, "mode": "idle", "machine": facts, "versions": versions,
              "settings": {"starts": starts, "pause_seconds": options.pause, "docker_run_every": DOCKER_EVERY},
              "idle": [{"name": each.contender.name, "title": each.contender.title, "latency_ms": measure.distribution(each.took),
                        "told_ms": measure.distribution(each.told)} for each in turns],
              "missing": missing, "failed": failed}
    report.write(result, options.out, {"": (header, [row for each in turns for row in each.rows(bare, docker_run)])},
                 report.few_notes(len(each.took) for each in turns))
    return 1 if failed or not turns else 0
