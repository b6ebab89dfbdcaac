"""An idle, warm service: one trivial test now and then over keep-alive HTTP, in turns with the same over Redis and a bare python3.

Between two starts nothing runs, so this is what one user sees, not what the machine can do.
"""

import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import bench
import http_client
import service
import spawn

PYTHON = ["/usr/bin/python3", "-I", "-S", "-c", "print(6*7)"]
JOB = {"language": "python", "source": "print(6*7)", "tests": [{"expectedStdout": "42\n"}]}
REQUEST = http_client.request_bytes("/execute", json.dumps(JOB).encode())


def add_arguments(parser):
    parser.add_argument("--starts", type=int, default=500, help="of each (%(default)s)")
    parser.add_argument("--pause", type=float, default=0.05, metavar="SECONDS", help="before each start (%(default)s)")


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def line(name, values):
    shown = "  ".join(f"{quantile(values, share):7.2f}" for share in (0.0, 0.5, 0.95, 0.99))
    return f"{name:28}{shown}"


class Server:
    """A service that is asked now and then."""

    def __init__(self, name, binary, **settings):
        self.name = name
        self.service = service.Service(binary, bench.default_rootfs(), **settings)
        self.connection = http_client.Connection(self.service.port)
        self.answers, self.verdicts = [], []

    def ask(self, counted):
        before = time.perf_counter()
        status, body = self.connection.ask(REQUEST)
        answered = time.perf_counter() - before
        result = json.loads(body)["results"][0] if status == 200 else {}
        if (result.get("verdict"), result.get("stdout")) != ("accepted", "42\n"):
            raise WrongAnswer(f"{self.name}: {status} {body[:300]!r}")
        if counted:
            self.answers.append(answered * 1e3)
            self.verdicts.append(result["durationMs"])

    def close(self):
        self.connection.close()
        self.service.close()


class WrongAnswer(Exception):
    """What was asked was not answered right. The text says by whom."""


def bare_python(null):
    before = time.perf_counter()
    output, ended = spawn.run(PYTHON, {}, null, null)
    spawned = time.perf_counter() - before
    if (output, ended) != (b"42\n", 0):
        raise WrongAnswer(f"python3: {output!r} {ended}")
    return spawned * 1e3


def servers(options, cleanup):
    found = [Server("POST /execute", options.binary)]
    cleanup.callback(found[0].close)
    tools = [shutil.which(name) for name in ("redis-server", "redis-cli")]
    if None in tools:
        print("no redis-server and redis-cli here: left out")
        return found
    folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
    redis, settings = service.start_redis(*tools, folder)
    cleanup.callback(service.stop, redis)
    found.append(Server("the same over Redis", options.binary, **settings))
    cleanup.callback(found[1].close)
    return found


def run(options):
    starts = 20 if options.quick else options.starts
    bare = []
    with contextlib.ExitStack() as cleanup:
        null = os.open("/dev/null", os.O_RDWR)
        cleanup.callback(os.close, null)
        asked = servers(options, cleanup)
        try:
            for turn in range(starts + 10):  # the first ten are not counted
                for server in asked:
                    time.sleep(options.pause)
                    server.ask(turn >= 10)
                time.sleep(options.pause)
                bare += [bare_python(null)] * (turn >= 10)
        except WrongAnswer as error:
            print(f"a wrong answer: {error}")
            return 1
    print(f"{starts} starts of each, {options.pause * 1e3:.0f} ms apart; milliseconds: least, p50, p95, p99")
    for server in asked:
        print(line(server.name, server.answers))
        print(line("  hand-over to verdict", server.verdicts))
    print(line("bare python3 -I -S -c", bare))
    print(f"bare python3 / POST /execute, medians: {quantile(bare, 0.5) / quantile(asked[0].answers, 0.5):.1f}")
    return 0
