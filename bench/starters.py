"""What a client process repeats: one start and the check of its answer. Picklable; open() is called in the client.

    answer = starter.start()       # timed
    told = starter.check(answer)   # not timed; raises WrongAnswer; milliseconds that the service itself tells, or None
"""

import os
import re
import tempfile

import http_client
import mounts
import spawn

ANSWER = b"42\n"


class WrongAnswer(Exception):
    """A start that did not print what the program prints: no figure of this contender counts."""


class NotStarted(WrongAnswer):
    """A command that failed and printed nothing. In the first try: this host cannot run it."""


class Command:
    """A command line for each start. {client} and {start} in its words are replaced by numbers."""

    def __init__(self, argv, environment, v1_only=False):
        self.argv = [str(word) for word in argv]
        self.environment, self.v1_only = environment, v1_only
        self.numbered = any("{client}" in word or "{start}" in word for word in self.argv)

    def open(self, client):
        self.client, self.starts = client, 0
        self.stdin = os.open(os.devnull, os.O_RDONLY)
        self.stderr = tempfile.TemporaryFile(buffering=0)
        self.home = mounts.leave_unified() if self.v1_only else None

    def start(self):
        argv = self.argv
        if self.numbered:
            self.starts += 1
            argv = [word.replace("{client}", str(self.client)).replace("{start}", str(self.starts)) for word in argv]
        return spawn.run(argv, self.environment, self.stdin, self.stderr.fileno())

    def check(self, answer):
        output, status = answer
        if output != ANSWER or status != 0:
            self.stderr.seek(0)
            said = self.stderr.read().decode("utf-8", "replace").split()
            kind = NotStarted if status != 0 and not output else WrongAnswer
            raise kind(f"printed {output[:200]!r}, status {os.waitstatus_to_exitcode(status)}; "
                       f"{' '.join(said)[-500:] or 'no message'}")

    def close(self):
        mounts.come_back(self.home)
        os.close(self.stdin)
        self.stderr.close()


class Http:
    """The same request for each start, over one connection."""

    def __init__(self, port, path, body, right, told=None):
        self.port, self.right, self.told = port, re.compile(right), told and re.compile(told)
        self.request = http_client.request_bytes(path, body)

    def open(self, client):
        self.connection = http_client.Connection(self.port)

    def start(self):
        return self.connection.ask(self.request)

    def check(self, answer):
        status, body = answer
        if status != 200 or not self.right.search(body):
            raise WrongAnswer(f"answered {status}: {body[:600].decode('utf-8', 'replace')}")
        told = self.told and self.told.search(body)
        return float(told[1]) if told else None

    def close(self):
        self.connection.close()


class NumberedHttp(Http):
    """A request of its own for each start: the marker in the body is overwritten by a number of the same length."""

    MARK = b"0" * 16

    def open(self, client):
        super().open(client)
        self.before, self.after = self.request.split(self.MARK)
        self.number = int.from_bytes(os.urandom(5), "big") << 8

    def start(self):
        self.number += 1
        return self.connection.ask(b"%b%016x%b" % (self.before, self.number, self.after))
