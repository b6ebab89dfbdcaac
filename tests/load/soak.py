#!/usr/bin/python3
"""Many jobs of every kind through HTTP and Redis: every verdict right, every answer once, nothing left, nothing grown.

    EXECUTOR_BINARY=build/release/executor PYTHONPATH=tests/support tests/load/soak.py --jobs 10000

Run by hand, as root or where an ordinary user may start the service. It needs redis-server and redis-cli; both servers are
its own and are stopped at the end. A tenth of the jobs (at least 200) go ahead uncounted, so that what is made once is
there; then counts and memory are taken, the jobs run, and the counts are taken again when all is still. 10,000 jobs take a
few minutes on two cores and 150 MiB in Redis. Ends with 0 when all is as it must be, else with 1 and what was not.
"""

import argparse
import collections
import http.client
import itertools
import json
import os
import sys
import threading
import time

import executor_service
import redis_server
import serve_checks

SETTLE_SECONDS = 15
NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
SEGFAULT = "import os\nos.kill(os.getpid(), 11)"
# name: (share of a hundred jobs, source with {n}, fields of the test, what must come out)
KINDS = {
    "good": (45, "print({n} * 2)", {"expectedStdout": "{twice}\n"}, ("accepted", "{twice}\n", 0, None)),
    "input": (12, "print(int(input()) * 2)", {"stdin": "{n}\n", "expectedStdout": "{twice}"}, ("accepted", "{twice}\n", 0, None)),
    "wrong": (12, "print({n} * 2 + 1)", {"expectedStdout": "{twice}\n"}, ("wrong_answer", "{odd}\n", 0, None)),
    "raises": (8, "print({n})\n1 // 0", {"expectedStdout": "{n}"}, ("runtime_error", "{n}\n", 1, None)),
    "crashes": (4, f"print({{n}}, flush=True)\n{SEGFAULT}", {}, ("runtime_error", "{n}\n", None, "SIGSEGV")),
    "spins": (4, "print({n}, flush=True)\nwhile True: pass", {"cpuTimeMs": 60}, ("cpu_time_limit", "{n}\n", None, "SIGKILL")),
    "sleeps": (4, "import time\ntime.sleep(60)", {"timeoutMs": 100}, ("wall_time_limit", "", None, "SIGKILL")),
    "greedy": (5, "print({n}, flush=True)\nx = bytearray(64 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1",
               {"memoryBytes": 32 << 20}, ("memory_limit", "{n}\n", None, "SIGKILL")),
    "floods": (3, "import sys\nprint({n}, flush=True)\nwhile True: sys.stderr.write('x' * 1000)", {},
               ("output_limit", "{n}\n", None, "SIGKILL")),
    "broken": (3, "print({n}", {}, ("compile_error", None, None, None)),
}
ORDER = [name for _, name in sorted((position / share, name) for name, (share, *_) in KINDS.items() for position in range(share))]


