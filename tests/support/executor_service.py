"""A server of the module's own, asked over keep-alive HTTP, and what must be true of the host around it.

    def setUpModule():
        executor_service.start()                       # executor_service.service is it, from here on

    class Something(executor_service.HostCase):        # checks the host after its last test
        def test_a_sentence(self):
            result = self.run_program("print(1)", expectedStdout="1\n")

The executable is found in EXECUTOR_BINARY. The source policy is off: what holds here holds without it.
"""

import contextlib
import ctypes
import glob
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor

import must_run

PATIENCE = int(os.environ.get("EXECUTOR_TESTS_PATIENCE", "1"))  # an emulated host takes so many times as long
MAX_TIMEOUT_SECONDS = 60 if PATIENCE == 1 else 600
START_SECONDS = 60 * PATIENCE
STOP_SECONDS = 30 * PATIENCE
SETTLE_SECONDS = 5 * PATIENCE
CONCURRENCY = int(os.environ.get("EXECUTOR_TESTS_CONCURRENCY", "4"))
PR_SET_PDEATHSIG = 1
NO_NAMESPACES = "the native backend on this host"

service = None


def end_with_parent():
    """For the child: a test that ctest ends for its time leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class ServiceError(Exception):
    """The service did not answer as its contract says; nothing is known about the program."""


def free_port():
    """None that the kernel hands out by itself: it stays free while its server is down and clients ask for it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition, seconds):
    """The last value of condition(), at once when it is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.02)


def descendants(pid):
    """The processes below `pid`, as the host sees them; those that end meanwhile are left out."""
    children = {}
    for entry in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(entry, "rb") as file:
                text = file.read()
        except OSError:
            continue
        children.setdefault(int(text[text.rindex(b")") + 2:].split()[1]), []).append(int(text.split(b" ", 1)[0]))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def status_of(pid):
    """/proc/<pid>/status as a dict; empty where the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in file if ":" in line}
    except OSError:
        return {}


class Service:
    """Starts the server, stops it by its own pid, and asks it. Each thread that asks has a connection of its own.

    `before`: a command that ends in executing the rest of its arguments, such as setpriv.
    """

    def __init__(self, before=(), pass_fds=(), **settings):
        self.port = int(settings.get("EXECUTOR_PORT", 0)) or free_port()
        self.binary = os.environ["EXECUTOR_BINARY"]
        chosen = {
            "EXECUTOR_PORT": str(self.port),
            "EXECUTOR_HOST": "127.0.0.1",
            "EXECUTOR_QUEUE": "embedded",
            "EXECUTOR_BACKEND": "native",
            "EXECUTOR_VALIDATION": "off",
            "EXECUTOR_ALLOWED_MODULES": '["*"]',
            "EXECUTOR_ALLOWED_BUILTINS": '["*"]',
            "EXECUTOR_TIMEOUT": "30" if PATIENCE == 1 else "300",
            "EXECUTOR_MAX_TIMEOUT": str(MAX_TIMEOUT_SECONDS),
            "EXECUTOR_MAX_CONCURRENCY": str(CONCURRENCY),
            "LOG_TO_FILE": "false",
            **settings,
        }
        self.pool = int(chosen.get("EXECUTOR_WARM_POOL", chosen["EXECUTOR_MAX_CONCURRENCY"]))
        self.local = threading.local()
        self.connections = []
        self.log = tempfile.TemporaryFile()
        self.server = subprocess.Popen([*before, self.binary, "serve"], env={**os.environ, **chosen},
                                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, preexec_fn=end_with_parent,
                                       pass_fds=pass_fds)
        try:
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.server.poll() is not None:
                raise ServiceError(f"the server ended with {self.server.returncode} at its start:\n{self.log_tail()}")
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise ServiceError(f"the server was not ready within {START_SECONDS} s:\n{self.log_tail()}")

    def log_text(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def log_tail(self):
        return "".join(self.log_text().splitlines(True)[-20:])

    def close(self):
        """Stops the server; returns its exit status (negative: the signal)."""
        for connection in self.connections:
            connection.close()
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        return self.server.returncode

    def connection(self):
        if getattr(self.local, "connection", None) is None:
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120 * PATIENCE)
            self.connections.append(self.local.connection)
        return self.local.connection

    def disconnect(self):
        connection = getattr(self.local, "connection", None)
        if connection:
            connection.close()
            self.connections.remove(connection)
            self.local.connection = None

    def ask(self, method, path, body=None):
        """(status, bytes); an OSError where there was no answer. A GET is sent again where the connection had been idle for too long."""
        kept = getattr(self.local, "connection", None) is not None
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection = self.connection()
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.disconnect()
            if kept and method == "GET" and isinstance(error, http.client.RemoteDisconnected):
                return self.ask(method, path, body)
            raise OSError(f"{method} {path}: {error!r}") from error

    def post(self, body):
        """(status, answer) of POST /execute; waits while the service is full."""
        text = json.dumps(body).encode()
        for _ in range(100):
            status, answer = self.ask("POST", "/execute", text)
            if status not in (429, 503):
                break
            time.sleep(0.1)
        return status, json.loads(answer)

    def execute(self, source, tests=({},), **job):
        """The results of a job that must be answered with 200."""
        status, answer = self.post({"language": "python", "source": source, "tests": list(tests), **job})
        if status != 200 or not answer["ok"]:
            raise ServiceError(f"POST /execute answered {status}: {json.dumps(answer)[:600]}\n{self.log_tail() if status >= 500 else ''}")
        return answer["results"]

    def at_once(self, jobs):
        """The results of several jobs (arguments of execute, as dicts) that are asked for at the same time."""
        def one(job):
            try:
                return self.execute(**job)
            finally:
                self.disconnect()

        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(one, jobs))

    # what the host sees

    def sandbox_groups(self):
        """The names of this server's sandboxes that have a control group, in any hierarchy."""
        return {os.path.basename(path) for depth in ("*/", "*/*/", "*/*/*/", "*/*/*/*/", "*/*/*/*/*/", "")
                for path in glob.glob(f"/sys/fs/cgroup/{depth}executor.{self.server.pid}.*/sandbox-*")}

    def processes(self):
        return descendants(self.server.pid)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

    def level(self):
        """What returns to the same figures whenever nothing runs."""
        return {"control groups": len(self.sandbox_groups()), "processes": len(self.processes()),
                "descriptors": self.descriptors()}

    def pool_is_full(self):
        said = re.search(rb"^executor_warm_pool_size (\d+)", self.ask("GET", "/metrics")[1], re.MULTILINE)
        return said is None or int(said[1]) >= self.pool

    def steady_level(self):
        """The level once the pool is full and nothing has moved for half a second."""
        wait_until(self.pool_is_full, SETTLE_SECONDS * 2)
        seen, since = self.level(), time.monotonic()
        deadline = since + SETTLE_SECONDS * 2
        while time.monotonic() < deadline and time.monotonic() - since < 0.5:
            time.sleep(0.05)
            now = self.level()
            if now != seen:
                seen, since = now, time.monotonic()
        return seen


