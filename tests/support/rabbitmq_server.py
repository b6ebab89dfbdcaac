"""A rabbitmq-server of a test module's own: own node, folders, ports, port mapper; stopped by its own pid.

    rabbit = rabbitmq_server.RabbitServer()
    rabbit.connect().publish(...)                       # amqp.Connection
    rabbit.kill(); rabbit.start()                       # away and back, with all that it had confirmed
    rabbit.close()
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import amqp
import executor_service
import must_run

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
START_SECONDS = 60
STOP_SECONDS = 20


class RabbitServer:
    """`settings`: lines of rabbitmq.conf."""

    def __init__(self, *settings):
        self.folder = tempfile.mkdtemp(prefix="executor-rabbitmq-")
        self.port, self.mapper_port, dist_port = (executor_service.free_port() for _ in range(3))
        self.url = f"amqp://127.0.0.1:{self.port}"
        config = os.path.join(self.folder, "rabbitmq.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("\n".join((f"listeners.tcp.default = 127.0.0.1:{self.port}", "log.console = false", "log.file.level = warning",
                                  "vm_memory_high_watermark.absolute = 1GB", "disk_free_limit.absolute = 1MB", *settings)) + "\n")
        plugins = os.path.join(self.folder, "enabled_plugins")
        with open(plugins, "w", encoding="utf-8") as file:
            file.write("[].\n")
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"executor-{self.port}@localhost", "RABBITMQ_DIST_PORT": str(dist_port), "ERL_EPMD_PORT": str(self.mapper_port),
            "RABBITMQ_MNESIA_BASE": os.path.join(self.folder, "data"), "RABBITMQ_LOG_BASE": os.path.join(self.folder, "log"),
            "RABBITMQ_CONFIG_FILE": config, "RABBITMQ_ENABLED_PLUGINS_FILE": plugins, "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": os.path.join(self.folder, "pid"), "RABBITMQ_GENERATED_CONFIG_DIR": os.path.join(self.folder, "generated"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        }
        self.mapper = self.spawn([shutil.which("epmd"), "-port", str(self.mapper_port), "-address", "127.0.0.1"])
        self.process = None
        self.start()

    def spawn(self, command):
        with open(os.path.join(self.folder, "output"), "ab") as output:
            return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT, preexec_fn=executor_service.end_with_parent, start_new_session=True)

    def start(self):
        self.process = self.spawn([PROGRAM])
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("rabbitmq-server did not start") from None
                time.sleep(0.1)

    def connect(self, port=None):
        return amqp.Connection(port or self.port)

    def signal(self, number):
        """To the server and what it has started: one session of its own."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def control(self, *words):
        subprocess.run([CONTROL, "--quiet", *words], env=self.environment, cwd=self.folder, check=True, timeout=START_SECONDS, capture_output=True)

    def kill(self):
        """Away at once, as with a loss of power."""
        self.signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        self.wait_until_gone()

    def wait_until_gone(self):
        executor_service.wait_until(lambda: not self.listens(), STOP_SECONDS)

    def listens(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.mapper.terminate()
        self.mapper.wait(STOP_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)


def need():
    """For setUpModule."""
    must_run.need(os.path.exists(PROGRAM), "rabbitmq-server")
    must_run.need(shutil.which("epmd"), "epmd")
