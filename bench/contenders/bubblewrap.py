"""bubblewrap with all its namespaces over the rootfs."""

import starters
from contenders.base import Contender, ENVIRONMENT, FLAGS, NOBODY, PROGRAM, PYTHON, first_line, program


class Bubblewrap(Contender):
    name = "bubblewrap"
    title = "bubblewrap"
    layers = ("user, mount, PID, network, IPC, UTS and cgroup namespaces, read-only root, no capabilities, uid nobody; no seccomp, "
              "no limits")

    def prepare(self):
        self.path = program("bwrap")
        self.versions["bubblewrap"] = first_line(self.path, "--version")

    def starter(self):
        return starters.Command(
            [self.path, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", NOBODY,
             "--gid", NOBODY, "--ro-bind", self.bench.peer_root(), "/", "--tmpfs", "/tmp", "--", PYTHON, *FLAGS, PROGRAM], ENVIRONMENT)