def start(**settings):
    """For setUpModule. Skips in words where this host cannot run the native backend."""
    global service
    must_run.need(os.environ.get("EXECUTOR_BINARY"), "EXECUTOR_BINARY")
    try:
        service = Service(**settings)
    except ServiceError as error:
        if "ended with" in str(error) and not must_run.demanded() and os.geteuid() != 0:
            raise unittest.SkipTest(f"{NO_NAMESPACES}: {error}") from None
        raise
    unittest.addModuleCleanup(stop)


def stop():
    global service
    status, said = service.close(), service.log_tail()
    service = None
    if status != 0:
        raise AssertionError(f"the server ended with {status} after SIGTERM:\n{said[-3000:]}")


def not_above(level, before):
    """Whether nothing is more than it was. Less is no leak: control groups are kept a moment for the next sandbox."""
    return all(level[name] <= before[name] for name in before)


def with_validator():
    """A source that it has not seen: the validator's sandbox, should it have been lost, is there again."""
    service.disconnect()  # the server may have closed it meanwhile
    service.execute(f"print('{uuid.uuid4()}')")


class HostCase(unittest.TestCase):
    """After the last test of each class the host must be as it was before the first, and a benign run right."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with_validator()
        cls.before = service.steady_level()

    @classmethod
    def tearDownClass(cls):
        if service.server.poll() is not None:
            raise AssertionError(f"the server ended with {service.server.returncode}:\n{service.log_tail()}")
        with_validator()
        after = wait_until(lambda: not_above(service.level(), cls.before), SETTLE_SECONDS)
        if not after:
            raise AssertionError(f"the host was {cls.before} and {SETTLE_SECONDS} s after the last test is {service.level()}")
        benign = service.execute("print(6 * 7)", [{"expectedStdout": "42\n"}])[0]
        if benign["verdict"] != "accepted" or benign["stdout"] != "42\n":
            raise AssertionError(f"a benign run after these tests: {benign}")

    def run_program(self, source, job=None, **test):
        """The one result of one program with one test."""
        return service.execute(source, [test], **(job or {}))[0]

    def assert_verdict(self, result, verdict):
        self.assertEqual(result["verdict"], verdict, json.dumps(result)[:1500])

    def assert_prints(self, source, printed, job=None, **test):
        """The program ends well and prints exactly this."""
        result = self.run_program(source, job, **test)
        self.assertEqual((result["stdout"], result["stderr"][-800:], result["verdict"]), (printed, "", "accepted"))
        return result

    def assert_exit(self, source, code, last_line=None, job=None, **test):
        """The program ends by itself with this status, and with this last line on standard error."""
        result = self.run_program(source, job, **test)
        self.assertEqual((result["verdict"], result["exitCode"], result["signal"]), ("runtime_error", code, None),
                         json.dumps(result)[:1500])
        if last_line is not None:
            self.assertEqual(result["stderr"].rstrip("\n").rsplit("\n", 1)[-1], last_line)
        return result

    def named(self, call):
        """How a result names the call that a program was ended for."""
        return call

    def assert_violation(self, source, call, job=None, **test):
        """The program is ended for a call, which the result names."""
        result = self.run_program(source, job, **test)
        self.assert_verdict(result, "security_violation")
        self.assertEqual((result.get("violation"), result["exitCode"]), (self.named(call), None), json.dumps(result)[:1500])
        return result
