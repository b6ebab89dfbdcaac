#!/usr/bin/python3
"""Hostile programs in random order beside benign ones: the benign verdicts must all be right, and the host as before.

    [CLIENTS=2] [NEIGHBOURS=2] hostile.py [N [KIND…]]

N hostile runs, 20,000 unless told otherwise, of these kinds; EXECUTOR_BINARY names the program.

CLIENTS clients send benign programs one after the other. In rounds, so that an hour in which the machine is slower is one for
all: alone; then beside NEIGHBOURS that send greedy programs which keep within their limits, one such twin for each hostile one
(as much CPU time, memory, output, files, threads and processes, but nothing that has to be stopped); then beside as many that
send hostile ones. Each client is a process of its own, so that none waits for another's interpreter.

The p99 of benign runs beside the hostile ones over that beside their twins is what hostility adds, and is what must stay
within a fifth. Over that of the quiet rounds it says, beyond this, how many processors there are for how many programs:
it is printed, and not judged. Exit status 1 where a benign verdict was wrong, a hostile run ended as an internal error or
in a way that its kind cannot, the service or the host is not as before, or, of 10,000 runs and more, the p99 rose by more.
"""

import contextlib
import math
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import executor_service  # noqa: E402
import serve_checks  # noqa: E402

MIB = 1 << 20
BENIGN = ("print(sum(n * n for n in range(2000)))", f"{sum(n * n for n in range(2000))}\n")
CLIENTS = int(os.environ.get("CLIENTS", "2"))
NEIGHBOURS = int(os.environ.get("NEIGHBOURS", "2"))
HOSTILE_OF_A_ROUND = 2000
TWINS_OF_A_ROUND = 300
QUIET_SECONDS = 10  # of a round
SETTLE_SECONDS = 1  # before a part of a round: the clients begin one after the other
JUDGED_FROM = 10_000
MOST = 1.2

SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
# name: (source, the fields of its test, of its job, the verdicts that it may end with, the twin's source)
HOSTILE = {
    "spins": ("while True: pass", {"cpuTimeMs": 60}, {}, {"cpu_time_limit"}, SPIN.format(0.06)),
    "sleeps": ("import time\ntime.sleep(1e6)", {"timeoutMs": 60}, {}, {"wall_time_limit"}, "import time\ntime.sleep(0.06)"),
    "fills memory": ("kept = []\nwhile True: kept.append(bytes(1 << 20))", {"memoryBytes": 32 * MIB}, {}, {"memory_limit"},
                     "kept = [bytes(1 << 20) for _ in range(24)]"),
    "fills its files": ("n = 0\nwhile True:\n    open(str(n), 'wb').write(bytes(1 << 20))\n    n += 1", {}, {}, {"runtime_error"},
                        "for n in range(15): open(str(n), 'wb').write(bytes(1 << 20))"),
    "makes files": ("for n in range(10 ** 6): open(str(n), 'x').close()", {}, {}, {"runtime_error"}, "for n in range(1000): open(str(n), 'x').close()"),
    "floods its output": ("import os\nwhile True: os.write(1, bytes(65536))", {}, {}, {"output_limit"}, "import os\nfor n in range(16): os.write(1, bytes(65536))"),
    "floods its errors": ("import os\nwhile True: os.write(2, bytes(65536))", {}, {}, {"output_limit"}, "import os\nfor n in range(4): os.write(2, bytes(65536))"),
    "makes threads": ("import threading\nwait = threading.Event()\nfor n in range(1000): threading.Thread(target=wait.wait, daemon=True).start()", {}, {},
                      {"runtime_error"}, "import threading\nwait = threading.Event()\nfor n in range(60): threading.Thread(target=wait.wait, daemon=True).start()"),
    "forks": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", {"timeoutMs": 100}, {"processes": True}, {"wall_time_limit", "cpu_time_limit"},
              "import os, time\nfor n in range(60):\n    if os.fork() == 0:\n        while time.process_time() < 0.001: pass\n        os._exit(0)\nfor n in range(60): os.wait()"),
    "leaves a daemon": ("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1e6)\nprint(1)", {}, {"processes": True}, {"accepted"},
                        "import os\nif os.fork() == 0: os._exit(0)\nos.wait()"),
    "crashes": ("import ctypes\nctypes.string_at(0)", {}, {}, {"runtime_error"}, "import ctypes\nctypes.string_at(b'x')"),
    "overflows its stack": ("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return [*map(f, [x])]\nf(1)", {}, {}, {"runtime_error"},
                            "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return [*map(f, [x - 1])] if x else []\nf(9000)"),
    "mounts": ("import ctypes\nctypes.CDLL(None).mount(b'x', b'/', b'tmpfs', 0, 0)", {}, {}, {"security_violation"}, "import ctypes\nctypes.CDLL(None).getpid()"),
    "traces": ("import ctypes\nctypes.CDLL(None).ptrace(16, 1, 0, 0)", {}, {}, {"security_violation"}, "import ctypes\nctypes.CDLL(None).getpid()"),
    "opens sockets": ("import socket\nsocket.socket()", {}, {}, {"runtime_error"}, "import socket\nsocket.socketpair()"),
    "kills": ("import os\nos.kill(-1, 9)", {}, {}, {"runtime_error"}, "import os\nos.kill(os.getpid(), 0)"),
    "kills itself": ("import os\nos.kill(os.getpid(), 9)", {}, {}, {"runtime_error"}, "import os\nos._exit(0)"),
    "poisons its interpreter": ("import ctypes\nctypes.memset(id(int) + 40, 0x41, 64)\nint(3)", {}, {}, {"runtime_error", "accepted"},
                                "import ctypes\nctypes.memset(ctypes.create_string_buffer(64), 0x41, 64)\nint(3)"),
    "never reads": ("print(1)", {"stdin": "x" * MIB}, {}, {"accepted"}, "input()"),
    "writes to every descriptor": ("import os\nfor fd in range(3, 4096):\n    try: os.write(fd, b'accepted')\n    except OSError: pass", {}, {}, {"accepted"},
                                   "import os\nfor n in range(4096): os.write(1, b'accepted')"),
}
TWINS = {name: (twin, {field: value for field, value in test.items() if field == "stdin"}, job, {"accepted"})
         for name, (_, test, job, _, twin) in HOSTILE.items()}
