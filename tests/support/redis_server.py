"""A redis-server of a test's own, in a folder of its own, on a Unix socket; stopped by its own pid.

    redis = redis_server.RedisServer()
    redis.cli("LPUSH", "executor:tasks", "...")         # what redis-cli prints, as text
    redis.kill(); redis.start()                         # away and back, with all that it had been given
    redis.close()
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import executor_service
import must_run

START_SECONDS = 20 * executor_service.PATIENCE
STOP_SECONDS = 10 * executor_service.PATIENCE


class RedisServer:
    """Unless it is not `durable`, every write is on disk before it is answered, so that a kill loses nothing."""

    def __init__(self, started=True, durable=True):
        self.durable = durable
        self.folder = tempfile.mkdtemp(prefix="executor-redis-")
        os.chmod(self.folder, 0o755)  # the service is another user
        self.path = os.path.join(self.folder, "socket")
        self.url = f"unix://{self.path}"
        self.process = None
        if started:
            self.start()

    def start(self):
        settings = {"port": "0", "unixsocket": self.path, "unixsocketperm": "777", "dir": self.folder, "save": "",
                    "appendonly": "yes" if self.durable else "no", "appendfsync": "always", "daemonize": "no", "logfile": "redis.log"}
        arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen(["redis-server", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=executor_service.end_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while self.run("PING").stdout.strip() != "PONG":
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.02)

    def run(self, *words):
        return subprocess.run(["redis-cli", "-s", self.path, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)

    def cli(self, *words):
        """What redis-cli prints for this command, without the end of the line."""
        done = self.run(*words)
        if done.returncode != 0:
            raise RuntimeError(f"redis-cli {words[0]}: {done.stdout}{done.stderr}")
        return done.stdout.removesuffix("\n")

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """Away at once, as with a loss of power."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        if os.path.exists(self.path):
            os.unlink(self.path)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.resume()
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)


def need():
    """For setUpModule."""
    for program in ("redis-server", "redis-cli"):
        must_run.need(shutil.which(program), program)
