"""What the modes share: the root of the project, a directory, control groups and client processes; all gone at the end."""

import contextlib
import datetime
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import clients
import cpu
import peer_root
from contenders.base import Missing

ROOT = Path(__file__).resolve().parents[1]


def default_binary():
    return Path(os.environ.get("EXECUTOR_BINARY") or ROOT / "build/release/executor")


def default_rootfs():
    return Path(os.environ.get("EXECUTOR_ROOTFS_DIR") or ROOT / "build/rootfs") / "python"


class Bench(contextlib.ExitStack):
    def __init__(self, most_clients, binary=None):
        super().__init__()
        self.most_clients = most_clients
        self.binary = Path(binary or default_binary()).resolve()
        self.rootfs = default_rootfs().resolve()
        self.things = {}
        self.clients = clients.Clients(most_clients)  # first: they are forked from a process that has nothing yet
        self.temporary = Path(tempfile.mkdtemp(prefix="executor-bench."))
        self.temporary.chmod(0o711)  # the service gives up root, and has to reach a socket in here
        self.callback(shutil.rmtree, self.temporary, ignore_errors=True)
        self.accounting = cpu.Accounting()
        self.callback(self.accounting.close)
        self.callback(self.clients.close)

    def peer_root(self):
        """Where other sandboxes start their programs; see peer_root.py."""
        if not self.rootfs.is_dir():
            raise Missing("there is no rootfs; executor rootfs build makes it")
        return self.shared("peer root", lambda: peer_root.PeerRoot(self.rootfs, self.temporary / "root")).path

    def shared(self, name, make):
        """One thing for several contenders, closed with the bench. Where it is missing, it is missing for all."""
        if name not in self.things:
            try:
                self.things[name] = make()
                self.callback(self.things[name].close)
            except Missing as error:
                self.things[name] = error
        if isinstance(self.things[name], Missing):
            raise self.things[name]
        return self.things[name]


def processor():
    for line in cpu.read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def distribution():
    for line in cpu.read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "unknown"


def commit():
    """The project's commit, with + where files differ from it; None outside a repository."""
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout.strip()
    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno", "src", "include") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def machine():
    memory = int(cpu.read("/proc/meminfo").split("\n", 1)[0].split()[1])
    kinds = sorted({kind for kind, _, _ in cpu.hierarchies()})
    return {
        "name": platform.node(), "processor": processor(), "cpus": os.cpu_count(), "memory_mib": memory >> 10,
        "kernel": platform.release(), "distribution": distribution(),
        "cgroups": "v2" if kinds == ["cgroup2"] else "v1 and v2" if len(kinds) == 2 else "v1", "commit": commit(),
        "load_before": os.getloadavg()[0], "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