FORK = multiprocessing.get_context("fork")


class Client:
    """A process that sends programs until it is done or told that the phase is over; `take` gets what came of them."""

    def __init__(self, service, work, *arguments):
        self.over, (self.mine, theirs) = FORK.Event(), FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=self.run, args=(service, theirs, work, arguments))
        self.process.start()
        theirs.close()

    def run(self, service, theirs, work, arguments):
        executor_service.end_with_parent()
        theirs.send(work(service, self.over, *arguments))

    def take(self):
        answer = self.mine.recv()
        self.process.join()
        return answer


def benign(service, over, measured):
    """(times of runs that began while `measured` was set, wrong results)"""
    source, expected = BENIGN
    times, wrong = [], []
    while not over.is_set():
        is_measured, begin = measured.is_set(), time.monotonic()
        result = service.execute(source, [{"expectedStdout": expected}])[0]
        if is_measured:
            times.append(time.monotonic() - begin)
        if (result["verdict"], result["stdout"]) != ("accepted", expected):
            wrong.append(result)
    return times, wrong


def neighbour(service, over, measured, table, count, seed):
    """(how often each kind ended how, which of these it may not); the first to be done ends what is measured"""
    choice, ends, wrong = random.Random(seed), Counter(), []
    for _ in range(count):
        name = choice.choice(list(table))
        source, test, job, allowed = table[name][:4]
        try:
            verdict = service.execute(source, [test], **job)[0]["verdict"]
        except executor_service.ServiceError as error:
            verdict = f"no answer: {error}"[:300]
        ends[name, verdict] += 1
        if verdict not in allowed:
            wrong.append((name, verdict))
    measured.clear()
    return ends, wrong


