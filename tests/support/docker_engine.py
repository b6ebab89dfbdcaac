"""A Docker engine of a test's own: dockerd without network, in a folder of its own, stopped by its own pid.

    engine = docker_engine.DockerEngine()
    engine.import_root("/path/to/rootfs", "executor-python:test")
    engine.containers()                                # ids of all containers that the engine knows
    engine.kill(); engine.start()                      # away and back
    engine.close()
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import executor_service
import must_run

START_SECONDS = 60
STOP_SECONDS = 30
IMAGE = "executor-python:test"
JAVASCRIPT_IMAGE = "executor-javascript:test"


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class DockerEngine:
    def __init__(self, disk_bytes=0):
        """`disk_bytes`: its data have a file system of that size; 0: the host's."""
        self.folder = tempfile.mkdtemp(prefix="executor-docker-")
        os.chmod(self.folder, 0o755)  # the service is another user
        self.data = os.path.join(self.folder, "data")
        if disk_bytes:
            os.mkdir(self.data)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk_bytes}", "executor-docker", self.data], check=True)
        self.path = os.path.join(self.folder, "docker.sock")
        self.process = None
        self.start()

    def start(self):
        folder = self.folder
        with open(os.path.join(folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--iptables=false", "--bridge=none", "--host", f"unix://{self.path}", "--data-root", self.data,
                 "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid", "--log-level", "warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=executor_service.end_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log_tail()
                self.close()
                raise RuntimeError(f"dockerd did not start:\n{said}")
            time.sleep(0.05)

    def log_tail(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def answers(self):
        try:
            return self.ask("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def ask(self, method, target, body=None, kind="application/json"):
        """(status, bytes) of one request."""
        connection = Connection(self.path)
        try:
            connection.request(method, target, body, {"Content-Type": kind} if body is not None else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def import_root(self, root, image=IMAGE, changes=()):
        """Makes an image of a directory, as `docker import` does."""
        name, tag = image.split(":")
        with subprocess.Popen(["tar", "-C", root, "-cf", "-", "."], stdout=subprocess.PIPE) as tar:
            query = "".join(f"&changes={change}" for change in changes)
            status, said = self.ask("POST", f"/images/create?fromSrc=-&repo={name}&tag={tag}{query}", tar.stdout, "application/x-tar")
        if status != 200 or tar.returncode != 0:
            raise RuntimeError(f"import: {status} {said!r}")

    def containers(self):
        """{id: labels} of all containers, whatever their state."""
        return {item["Id"]: item["Labels"] for item in json.loads(self.ask("GET", "/containers/json?all=1")[1])}

    def running(self):
        """Ids of the containers that run."""
        return [item["Id"] for item in json.loads(self.ask("GET", "/containers/json")[1])]

    def inspect(self, container):
        return json.loads(self.ask("GET", f"/containers/{container}/json")[1])

    def kill(self):
        """Away at once; its containers live on. A next one must not wait for the containerd that went along."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        os.unlink(os.path.join(self.folder, "exec/containerd/containerd.pid"))

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.resume()
            for container in self.containers() if self.answers() else ():
                self.ask("DELETE", f"/containers/{container}?force=1&v=1")
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
        self.end_helpers()
        self.unmount()
        shutil.rmtree(self.folder)

    def unmount(self):
        """dockerd mounts its data directory on itself, and leaves that."""
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            places = [line.split()[4] for line in file]
        for place in reversed(places):
            if place.startswith(self.folder + "/"):
                subprocess.run(["umount", "--lazy", place], check=True)

    def end_helpers(self):
        """What a killed dockerd left: its containerd and the shims, known by this folder in their arguments."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.folder.encode() + b"/exec" in file.read():
                        os.kill(int(pid), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass


def rootfs(runtime="python"):
    """The root of a runtime that the executable under test would use."""
    folder = os.environ.get("EXECUTOR_ROOTFS_DIR")
    binary = os.path.dirname(os.path.abspath(os.environ["EXECUTOR_BINARY"]))
    return os.path.join(folder or os.path.join(os.path.dirname(binary), "rootfs"), runtime)


def need():
    """For setUpModule."""
    must_run.need(shutil.which("dockerd"), "dockerd (package docker.io)")
    must_run.need(os.geteuid() == 0, "root, which dockerd needs")
    must_run.need(os.path.exists(rootfs()), "the Python root (executor rootfs build)")


def settings(engine, javascript="none"):
    """For executor_service.Service."""
    return {"EXECUTOR_BACKEND": "docker", "DOCKER_SOCKET_PATH": engine.path, "EXECUTOR_DOCKER_IMAGE": IMAGE,
            "EXECUTOR_DOCKER_IMAGE_JAVASCRIPT": javascript}