def filled(value, words):
    if isinstance(value, dict):
        return {key: filled(inner, words) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(filled(inner, words) for inner in value)
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(f"{{{word}}}", text)
    return value


class Soak:
    def __init__(self, service, clients):
        self.service = service
        self.clients = clients
        self.lock = threading.Lock()
        self.verdicts = collections.Counter()
        self.ids = collections.Counter()
        self.faults = []

    def run(self, numbers):
        """Each client asks over a connection of its own until the numbers are used up."""
        numbers = iter(numbers)

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=120)
            while True:
                with self.lock:
                    n = next(numbers, None)
                if n is None:
                    return connection.close()
                self.one(connection, n)
        threads = [threading.Thread(target=client) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one(self, connection, n):
        kind = ORDER[n % len(ORDER)]
        _, source, test, wanted = filled(KINDS[kind], {"n": str(n), "twice": str(2 * n), "odd": str(2 * n + 1)})
        body = json.dumps({"language": "python", "source": source, "tests": [test]})
        try:
            connection.request("POST", "/execute", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            return self.count(kind, None, None, f"job {n} ({kind}): {error!r}")
        if status == 200:
            result = answer["results"][0]
            got = (result["verdict"], result["stdout"], result["exitCode"], result["signal"])
        else:
            got = (answer["error"]["code"], None, None, None)
        fault = "" if got == wanted else f"job {n} ({kind}): {got} instead of {wanted}, status {status}"
        self.count(kind, got[0], answer.get("jobId"), fault)

    def count(self, kind, verdict, job_id, fault):
        with self.lock:
            self.verdicts[kind, verdict or "no answer"] += 1
            if job_id:
                self.ids[job_id] += 1
            if fault:
                self.faults.append(fault[:400])


def namespaces(pids):
    found = set()
    for pid, kind in itertools.product(pids, NAMESPACES):
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
        except OSError:
            pass
    return len(found)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid):
    return int(executor_service.status_of(pid)["VmRSS"].split()[0])


def counts(service):
    front, pids = service.server.pid, service.processes()
    supervisor = serve_checks.find(service, "supervisor")[0]
    with open(f"/proc/{supervisor}/mountinfo", encoding="utf-8") as file:
        inside = len(file.readlines())
    return {"cgroup directories": len(serve_checks.group_folders(front)), "processes": len(pids), "namespaces": namespaces([front, *pids]),
            "mounts of the host": len(serve_checks.mounts()), "mounts of the supervisor": inside,
            "descriptors of the front": descriptors(front), "descriptors of the supervisor": descriptors(supervisor)}


def memory(service):
    pids = {"front": service.server.pid} | {name: serve_checks.find(service, name)[0] for name in ("supervisor", "zygote")}
    return {f"resident KiB of the {name}": resident(pid) for name, pid in pids.items()}


def still(service):
    """The counts once they have been the same for half a second."""
    service.disconnect()
    seen, since = counts(service), time.monotonic()
    deadline = since + SETTLE_SECONDS
    while time.monotonic() < deadline and time.monotonic() - since < 0.5:
        time.sleep(0.05)
        now = counts(service)
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


def completed(service):
    """How often each job stands in the log as completed."""
    records = (json.loads(line) for line in service.log_text().splitlines() if "worker_job_completed" in line)
    return collections.Counter(record["jobId"] for record in records)


def soak(service, options):
    warm_up = max(200, options.jobs // 10)
    first = Soak(service, options.clients)
    first.run(range(warm_up))
    before, memory_before = still(service), memory(service)
    main = Soak(service, options.clients)
    began = time.monotonic()
    main.run(range(warm_up, warm_up + options.jobs))
    took = time.monotonic() - began
    after, memory_after = still(service), memory(service)
    faults = first.faults + main.faults
    for (kind, verdict), number in sorted(main.verdicts.items()):
        print(f"{kind:>10}  {verdict:<18} {number:>7}")
    print(f"{options.jobs} jobs by {options.clients} clients in {took:.1f} s: {options.jobs / took:.0f} a second\n")
    print(f"{'':<32}{'before':>10}{'after':>10}")
    for name in before:
        print(f"{name:<32}{before[name]:>10}{after[name]:>10}")
        if before[name] != after[name]:
            faults.append(f"{name}: {before[name]} before, {after[name]} after")
    for name in memory_before:
        print(f"{name:<32}{memory_before[name]:>10}{memory_after[name]:>10}")
        if memory_after[name] > memory_before[name] + options.slack_kib:
            faults.append(f"{name}: {memory_before[name]} before, {memory_after[name]} after")
    ran = completed(service)
    wrong = [job for job, times in (first.ids + main.ids).items() if times != 1 or ran[job] != 1]
    if wrong:
        faults.append(f"{len(wrong)} jobs were not answered and run exactly once, such as {wrong[:3]}")
    leaked = serve_checks.metric(service, "executor_leaked_resources_removed_total")
    if leaked:
        faults.append(f"{leaked:.0f} leaked resources were found and removed")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=4, help="EXECUTOR_MAX_CONCURRENCY")
    parser.add_argument("--slack-kib", type=int, default=2048, help="what resident memory may grow by, for each process")
    options = parser.parse_args()
    redis = redis_server.RedisServer(durable=False)
    try:
        service = executor_service.Service(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=redis.url,
                                           EXECUTOR_MAX_CONCURRENCY=str(options.concurrency))
        try:
            faults = soak(service, options)
            family, pid = serve_checks.identities(service.processes()), service.server.pid
        finally:
            status = service.close()
        if status != 0:
            faults.append(f"the service ended with {status}")
        if not executor_service.wait_until(lambda: not serve_checks.alive(family) + serve_checks.group_folders(pid), SETTLE_SECONDS):
            faults.append("processes or control groups are left after the end")
    finally:
        redis.close()
    for fault in faults[:40]:
        print(f"WRONG: {fault}")
    print(f"{len(faults)} faults" if faults else "all as it must be")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
