"""OCI runtimes by themselves, with a bundle made of the rootfs: crun, runc, and gVisor's runsc."""

import json

import starters
from contenders.base import (Contender, ENVIRONMENT, FLAGS, MEMORY_BYTES, NOBODY, PROCESSES, PROGRAM, PYTHON, first_line,
                             program)

# A short list: what it costs to load a filter and to run under one is the point here, not what it refuses.
REFUSED = ["add_key", "bpf", "delete_module", "finit_module", "init_module", "io_uring_setup", "kexec_load", "keyctl", "mount",
           "open_by_handle_at", "perf_event_open", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "reboot",
           "request_key", "setns", "swapoff", "swapon", "umount2", "unshare", "userfaultfd"]


def configuration(rootfs, group, seccomp):
    """config.json as `docker run` would come to it with memory and process limits and no network."""
    resources = {"memory": {"limit": MEMORY_BYTES}, "pids": {"limit": PROCESSES}, "cpu": {"quota": 100000, "period": 100000}}
    linux = {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")], "resources": resources}
    if group:
        linux["cgroupsPath"] = group
    if seccomp:
        linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                            "syscalls": [{"names": REFUSED, "action": "SCMP_ACT_ERRNO"}]}
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": "bench",
        "process": {"user": {"uid": NOBODY, "gid": NOBODY}, "cwd": "/", "args": [PYTHON, *FLAGS, PROGRAM],
                    "env": ["PATH=/usr/bin"], "noNewPrivileges": True, "capabilities": {},
                    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 256, "soft": 256}]},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
                   {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                    "options": ["nosuid", "nodev", "noexec", "size=16m"]}],
        "linux": linux,
    }


class Oci(Contender):
    layers = ("mount, PID, network, IPC and UTS namespaces, pivot_root to a read-only root, short seccomp list, no capabilities, "
              "no_new_privs, cgroup limits, uid nobody")
    runtime = ""
    options = ()
    seccomp = True
    v1_only = False  # whether it refuses hybrid hosts; see mounts.py

    def prepare(self):
        self.path = program(self.runtime)
        self.versions[self.runtime] = first_line(self.path, "--version")
        self.state = self.folder("state")
        self.bundles = self.folder("bundles")
        for client in range(self.bench.most_clients):
            bundle = self.bundles / str(client)
            bundle.mkdir()
            group = f"{self.group.parent}/run-{client}" if self.group else None
            (bundle / "config.json").write_text(json.dumps(configuration(self.bench.peer_root(), group, self.seccomp)))

    def starter(self):
        return starters.Command([self.path, "--root", self.state, *self.options, "run", "--bundle", f"{self.bundles}/{{client}}",
                                 "bench-{client}-{start}"], ENVIRONMENT, self.v1_only)


class Crun(Oci):
    name = title = runtime = "crun"
    v1_only = True


class Runc(Oci):
    name = title = runtime = "runc"


class Gvisor(Oci):
    name = "gvisor"
    title = "gVisor, runsc run"
    layers = "a kernel of its own in user space, behind namespaces and seccomp; read-only root, uid nobody"
    runtime = "runsc"
    options = ("--network=none", "--ignore-cgroups")
    seccomp = False
