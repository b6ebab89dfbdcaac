"""Bare python3: no sandbox at all. posix_spawn, then the interpreter, then the same program."""

import os

import starters
from contenders.base import Contender, ENVIRONMENT, FLAGS, PROGRAM, PYTHON, Missing, first_line


class Python(Contender):
    name = "python"
    title = "bare python3"
    layers = "none"

    def prepare(self):
        if not os.access(PYTHON, os.X_OK):
            raise Missing(f"{PYTHON} is not installed")
        self.versions["python3"] = first_line(PYTHON, "--version")

    def starter(self):
        return starters.Command([PYTHON, *FLAGS, PROGRAM], ENVIRONMENT)
