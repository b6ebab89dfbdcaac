"""isolate: `--run` in boxes that were initialised ahead, one for each client, and are used again and again."""

import subprocess

import starters
from contenders.base import Contender, ENVIRONMENT, FLAGS, MEMORY_BYTES, PROCESSES, PROGRAM, PYTHON, Missing, first_line, program

BOX = "90{client}"


class Isolate(Contender):
    name = "isolate"
    title = "isolate, box made ahead and used again"
    layers = "mount, PID, network and IPC namespaces, read-only root, rlimits, uid of the box; no seccomp, no cgroup"

    def prepare(self):
        self.path = program("isolate")
        self.versions["isolate"] = first_line(self.path, "--version")
        for client in range(self.bench.most_clients):
            box = ["--box-id", BOX.format(client=client)]
            done = subprocess.run([self.path, *box, "--init"], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Missing(f"isolate --init: {done.stderr.strip()}")
            self.cleanup.callback(subprocess.run, [self.path, *box, "--cleanup"], capture_output=True, check=False)

    def starter(self):
        usr = self.bench.peer_root() / "usr"
        return starters.Command(
            [self.path, "--box-id", BOX, "--silent", "--no-default-dirs", f"--dir=/usr={usr}",
             f"--dir=/lib={usr / 'lib'}", f"--dir=/lib64={usr / 'lib64'}", "--dir=/box=./box:rw", f"--mem={MEMORY_BYTES >> 10}",
             f"--processes={PROCESSES}", "--wall-time=10", "--run", "--", PYTHON, *FLAGS, PROGRAM], ENVIRONMENT)
