"""What the end-to-end tests share: HTTP byte by byte, metrics read strictly, processes by what they are.

Nothing here starts or stops anything; executor_service does.
"""

import json
import os
import re
import socket

import executor_service

ANSWER_SECONDS = 30 * executor_service.PATIENCE
HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")
SAMPLE = {
    "language": "python",
    "source": "n = int(input())\nprint(n * 2)",
    "tests": [{"stdin": "5\n", "expectedStdout": "10\n"},
              {"stdin": "2\n", "timeoutMs": 1500, "expectedStdout": "4\n"}],
}

# A program shows that it runs by the name that it gives itself.
NAMED = "import ctypes, time\nctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)\n"


class Raw:
    """One connection to the server, and the bytes that go over it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self.input = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.input.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def response(self):
        """(status, headers by their names in small letters, body); None where the connection ended."""
        line = self.input.readline()
        if not line:
            return None
        headers = {}
        while (field := self.input.readline().rstrip(b"\r\n")):
            name, value = field.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers, self.input.read(int(headers["content-length"]))

    def ended(self):
        """True once the server has closed its side and sent nothing before that."""
        return self.input.read(1) == b""


def post_bytes(body, path="/execute", headers=""):
    """The bytes of one request with a JSON body (bytes, or what becomes JSON)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def ask_raw(port, request):
    """One request on a connection of its own. A server that has refused it need not read all of it."""
    with Raw(port) as connection:
        try:
            connection.send(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what it said before it closed can still be read
        return connection.response()


def metric_families(text):
    """{name: (type, {sample's name and labels as written: value})}; ValueError where it is not Prometheus text."""
    families, described = {}, set()
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP (\w+) \S.*", line):
            described.add(match[1])
        elif match := re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram)", line):
            families[match[1]] = (match[2], {})
        elif match := re.fullmatch(r"((\w+)(?:\{(?:\w+=\"[^\"\\\n]*\",?)*\})?) (\S+)", line):
            name = match[2]
            if name not in families:
                name = next(name.removesuffix(part) for part in HISTOGRAM_PARTS
                            if families.get(name.removesuffix(part), [""])[0] == "histogram")
            families[name][1][match[1]] = float(match[3])
        else:
            raise ValueError(f"not Prometheus text: {line!r}")
    if described != set(families):
        raise ValueError(f"without HELP or TYPE: {described ^ set(families)}")
    return families


def metrics(service):
    """{sample's name and labels as written: value} of a server."""
    status, text = service.ask("GET", "/metrics")
    if status != 200:
        raise executor_service.ServiceError(f"GET /metrics answered {status}")
    return {sample: value for _, samples in metric_families(text.decode()).values() for sample, value in samples.items()}


def metric(service, sample):
    """One value; 0 where there is no such sample yet."""
    return metrics(service).get(sample, 0)


def named(service, name):
    """The host's pid of the running program that took this name; None while there is none."""
    return next((pid for pid in service.processes() if executor_service.status_of(pid).get("Name") == name), None)


def started_at(pid):
    """What tells a process from a later one of the same pid; None where it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rsplit(b")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in b"ZX" else fields[19]


def alive(processes):
    """Which of these {pid: started_at(pid)} still live."""
    return [pid for pid, start in processes.items() if start is not None and started_at(pid) == start]


def identities(pids):
    return {pid: started_at(pid) for pid in pids}


def place(pid):
    """supervisor, zygote, init, payload, or the name of what stands outside the service's namespaces."""
    status = executor_service.status_of(pid)
    spaces, name = status.get("NSpid", "").split(), status.get("Name", "")
    if len(spaces) == 2:
        return "supervisor" if spaces[1] == "1" else "zygote"
    if len(spaces) == 3:
        return "init" if spaces[2] == "1" else "payload"
    return name


def find(service, wanted):
    return [pid for pid in service.processes() if place(pid) == wanted]


def same_sandbox(service, payload, wanted="init"):
    """The process of this kind in the payload's PID namespace."""
    space = os.readlink(f"/proc/{payload}/ns/pid")
    return next(pid for pid in find(service, wanted) if os.readlink(f"/proc/{pid}/ns/pid") == space)


def group_folders(pid):
    """The control group directories of the service with this pid, in all hierarchies, with all below them."""
    return sorted(folder for folder, _, _ in os.walk("/sys/fs/cgroup") if f"/executor.{pid}." in folder)


def mounts():
    """Mounts of the host that show anything of a root file system; other programs' come and go."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sorted(line.split(" ", 1)[1] for line in file if "rootfs/" in line or "executor/" in line)
