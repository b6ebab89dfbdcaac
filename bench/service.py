"""A server of this project that belongs to the bench."""

import ctypes
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

START_SECONDS = 60
STOP_SECONDS = 30
PR_SET_PDEATHSIG = 1
OURS = ("EXECUTOR_", "LOG_", "DOCKER_", "MAX_", "SENTRY_", "NOTIFY_")


class ServiceError(Exception):
    """The server did not start. The text says why."""


def in_group(group):
    """For a daemon between fork and exec: it ends with the bench, and its CPU is counted in `group`."""
    def prepare():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if group:
            with open(group.procs("services"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
    return prepare


def stop(process):
    """The exit status of a daemon that was started here."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def wait_for(condition, process, seconds, said):
    """condition() once it is true; a daemon that ends or takes too long is an error, with `said()` in its text."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if process.poll() is not None:
            raise ServiceError(f"{process.args[0]} ended with {process.returncode} at its start: {said()}")
        if time.monotonic() > deadline:
            raise ServiceError(f"{process.args[0]} was not ready within {seconds} s: {said()}")
        time.sleep(0.02)
    return value


def start_redis(server, client, folder, group=None):
    """A redis-server that keeps nothing, on a Unix socket in `folder`: its process, and the settings of a service that is to use it."""
    folder.chmod(0o755)  # the service has given up root
    socket = folder / "socket"
    redis = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "777", "--save", "", "--appendonly", "no",
         "--dir", folder, "--logfile", folder / "log"],
        stdin=subprocess.DEVNULL, preexec_fn=in_group(group))
    ping = [client, "-s", socket, "ping"]
    try:
        wait_for(lambda: subprocess.run(ping, capture_output=True, check=False).stdout == b"PONG\n", redis, 10,
                 lambda: (folder / "log").read_text()[-800:])
    except BaseException:
        stop(redis)
        raise
    return redis, {"EXECUTOR_QUEUE": "redis", "EXECUTOR_REDIS_URL": f"unix://{socket}"}


class Service:
    """`executor serve` on a free port, with the settings of a fresh installation but for those given here."""

    def __init__(self, binary, rootfs, group=None, **settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment |= {"EXECUTOR_PORT": "0", "EXECUTOR_HOST": "127.0.0.1", "EXECUTOR_QUEUE": "embedded",
                        "EXECUTOR_BACKEND": "native", "EXECUTOR_ROOTFS_DIR": str(rootfs.parent),
                        "LOG_TO_FILE": "false", **settings}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(binary), "serve"], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT, preexec_fn=in_group(group))
        try:
            self.port = int(wait_for(self.listening, self.process, START_SECONDS, self.said)[1])
            wait_for(self.ready, self.process, START_SECONDS, self.said)
        except BaseException:
            self.close()
            raise

    def listening(self):
        return re.search(rb'"server_listening".*?"port":(\d+)', self.log_bytes())

    def ready(self):
        try:
            return self.get("/ready")
        except OSError:
            return None

    def log_bytes(self):
        # pread: the server's descriptor shares the file's position
        return os.pread(self.log.fileno(), 1 << 20, 0)

    def said(self):
        return self.log_bytes()[-800:].decode("utf-8", "replace")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def post(self, body):
        """The answer to one job, for those who need no speed."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/execute", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def metrics(self):
        """{name with labels: value} of /metrics."""
        lines = (line.rpartition(" ") for line in self.get("/metrics").splitlines() if line and line[0] != "#")
        return {name: float(value) for name, _, value in lines}

    def close(self):
        return stop(self.process)
