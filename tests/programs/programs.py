"""The programs of this folder, and what one run of a program comes to.

A program is <topic>/<name>.py. Beside it may stand
  <name>.in      the bytes of standard input (absent: at end of file at once)
  <name>.in.py   a Python expression whose value is those bytes, for input too big to keep
  <name>.args    the arguments, one a line
"""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Program:
    name: str  # "topic/name"
    source: bytes
    stdin: bytes
    args: tuple

    def fits_json(self):
        """True if its source and input can be sent as JSON strings unchanged."""
        try:
            (self.source + b"\n" + self.stdin).decode()
        except UnicodeDecodeError:
            return False
        return True


@dataclass(frozen=True)
class Refusal:
    """A source that was refused before it ran, as the contract wants it for syntax errors."""

    line: int
    message: str


@dataclass(frozen=True)
class Outcome:
    stdout: bytes
    stderr: bytes
    status: str  # "exit 3", "signal SIGTERM", with the limit that ended it if one did
    refusal: Refusal | None = None


def load(path):
    expression = path.with_suffix(".in.py")
    stdin = path.with_suffix(".in")
    args = path.with_suffix(".args")
    if expression.exists():
        data = eval(expression.read_text(), {})
    else:
        data = stdin.read_bytes() if stdin.exists() else b""
    return Program(
        name=f"{path.parent.name}/{path.stem}",
        source=path.read_bytes(),
        stdin=data,
        args=tuple(args.read_text().splitlines()) if args.exists() else (),
    )


def find(patterns=()):
    """All programs whose name contains one of the patterns (every program without a pattern), in order."""
    paths = sorted(p for p in HERE.glob("*/*.py") if not p.name.endswith(".in.py") and p.parent.name != "__pycache__")
    programs = [load(path) for path in paths]
    return [p for p in programs if not patterns or any(pattern in p.name for pattern in patterns)]


def tolerated():
    """Names in differences.txt with their reasons ("topic/name: reason", # begins a comment)."""
    reasons = {}
    for line in (HERE / "differences.txt").read_text().splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            name, colon, reason = line.partition(": ")
            if not colon or not reason.strip():
                raise ValueError(f"differences.txt: no reason given: {line!r}")
            reasons[name] = reason.strip()
    return reasons


def comparable(data):
    """Output as it can be compared.

    A JSON string holds U+FFFD for what is not UTF-8 (a run of them counts as one), and an address ("<function f at
    0x7f59…>", as "Exception ignored in" prints it) is another one in every process, under python3 as well.
    """
    text = re.sub("\ufffd+", "\ufffd", data.decode("utf-8", "replace"))
    return re.sub(r"\b0x[0-9a-f]{6,16}\b", "0xADDRESS", text)


def syntax_refusal(outcome):
    """The refusal that tells the same as this outcome of a program with a syntax error, or None."""
    text = outcome.stderr.decode("utf-8", "replace").rstrip("\n")
    lines = re.findall(r'^  File "/tmp/main\.py", line (\d+)', text, re.M)
    error = re.fullmatch(r"(?:SyntaxError|IndentationError|TabError): (.*)", text.splitlines()[-1] if text else "")
    if outcome.stdout or outcome.status != "exit 1" or not error:
        return None
    return Refusal(int(lines[-1]) if lines else 0, error[1])
