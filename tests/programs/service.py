"""Runs a program by the service: a server of our own on a free port, asked over keep-alive HTTP.

What JSON cannot carry (input that is not UTF-8) goes through `executor run` instead.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from programs import Outcome, Refusal

START_SECONDS = 60
STOP_SECONDS = 20
ENDED_BY_OTHERS = {"wall_time_limit", "cpu_time_limit", "memory_limit", "output_limit", "security_violation", "skipped"}


class ServiceError(Exception):
    """The service did not answer as its contract says; nothing is known about the program."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(port, warm_pool):
    chosen = {
        "EXECUTOR_PORT": str(port),
        "EXECUTOR_HOST": "127.0.0.1",
        "EXECUTOR_QUEUE": "embedded",
        "EXECUTOR_BACKEND": "native",
        "EXECUTOR_VALIDATION": "off",
        "EXECUTOR_ALLOWED_MODULES": '["*"]',
        "EXECUTOR_ALLOWED_BUILTINS": '["*"]',
        "EXECUTOR_TIMEOUT": "10",
        "LOG_TO_FILE": "false",
    }
    if warm_pool is not None:
        chosen["EXECUTOR_WARM_POOL"] = str(warm_pool)
    return {**os.environ, **chosen}


def outcome_of(result):
    status = f"signal {result['signal']}" if result.get("signal") else f"exit {result['exitCode']}"
    if result.get("verdict") in ENDED_BY_OTHERS:
        status += f" ({result['verdict']})"
    return Outcome(result["stdout"].encode(), result["stderr"].encode(), status)


def refusal_of(answer):
    """The syntax error for which a source was refused; any other refusal is a ServiceError."""
    error = answer.get("error", {})
    violations = error.get("violations", [])
    if not violations or any(v.get("rule") != "syntax" for v in violations):
        raise ServiceError(f"refused: {json.dumps(error)[:500]}")
    first = violations[0]
    return Outcome(b"", b"", "refused", Refusal(first["line"], first["message"]))


class Service:
    """Starts the server, stops it, and runs programs. One connection for each process that uses it."""

    def __init__(self, binary, warm_pool=None):
        self.binary = binary
        self.port = free_port()
        self.environment = settings(self.port, warm_pool)
        self.connection = None
        self.log = tempfile.TemporaryFile()
        self.server = subprocess.Popen(
            [binary, "serve", "--queue", "embedded"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
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
                status, _ = self.ask("GET", "/ready")
                if status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise ServiceError(f"the server was not ready within {START_SECONDS} s:\n{self.log_tail()}")

    def log_tail(self):
        self.log.seek(0)
        return "".join(self.log.read().decode("utf-8", "replace").splitlines(True)[-20:])

    def close(self):
        """Stops the server; returns its exit status (negative: the signal)."""
        self.disconnect()
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        return self.server.returncode

    def disconnect(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def ask(self, method, path, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.disconnect()
            raise OSError(f"{method} {path}: {error!r}") from error

    def run(self, program):
        return self.run_over_http(program) if program.fits_json() else self.run_by_command(program)

    def run_over_http(self, program):
        test = {"stdin": program.stdin.decode(), "args": list(program.args)}
        body = json.dumps({"language": "python", "source": program.source.decode(), "tests": [test]})
        for _ in range(20):
            status, text = self.ask("POST", "/execute", body.encode())
            if status != 503:
                break
            time.sleep(0.1)
        answer = json.loads(text)
        if status == 200:
            return outcome_of(answer["results"][0])
        if status == 400:
            return refusal_of(answer)
        raise ServiceError(f"POST /execute answered {status}: {text[:500]!r}")

    def run_by_command(self, program):
        with tempfile.TemporaryDirectory(prefix="fidelity-") as folder:
            main, stdin = Path(folder, "main.py"), Path(folder, "stdin")
            main.write_bytes(program.source)
            stdin.write_bytes(program.stdin)
            args = [f"--arg={argument}" for argument in program.args]
            command = [self.binary, "run", str(main), "--json", "--stdin", str(stdin), *args]
            done = subprocess.run(command, env=self.environment, capture_output=True, timeout=60)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise ServiceError(f"executor run, exit {done.returncode}: {done.stdout[:300]!r} {done.stderr[:300]!r}") from None
        if "error" in answer:
            return refusal_of(answer)
        return outcome_of(answer["results"][0] if "results" in answer else answer)