class Phase:
    """Benign clients beside neighbours that send programs of `table`; alone where there is none. Of all rounds."""

    def __init__(self, service, table=None):
        self.service, self.table = service, table
        self.seconds, self.times, self.wrong, self.ends = 0, [], [], Counter()

    def round(self, count, seed):
        """`count` programs of the neighbours; without these, the seconds of a quiet round."""
        measured = FORK.Event()
        clients = [Client(self.service, benign, measured) for _ in range(CLIENTS)]
        time.sleep(SETTLE_SECONDS)
        begin = time.monotonic()
        measured.set()
        if self.table:
            shares = [count * (each + 1) // NEIGHBOURS - count * each // NEIGHBOURS for each in range(NEIGHBOURS)]
            neighbours = [Client(self.service, neighbour, measured, self.table, share, f"{seed} {each}") for each, share in enumerate(shares)]
            for each in neighbours:
                ends, wrong = each.take()
                self.ends += ends
                self.wrong += wrong
        else:
            time.sleep(QUIET_SECONDS)
        for each in clients:
            each.over.set()
        for each in clients:
            times, wrong = each.take()
            self.times += times
            self.wrong += wrong
        self.seconds += time.monotonic() - begin

    def p(self, share):
        """Milliseconds; not a number where the neighbours were done at once."""
        return sorted(self.times)[int(len(self.times) * share)] * 1000 if self.times else math.nan

    def print(self, name):
        print(f"benign, {name}: p50 {self.p(0.5):.1f} ms, p99 {self.p(0.99):.1f} ms of {len(self.times)}")


def host(service):
    """What hostile programs must leave as it was: the service's level, and the namespaces that its processes are in."""
    found = set()
    for pid in service.processes():
        with contextlib.suppress(OSError):
            found |= {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in os.listdir(f"/proc/{pid}/ns")}
    return {**service.level(), "namespaces": len(found)}


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    hostile_kinds = {name: HOSTILE[name] for name in sys.argv[2:] or HOSTILE}
    seed = os.environ.get("SEED", "1")
    service = executor_service.Service()
    try:
        mounts = serve_checks.mounts()
        service.execute("print(1)")
        service.disconnect()
        service.steady_level()
        service.disconnect()
        before = host(service)
        supervisor = serve_checks.identities(serve_checks.find(service, "supervisor"))
        quiet, twins, beside = Phase(service), Phase(service, {name: TWINS[name] for name in hostile_kinds}), Phase(service, hostile_kinds)
        for done in range(0, count, HOSTILE_OF_A_ROUND):
            of_round = min(count - done, HOSTILE_OF_A_ROUND)
            quiet.round(0, "")
            twins.round(min(of_round, TWINS_OF_A_ROUND), f"{seed} {done}")
            beside.round(of_round, f"{seed} {done}")
            print(f"{done + of_round} hostile runs, p99 {beside.p(0.99):.1f} ms, {twins.p(0.99):.1f} ms beside twins, {quiet.p(0.99):.1f} ms of quiet rounds", file=sys.stderr, flush=True)
        as_before = executor_service.wait_until(lambda: executor_service.not_above(host(service), before), 30)
        faults = [str(each) for phase in (quiet, twins, beside) for each in phase.wrong[:10]]
        if not as_before:
            faults.append(f"the host was {before} and is {host(service)}")
        if serve_checks.mounts() != mounts:
            faults.append("mounts are not as before")
        if serve_checks.alive(supervisor) != list(supervisor):
            faults.append("the supervisor is another one")
        for (name, verdict), number in sorted(beside.ends.items()):
            print(f"{number:7} {name}: {verdict}")
        print(f"{beside.ends.total()} hostile runs in {beside.seconds:.0f} s, {len(beside.times)} benign ones beside them; {twins.ends.total()} twins in {twins.seconds:.0f} s")
        for phase, name in ((quiet, "quiet"), (twins, "beside twins"), (beside, "beside hostile")):
            phase.print(name)
        ratio = beside.p(0.99) / twins.p(0.99)
        print(f"p99 beside hostile programs: {ratio:.2f} times that beside their twins, {beside.p(0.99) / quiet.p(0.99):.2f} times that of the quiet rounds, "
              f"{CLIENTS} clients, {NEIGHBOURS} neighbours, {os.cpu_count()} processors")
        print(f"the host before: {before}, after: {host(service)}")
        if count >= JUDGED_FROM and ratio > MOST:
            faults.append(f"the p99 is {ratio:.2f} times that beside well-behaved neighbours")
    finally:
        status = service.close()
    if status != 0:
        faults.append(f"the server ended with {status}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
