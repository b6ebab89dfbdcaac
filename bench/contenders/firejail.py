"""firejail over the host's own root, with a private home."""

import starters
from contenders.base import Contender, ENVIRONMENT, FLAGS, PROGRAM, PYTHON, first_line, program


class Firejail(Contender):
    name = "firejail"
    title = "firejail"
    layers = "mount, PID, network, IPC and UTS namespaces, private home, its seccomp list, no capabilities; the host's root"

    def prepare(self):
        self.path = program("firejail")
        self.versions["firejail"] = first_line(self.path, "--version")

    def starter(self):
        return starters.Command(
            [self.path, "--quiet", "--noprofile", "--private", "--net=none", "--ipc-namespace", "--caps.drop=all", "--seccomp",
             "--nonewprivs", "--nogroups", "--nosound", "--deterministic-exit-code", "--", PYTHON, *FLAGS, PROGRAM],
            ENVIRONMENT | {"HOME": str(self.bench.temporary)})
