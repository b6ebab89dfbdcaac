"""Ten times what the service can do: what becomes of the jobs that it takes, of those that it refuses, and of another user.

Three times, on one server: as many clients as it has places, so that each is taken and the queue is full (saturated); ten times
that rate, whatever the answers (overload); the same from one user, while another asks for one job after the other (neighbour).
Exit status 1: an accepted job took more than twice as long as saturated, a refusal was not at once, memory grew, or the other
user had to wait for the flood.
"""

import collections
import json
import re
import select
import socket
import time

import bench as benches
import http_client
import measure
import report
import service
import soak

QUEUE_LIMIT = 100
CONCURRENCY = 5      # as installed
TIMES = 10
MOST_CONNECTIONS = 900  # the server takes 1,024
SLOWER = 2           # an accepted job, of saturated
AT_ONCE_MS = 100     # 19 of 20 refusals; the clients have the same processors
MEMORY_SLACK_MIB = 64
OK, REFUSED = 200, 503
RIGHT = re.compile(rb'"passed":\s*1,\s*"total":\s*1\b')


def add_arguments(parser):
    parser.add_argument("--seconds", type=float, default=10, help="of each of the three (%(default)s)")


class Asker:
    """One keep-alive connection, which never blocks."""

    def __init__(self, port, request):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.request, self.data, self.asked = request, b"", 0.0

    def ask(self):
        self.asked = time.monotonic()
        if self.socket.send(self.request) != len(self.request):
            raise OSError("a request did not go out at once")

    def answer(self):
        """(status, seconds), or None where it is not all here."""
        data = self.socket.recv(http_client.READ_SIZE)
        if not data:
            raise OSError("the server closed a connection")
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        length = http_client.LENGTH.search(self.data, 0, end + 2) if end >= 0 else None
        if length is None or len(self.data) < end + 4 + int(length[1]):
            return None
        status, body = int(self.data[9:12]), self.data[end + 4:]
        self.data = b""
        if status == OK and not RIGHT.search(body):
            raise OSError(f"a wrong answer: {body[:300]!r}")
        return status, time.monotonic() - self.asked


class Load:
    """Connections that ask as soon as they are answered (no rate), or together so many times a second."""

    def __init__(self, port, job, connections, rate=None):
        request = http_client.request_bytes("/execute", json.dumps(job).encode())
        self.askers = {asker.socket.fileno(): asker for asker in (Asker(port, request) for _ in range(connections))}
        self.rate, self.idle = rate, collections.deque(self.askers.values())
        self.answers, self.unsent = collections.defaultdict(list), 0
        self.due = time.monotonic()

    def ask(self, now):
        """What is due; seconds until the next, or None."""
        if self.rate is None:
            while self.idle:
                self.idle.popleft().ask()
            return None
        while self.due <= now:
            self.due += 1 / self.rate
            if self.idle:
                self.idle.popleft().ask()
            else:
                self.unsent += 1  # every connection waits for its answer
        return self.due - now

    def take(self, descriptor):
        asker = self.askers[descriptor]
        if answer := asker.answer():
            self.answers[answer[0]].append(answer[1] * 1e3)
            self.idle.append(asker)

    def close(self):
        for asker in self.askers.values():
            asker.socket.close()


def drive(loads, seconds, sample):
    """All of them for so long. `sample` is called now and then."""
    poll = select.epoll()
    owners = {descriptor: load for load in loads for descriptor in load.askers}
    for descriptor in owners:
        poll.register(descriptor, select.EPOLLIN)
    begin = now = time.monotonic()
    next_sample = begin
    try:
        while now < begin + seconds:
            waits = [wait for load in loads if (wait := load.ask(now)) is not None]
            for descriptor, _ in poll.poll(min([0.05, *waits])):
                owners[descriptor].take(descriptor)
            now = time.monotonic()
            if now >= next_sample:
                sample()
                next_sample = now + 1
    finally:
        poll.close()
        for load in loads:
            load.close()
    return now - begin


def job(user):
    return {"language": "python", "source": "print(6*7)", "tests": [{"expectedStdout": "42\n"}], "userId": user}


