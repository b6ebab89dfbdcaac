#!/usr/bin/python3
"""Hostile programs in random order beside benign ones: the benign verdicts must all be right, and the host as before.

    hostile.py [N]        N hostile runs, 20,000 unless told otherwise; EXECUTOR_BINARY names the program

Two clients send benign programs one after the other: first alone, then for as long as other clients send the N hostile ones.
Prints their p50 and p99 in both phases, and how the hostile ones ended. Exit status 1 where a benign verdict was wrong, a
hostile run ended as an internal error or in a way that its kind cannot, the service or the host is not as before.

The ratio of the p99s is printed and not judged: beside programs that use each processor whole, it says how many
processors there are. On a host with as many more processors as hostile programs run at once it stays within a fifth.
"""

import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import executor_service  # noqa: E402
import serve_checks  # noqa: E402

MIB = 1 << 20
BENIGN = ("print(sum(n * n for n in range(2000)))", f"{sum(n * n for n in range(2000))}\n")
HOSTILE_AT_ONCE, BENIGN_AT_ONCE = 2, 2
QUIET_RUNS = 400

# name: (source, the fields of its test, of its job, the verdicts that it may end with)
HOSTILE = {
    "spins": ("while True: pass", {"cpuTimeMs": 60}, {}, {"cpu_time_limit"}),
    "sleeps": ("import time\ntime.sleep(1e6)", {"timeoutMs": 60}, {}, {"wall_time_limit"}),
    "fills memory": ("kept = []\nwhile True: kept.append(bytes(1 << 20))", {"memoryBytes": 32 * MIB}, {}, {"memory_limit"}),
    "fills its files": ("n = 0\nwhile True:\n    open(str(n), 'wb').write(bytes(1 << 20))\n    n += 1", {}, {}, {"runtime_error"}),
    "makes files": ("for n in range(10 ** 6): open(str(n), 'x').close()", {}, {}, {"runtime_error"}),
    "floods its output": ("import os\nwhile True: os.write(1, bytes(65536))", {}, {}, {"output_limit"}),
    "floods its errors": ("import os\nwhile True: os.write(2, bytes(65536))", {}, {}, {"output_limit"}),
    "makes threads": ("import threading\nwait = threading.Event()\nfor n in range(1000): threading.Thread(target=wait.wait, daemon=True).start()", {}, {}, {"runtime_error"}),
    "forks": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", {"timeoutMs": 100}, {"processes": True}, {"wall_time_limit", "cpu_time_limit"}),
    "leaves a daemon": ("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1e6)\nprint(1)", {}, {"processes": True}, {"accepted"}),
    "crashes": ("import ctypes\nctypes.string_at(0)", {}, {}, {"runtime_error"}),
    "overflows its stack": ("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return [*map(f, [x])]\nf(1)", {}, {}, {"runtime_error"}),
    "mounts": ("import ctypes\nctypes.CDLL(None).mount(b'x', b'/', b'tmpfs', 0, 0)", {}, {}, {"security_violation"}),
    "traces": ("import ctypes\nctypes.CDLL(None).ptrace(16, 1, 0, 0)", {}, {}, {"security_violation"}),
    "opens sockets": ("import socket\nsocket.socket()", {}, {}, {"runtime_error"}),
    "kills": ("import os\nos.kill(-1, 9)", {}, {}, {"runtime_error"}),
    "kills itself": ("import os\nos.kill(os.getpid(), 9)", {}, {}, {"runtime_error"}),
    "poisons its interpreter": ("import ctypes\nctypes.memset(id(int) + 40, 0x41, 64)\nint(3)", {}, {}, {"runtime_error", "accepted"}),
    "never reads": ("print(1)", {"stdin": "x" * MIB}, {}, {"accepted"}),
    "writes to every descriptor": ("import os\nfor fd in range(3, 4096):\n    try: os.write(fd, b'accepted')\n    except OSError: pass", {}, {}, {"accepted"}),
}


