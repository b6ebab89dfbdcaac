"""nsjail over the rootfs: with namespaces and rlimits, and with cgroup limits and a seccomp policy as well."""

import starters
from contenders.base import (Contender, ENVIRONMENT, FLAGS, MEMORY_BYTES, NOBODY, PROCESSES, PROGRAM, PYTHON, Missing, first_line,
                             program)

POLICY = "ERRNO(1) { ptrace, bpf, keyctl, mount, umount2, unshare, setns, perf_event_open, userfaultfd } DEFAULT ALLOW"


class Nsjail(Contender):
    name = "nsjail"
    title = "nsjail"
    layers = "all seven namespaces, read-only root, rlimits, no capabilities, uid nobody"
    limits = ()

    def prepare(self):
        self.path = program("nsjail")
        self.versions["nsjail"] = self.path

    def starter(self):
        return starters.Command(
            [self.path, "-Mo", "--really_quiet", "--chroot", self.bench.peer_root(), "--user", NOBODY, "--group", NOBODY,
             "--disable_proc", "--tmpfsmount", "/tmp", "--time_limit", 10, *self.limits, "--", PYTHON, *FLAGS, PROGRAM], ENVIRONMENT)


class NsjailFull(Nsjail):
    name = "nsjail-full"
    title = "nsjail with cgroup and seccomp"
    layers = Nsjail.layers + "; cgroup limits, short seccomp list"

    def prepare(self):
        super().prepare()
        limits = ["--cgroup_mem_max", MEMORY_BYTES, "--cgroup_pids_max", PROCESSES, "--seccomp_string", POLICY]
        if not self.group:
            raise Missing("no control group could be made")
        if self.group.version == 2:
            limits += ["--use_cgroupv2", "--cgroupv2_mount", self.group.path]
        for kind, controller in (("mem", "memory"), ("pids", "pids")) if self.group.version == 1 else ():
            mount = self.bench.accounting.mount_of(controller)
            parent = f"{self.group.parent}/run".lstrip("/")
            (mount / parent).mkdir(parents=True, exist_ok=True)
            limits += [f"--cgroup_{kind}_mount", mount, f"--cgroup_{kind}_parent", parent]
        self.limits = limits
