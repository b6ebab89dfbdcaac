"""An idle, warm service: one trivial test now and then over keep-alive HTTP, in turns with a bare python3.

Between two starts nothing runs, so this is what one user sees, not what the machine can do.
"""

import json
import os
import time

import bench
import http_client
import service
import spawn

PYTHON = ["/usr/bin/python3", "-I", "-S", "-c", "print(6*7)"]
JOB = {"language": "python", "source": "print(6*7)", "tests": [{"expectedStdout": "42\n"}]}


def add_arguments(parser):
    parser.add_argument("--starts", type=int, default=500, help="of each (%(default)s)")
    parser.add_argument("--pause", type=float, default=0.05, metavar="SECONDS", help="before each start (%(default)s)")


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def line(name, values):
    shown = "  ".join(f"{quantile(values, share):7.2f}" for share in (0.0, 0.5, 0.95, 0.99))
    return f"{name:28}{shown}"


def run(options):
    starts = 20 if options.quick else options.starts
    request = http_client.request_bytes("/execute", json.dumps(JOB).encode())
    server = service.Service(options.binary, bench.default_rootfs())
    connection = http_client.Connection(server.port)
    null = os.open("/dev/null", os.O_RDWR)
    answers, verdicts, bare = [], [], []
    try:
        for turn in range(starts + 10):  # the first ten are not counted
            time.sleep(options.pause)
            before = time.perf_counter()
            status, body = connection.ask(request)
            answered = time.perf_counter() - before
            result = json.loads(body)["results"][0] if status == 200 else {}
            time.sleep(options.pause)
            before = time.perf_counter()
            output, ended = spawn.run(PYTHON, {}, null, null)
            spawned = time.perf_counter() - before
            if (result.get("verdict"), result.get("stdout"), output, ended) != ("accepted", "42\n", b"42\n", 0):
                print(f"a wrong answer: {status} {body[:300]!r}, {output!r} {ended}")
                return 1
            if turn >= 10:
                answers.append(answered * 1e3)
                verdicts.append(result["durationMs"])
                bare.append(spawned * 1e3)
    finally:
        connection.close()
        server.close()
    print(f"{starts} starts of each, {options.pause * 1e3:.0f} ms apart; milliseconds: least, p50, p95, p99")
    print(line("POST /execute", answers))
    print(line("  hand-over to verdict", verdicts))
    print(line("bare python3 -I -S -c", bare))
    print(f"bare python3 / POST /execute, medians: {quantile(bare, 0.5) / quantile(answers, 0.5):.1f}")
    return 0
