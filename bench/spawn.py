"""Starts a program and takes its output, with as little of our own on the way as Python allows.

os.posix_spawn is glibc's posix_spawn: clone with CLONE_VM and CLONE_VFORK, so that nothing of this process is copied
and its size does not count, then exec. A start is measured from before that call until the program was reaped.
"""

import os
import select
import signal

TIMEOUT_MS = 120_000
READ_SIZE = 65536


class Timeout(Exception):
    """The program had not ended after TIMEOUT_MS, and was killed."""


def run(argv, environment, stdin, stderr):
    """(what it wrote to standard output, wait status); stdin and stderr are descriptors."""
    reader, writer = os.pipe()  # close-on-exec, like every descriptor that Python makes
    try:
        pid = os.posix_spawn(argv[0], argv, environment, setsigdef=(signal.SIGPIPE,), file_actions=(
            (os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, stderr, 2)))
        os.close(writer)
        writer = -1
        try:
            output = read_all(reader, argv)
        except Timeout:
            os.kill(pid, signal.SIGKILL)
            raise
        finally:
            status = os.waitpid(pid, 0)[1]
        return output, status
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)


def read_all(reader, argv):
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    parts = []
    while True:
        if not poll.poll(TIMEOUT_MS):
            raise Timeout(f"{argv[0]} had not ended after {TIMEOUT_MS // 1000} s")
        part = os.read(reader, READ_SIZE)
        if not part:
            return b"".join(parts)
        parts.append(part)
