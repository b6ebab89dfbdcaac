"""What every way to start a program has in common.

    prepare()   looks whether this host has it, and starts what it needs; raises Missing with the reason where not
    starter()   what a client process repeats (starters.py); after prepare()
    close()     stops and removes what prepare() made; also after a prepare() that failed
"""

import contextlib
import shutil
import subprocess

PYTHON = "/usr/bin/python3"
FLAGS = ("-I", "-S", "-c")
PROGRAM = "print(6*7)"
MEMORY_BYTES = 256 << 20
PROCESSES = 64
NOBODY = 65534
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Missing(Exception):
    """This host cannot run the contender. The text is the reason, as the report shows it."""


def program(name):
    """The path of a program of this host."""
    path = shutil.which(name, path=ENVIRONMENT["PATH"])
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def first_line(*command):
    """What a program says of its version."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return lines[0].strip() if lines else f"status {done.returncode}"


class Contender:
    name = ""
    title = ""
    layers = ""     # what stands between the program and the host, in words
    shared_group = None
    daemons = ()    # pids whose CPU counts, where there is no control group

    def __init__(self, bench):
        self.bench = bench
        self.cleanup = contextlib.ExitStack()
        self.versions = {}
        self.group_name = self.shared_group or self.name  # the control group in which its CPU is counted

    @property
    def group(self):
        return self.bench.accounting.group(self.group_name)

    def prepare(self):
        """Starts nothing by itself."""

    def starter(self):
        raise NotImplementedError

    def close(self):
        self.cleanup.close()

    def folder(self, name):
        """A directory of the contender's own, gone with the bench's."""
        path = self.bench.temporary / f"{self.name}-{name}"
        path.mkdir()
        return path