def phase(name, server, seconds, *loads):
    """The first load's figures, and the most memory of the service meanwhile."""
    memory = []
    elapsed = drive(loads, seconds, lambda: memory.append(soak.state(server.process.pid)["memory MiB"]))
    figures = []
    for load in loads:
        others = {status: len(times) for status, times in load.answers.items() if status not in (OK, REFUSED)}
        if others or not load.answers[OK]:
            raise SystemExit(f"bench/run overload: {name}: {others or 'no job was taken'}")
        figures.append({
            "name": name, "accepted_per_second": len(load.answers[OK]) / elapsed, "refused": len(load.answers[REFUSED]),
            "asked_per_second": sum(map(len, load.answers.values())) / elapsed, "unsent": load.unsent,
            "accepted_ms": measure.distribution(load.answers[OK]),
            "refused_ms": measure.distribution(load.answers[REFUSED]),
            "memory_mib": max(memory)})
    measure.say(f"{name}: {figures[0]['accepted_per_second']:.0f} a second, p50 {figures[0]['accepted_ms']['p50']:.0f} ms")
    return figures


def complaints(saturated, overload, neighbour):
    """What did not hold, in words."""
    found = []
    for quantile in ("p50", "p99"):
        before, after = saturated["accepted_ms"][quantile], overload["accepted_ms"][quantile]
        if after > SLOWER * before:
            found.append(f"accepted jobs, {quantile}: {before:.0f} ms saturated, {after:.0f} ms at {TIMES} times that")
    if overload["refused_ms"] is None:
        found.append("nothing was refused: this was no overload")
    elif overload["refused_ms"]["p95"] > AT_ONCE_MS:
        found.append(f"refusals, p95: {overload['refused_ms']['p95']:.0f} ms")
    if overload["memory_mib"] > saturated["memory_mib"] + MEMORY_SLACK_MIB:
        found.append(f"memory: {saturated['memory_mib']:.0f} MiB saturated, {overload['memory_mib']:.0f} MiB beyond")
    if neighbour["refused"]:
        found.append(f"the other user was refused {neighbour['refused']} times")
    if neighbour["accepted_ms"]["p50"] > saturated["accepted_ms"]["p50"]:
        found.append(f"the other user, p50: {neighbour['accepted_ms']['p50']:.0f} ms")
    return found


def row(title, figures):
    accepted, refused = figures["accepted_ms"], figures["refused_ms"]
    return [title, *map(report.number, (figures["asked_per_second"], figures["accepted_per_second"], accepted["p50"], accepted["p99"])),
            *(map(report.number, (refused["p50"], refused["p95"], refused["p99"])) if refused else ("", "", "")), report.number(figures["memory_mib"])]


def run(options):
    if options.quick:
        options.seconds = 1
    facts = benches.machine()
    server = service.Service(options.binary, benches.default_rootfs(), EXECUTOR_QUEUE_LIMIT=str(QUEUE_LIMIT),
                             EXECUTOR_MAX_CONCURRENCY=str(CONCURRENCY))
    try:
        places = QUEUE_LIMIT + CONCURRENCY
        [saturated] = phase("saturated", server, options.seconds, Load(server.port, job("one"), places))
        rate = TIMES * saturated["accepted_per_second"]
        [overload] = phase("overload", server, options.seconds, Load(server.port, job("one"), MOST_CONNECTIONS, rate))
        flood, neighbour = phase("neighbour", server, options.seconds, Load(server.port, job("one"), MOST_CONNECTIONS, rate),
                                 Load(server.port, job("other"), 1))
        time.sleep(soak.REST_SECONDS if not options.quick else 0)
        after = soak.state(server.process.pid)["memory MiB"]
    finally:
        server.close()
    failed = complaints(saturated, overload, neighbour)
    header = ["", "asked/s", "accepted/s", "p50 ms", "p99 ms", "refused p50 ms", "p95 ms", "p99 ms", "memory MiB"]
    rows = [row(f"saturated: {places} clients", saturated), row(f"{TIMES} times that", overload),
            row("the same, by one user", flood), row("beside it another user, one client", neighbour)]
    result = {"schema": 1, "mode": "overload", "machine": facts, "saturated": saturated, "overload": overload, "flood": flood,
              "neighbour": neighbour, "memory_after_mib": after, "complaints": failed,
              "settings": {"seconds": options.seconds, "queue_limit": QUEUE_LIMIT, "concurrency": CONCURRENCY}}
    unsent = overload["unsent"] + flood["unsent"]
    notes = [f"memory at rest afterwards: {after:.0f} MiB", *([f"{unsent:,} requests found no free connection and were not sent"] if unsent else []),
             *(f"NOT HELD: {text}" for text in failed)]
    report.write(result, options.out, {"": (header, rows)}, notes)
    return 1 if failed and not options.quick else 0
