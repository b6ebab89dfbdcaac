"""CPU and page faults that starts cost: by control group where we can make one, else by process; and of the host.

What is measured runs in a control group below `executor-bench.<pid>`: daemons, the programs that clients start, and
containers that a daemon puts there. The kernel adds all of it up in nanoseconds, dead processes included. The
clients' own CPU, which is the price of measuring, is taken away again. Beside it stands the CPU of the whole host in
the same time: kernel threads that clean up after namespaces and mounts count only there.
"""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

MOUNTINFO = re.compile(r"^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$", re.MULTILINE)
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
SERVICE_CONTROLLERS = "+cpu +memory +pids"


def read(path):
    return Path(path).read_text(encoding="utf-8", errors="replace")


def hierarchies():
    """(type, mount point, options) of each mounted hierarchy of control groups."""
    return [(match[2], Path(match[1]), match[3].split(",")) for match in MOUNTINFO.finditer(read("/proc/self/mountinfo"))]


class Group:
    """A control group with two below it: `services` for daemons, `clients` for the clients of a block."""

    def __init__(self, accounting, name):
        self.version, self.path = accounting.version, accounting.path / name
        self.parent = f"/{accounting.path.name}/{name}"  # for what takes the name of a parent, such as dockerd
        for path in (self.path, self.path / "services", self.path / "clients"):
            path.mkdir(exist_ok=True)
            if self.version == 2 and path.name != "clients":
                with contextlib.suppress(OSError):
                    (path / "cgroup.subtree_control").write_text(SERVICE_CONTROLLERS)

    def nanoseconds(self):
        if self.version == 1:
            return int(read(self.path / "cpuacct.usage"))
        return int(re.search(r"^usage_usec (\d+)", read(self.path / "cpu.stat"), re.MULTILINE)[1]) * 1000

    def procs(self, kind):
        return str(self.path / kind / "cgroup.procs")


class Accounting:
    """Makes the groups, and takes them away with whatever is left in them."""

    def __init__(self):
        self.mounts = hierarchies()
        self.path, self.version, self.groups = None, 0, {}
        unified = [mount for kind, mount, _ in self.mounts if kind == "cgroup2"]
        v1 = [mount for kind, mount, options in self.mounts if kind == "cgroup" and "cpuacct" in options]
        for version, mount in [(1, mount) for mount in v1] + [(2, mount) for mount in unified]:
            try:
                path = mount / f"executor-bench.{os.getpid()}"
                path.mkdir()
                if version == 2:
                    with contextlib.suppress(OSError):
                        (mount / "cgroup.subtree_control").write_text(SERVICE_CONTROLLERS)
                        (path / "cgroup.subtree_control").write_text(SERVICE_CONTROLLERS)
            except OSError:
                continue
            self.path, self.version = path, version
            return

    @property
    def source(self):
        return f"control group (v{self.version})" if self.path else "processes (no control group could be made)"

    def group(self, name):
        """The group of this name; None where the host gives us none."""
        if self.path and name not in self.groups:
            self.groups[name] = Group(self, name)
        return self.groups.get(name)

    def mount_of(self, controller):
        """Where a controller of version 1 is mounted."""
        return next(mount for kind, mount, options in self.mounts if kind == "cgroup" and controller in options)

    def close(self):
        """Ends what still runs in our groups, and removes them in every hierarchy that a daemon made them in."""
        if not self.path:
            return
        for _ in range(100):
            pids = [int(pid) for procs in self.path.rglob("cgroup.procs") for pid in read(procs).split()]
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        for _, mount, _ in self.mounts:
            root = mount / self.path.name
            for path in sorted(root.rglob("*/"), reverse=True) if root.is_dir() else ():
                with contextlib.suppress(OSError):
                    path.rmdir()
            with contextlib.suppress(OSError):
                root.rmdir()


def tree(pid):
    """`pid` and the processes below it: {pid: fields of /proc/<pid>/stat from the state on}."""
    found, children = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = read(f"/proc/{entry}/stat").rpartition(")")[2].split()
                found[int(entry)] = fields
                children.setdefault(int(fields[1]), []).append(int(entry))
    reached, waiting = {}, [pid]
    while waiting:
        now = waiting.pop()
        if now in found:
            reached[now] = found[now]
            waiting += children.get(now, [])
    return reached


def tree_nanoseconds(pids):
    """CPU of these processes, of those below them, and of all that any of them waited for; in ticks of the clock."""
    return sum(TICK_NS * sum(map(int, fields[11:15])) for pid in pids for fields in tree(pid).values())


def schedstat():
    return sum(int(line.split()[7]) for line in read("/proc/schedstat").splitlines() if line.startswith("cpu"))


def root_cpuacct():
    mount = next(mount for kind, mount, options in hierarchies() if kind == "cgroup" and "cpuacct" in options)
    return int(read(mount / "cpuacct.usage"))


def proc_stat():
    user, nice, system, _, _, irq, softirq = map(int, read("/proc/stat").split("\n", 1)[0].split()[1:8])
    return TICK_NS * (user + nice + system + irq + softirq)


def find_host_clock():
    """(name, function) of the finest count of what anything on this host has used, in nanoseconds."""
    for name, function in (("/proc/schedstat", schedstat), ("cpuacct.usage of the root group", root_cpuacct)):
        with contextlib.suppress(OSError, IndexError, StopIteration, ValueError):
            if function() > 0:
                return name, function
    return "/proc/stat (ticks)", proc_stat


HOST_SOURCE, host_nanoseconds = find_host_clock()


def host_faults():
    return int(re.search(r"^pgfault (\d+)", read("/proc/vmstat"), re.MULTILINE)[1])


class Meter:
    """Between two readings: CPU of a contender, CPU and page faults of the host."""

    def __init__(self, group, daemons):
        self.group, self.daemons = group, daemons
        self.before = self.reading()

    def reading(self):
        contender = self.group.nanoseconds() if self.group else tree_nanoseconds(self.daemons)
        return contender, host_nanoseconds(), host_faults()

    def used(self, results):
        """Since the beginning, without what the clients used for themselves (`results` of clients.run_block)."""
        contender, host, faults = (after - before for before, after in zip(self.before, self.reading()))
        own = sum(result["own_cpu"] for result in results)
        if self.group:
            contender -= own
        else:
            contender += sum(result["children_cpu"] for result in results)
        return {"cpu": max(contender, 0), "host_cpu": max(host - own, 0),
                "faults": max(faults - sum(result["own_faults"] for result in results), 0)}
