"""systemd-nspawn over the rootfs, without registering machines."""

import starters
from contenders.base import Contender, ENVIRONMENT, FLAGS, PROGRAM, PYTHON, first_line, program


class Nspawn(Contender):
    name = "nspawn"
    title = "systemd-nspawn"
    layers = "mount, PID, network, IPC, UTS and cgroup namespaces, read-only root, systemd's seccomp list, reduced capabilities"

    def prepare(self):
        self.path = program("systemd-nspawn")
        self.versions["systemd"] = first_line(self.path, "--version")

    def starter(self):
        return starters.Command(
            [self.path, "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--private-network", "--read-only",
             "--link-journal=no", "--timezone=off", "--resolv-conf=off", "--as-pid2", "--machine=bench{client}",
             f"--directory={self.bench.peer_root()}", PYTHON, *FLAGS, PROGRAM], ENVIRONMENT)