class Phase:
    """Benign runs, their times and what was wrong with them."""

    def __init__(self, service):
        self.service, self.times, self.wrong, self.lock = service, [], [], threading.Lock()

    def run(self, goes_on):
        source, expected = BENIGN
        while goes_on(len(self.times)):
            begin = time.monotonic()
            result = self.service.execute(source, [{"expectedStdout": expected}])[0]
            with self.lock:
                self.times.append(time.monotonic() - begin)
                if (result["verdict"], result["stdout"]) != ("accepted", expected):
                    self.wrong.append(result)
        self.service.disconnect()

    def start(self, goes_on):
        threads = [threading.Thread(target=self.run, args=(goes_on,)) for _ in range(BENIGN_AT_ONCE)]
        for thread in threads:
            thread.start()
        return threads

    def p(self, share):
        return sorted(self.times)[int(len(self.times) * share)] * 1000


class Attackers:
    def __init__(self, service, count, seed):
        self.service, self.left, self.random = service, count, random.Random(seed)
        self.lock, self.ends, self.wrong = threading.Lock(), Counter(), []

    def next(self):
        with self.lock:
            self.left -= 1
            return self.random.choice(list(HOSTILE)) if self.left >= 0 else None

    def run(self):
        while name := self.next():
            source, test, job, allowed = HOSTILE[name]
            try:
                verdict = self.service.execute(source, [test], **job)[0]["verdict"]
            except executor_service.ServiceError as error:
                verdict = f"no answer: {error}"[:300]
            with self.lock:
                self.ends[name, verdict] += 1
                if verdict not in allowed:
                    self.wrong.append((name, verdict))
        self.service.disconnect()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seed = int(os.environ.get("SEED", "1"))
    service = executor_service.Service(EXECUTOR_MAX_CONCURRENCY=str(HOSTILE_AT_ONCE + BENIGN_AT_ONCE))
    try:
        mounts = serve_checks.mounts()
        service.execute("print(1)")
        service.disconnect()
        before = service.steady_level()
        supervisor = serve_checks.identities(serve_checks.find(service, "supervisor"))
        quiet, beside = Phase(service), Phase(service)
        for thread in quiet.start(lambda done: done < QUIET_RUNS):
            thread.join()
        attackers = Attackers(service, count, seed)
        hostile = [threading.Thread(target=attackers.run) for _ in range(HOSTILE_AT_ONCE)]
        begin = time.monotonic()
        for thread in hostile:
            thread.start()
        benign = beside.start(lambda done: any(thread.is_alive() for thread in hostile) or not done)
        for thread in [*hostile, *benign]:
            thread.join()
        seconds = time.monotonic() - begin
        service.disconnect()
        after = executor_service.wait_until(lambda: executor_service.not_above(service.level(), before), 30)
        faults = [f"benign: {result}" for result in (quiet.wrong + beside.wrong)[:5]] + [f"hostile: {each}" for each in attackers.wrong[:20]]
        if not after:
            faults.append(f"the host was {before} and is {service.level()}")
        if serve_checks.mounts() != mounts:
            faults.append("mounts are not as before")
        if serve_checks.alive(supervisor) != list(supervisor):
            faults.append("the supervisor is another one")
        for (name, verdict), number in sorted(attackers.ends.items()):
            print(f"{number:7} {name}: {verdict}")
        print(f"{count} hostile runs in {seconds:.0f} s; {len(beside.times)} benign ones beside them, {len(beside.wrong)} wrong")
        print(f"benign, quiet:  p50 {quiet.p(0.5):.1f} ms, p99 {quiet.p(0.99):.1f} ms, mean {statistics.mean(quiet.times) * 1000:.1f} ms of {len(quiet.times)}")
        print(f"benign, beside: p50 {beside.p(0.5):.1f} ms, p99 {beside.p(0.99):.1f} ms; p99 {beside.p(0.99) / quiet.p(0.99):.2f} times the quiet one, on {os.cpu_count()} processors")
    finally:
        status = service.close()
    if status != 0:
        faults.append(f"the server ended with {status}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
