"""The source policy: holds programs against allowlists, by the syntax tree that CPython itself makes of them.

It runs in a sandbox of its own, since it is fed what strangers write, and lives for many programs. Frames go both
ways: a length of four bytes, most significant first, and that many bytes of JSON. The first frame in is the
configuration {"mode": "on"|"off", "modules": [...], "builtins": [...]|null}, answered by {"ready": true}; each one
after it is {"source": text}, answered by {"compileError": bool, "violations": [{line, column, rule, message}]}.

This is a policy for users, not a wall: the sandbox holds whatever passes here. It is still meant to fail closed. A node
type that is not listed is a violation; so is a name that reaches files, code or frames, wherever it stands, unless the
program certainly means something of its own by it. Names are looked at in the tree, where Python has already folded
look-alike letters and decoded escapes. Nothing here recurses over the tree.

Rules: syntax (does not compile), module (imports, and modules within modules), builtin, attribute, name (names with
double underscores), format (attributes named in format strings), node (unknown syntax), parser (could not be checked).
A list ["*"] allows all: of modules, it ends the rule `module`; of builtins, it ends `builtin`, `attribute`, `name` and
`format`, none of which means anything once a program may call eval.
"""

import ast
import gc
import io
import json
import re
import struct
import sys
import tokenize
import warnings

from check import *

MAX_VIOLATIONS = 100
MAX_FRAME = 64 << 20

# Some errors show only when the tree is compiled ("return" outside of a function). The compiler's time grows with the
# square of the number of functions and of constants that share a hash (29,000 lambdas: 37 s of CPU time on CPython 3.11),
# so what is larger is left to the run itself.
COMPILED_SIZE = 64 << 10
COMPILED_SCOPES = 1000


# -- answers

def finding(line, column, rule, message):
    return {"line": line, "column": column, "rule": rule, "message": message.encode("utf-8", "replace").decode()}


def syntax_error(error):
    if isinstance(error, SyntaxError):
        line, column, message = error.lineno or 0, error.offset or 0, error.msg or "invalid syntax"
    elif isinstance(error, (MemoryError, RecursionError)):
        line, column, message = 0, 0, "the source is too large or too deeply nested"
    else:  # NUL characters, half surrogates
        line, column, message = 0, 0, f"{type(error).__name__}: {error}"
    return {"compileError": True, "violations": [finding(max(line, 0), max(column, 1), "syntax", str(message)[:300])]}


def in_characters(source, found):
    """The findings with columns counted in characters from 1, where the tree has bytes from 0."""
    lines = re.split("\r\n|\r|\n", source)
    for line, column, rule, message in found:
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        yield finding(line, len(text.encode("utf-8")[:column].decode("utf-8", "ignore")) + 1, rule, message)


def is_compiled(source):
    """Whether compiling is certain to be quick. Each scope needs one of the keywords; more may stand in texts."""
    return len(source) <= COMPILED_SIZE and sum(map(source.count, ("def", "lambda", "for", "class"))) <= COMPILED_SCOPES


def foreign_encoding(source):
    """The encoding that a cookie asks for, where the program that runs would not be the text that is checked here."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source.encode()).readline)
    except SyntaxError:
        return None  # an unknown encoding: python3 says so when the program is started
    return None if encoding in ("utf-8", "utf-8-sig", "ascii") else encoding


def check(policy, source):
    """The answer to one program; never raises."""
    source = source.removeprefix("\ufeff")  # of a file, it is not part of the text
    try:
        encoding = foreign_encoding(source) if policy.enabled else None
        if encoding:
            message = f"the source is read as UTF-8, but asks for {encoding}"
            return {"compileError": False, "violations": [finding(1, 1, "encoding", message)]}
        tree = ast.parse(source, "main.py")
        if is_compiled(source):
            compile(source, "main.py", "exec", dont_inherit=True)
    except Exception as error:  # SyntaxError, ValueError, RecursionError, MemoryError, OverflowError ...
        return syntax_error(error)
    try:
        found = sorted(set(Check(policy, tree).found))[:MAX_VIOLATIONS] if policy.enabled else []
        return {"compileError": False, "violations": list(in_characters(source, found))}
    except Exception as error:
        message = f"the source could not be checked: {type(error).__name__}"
        return {"compileError": False, "violations": [finding(0, 1, "parser", message)]}


# -- frames

def read_exactly(stream, size):
    data = stream.read(size)
    return data if len(data) == size else None


def read_frame(stream):
    """The next message, or None at the end."""
    head = read_exactly(stream, 4)
    size = struct.unpack(">I", head)[0] if head else 0
    body = read_exactly(stream, size) if head and size <= MAX_FRAME else None
    return None if body is None else json.loads(body)


def write_frame(stream, message):
    body = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def main(requests, answers):
    warnings.simplefilter("ignore")
    config = read_frame(requests)
    if config is None:
        return
    policy = Policy(config["modules"], config.get("builtins"), config.get("mode", "on") != "off")
    gc.disable()  # trees hold no cycles
    gc.freeze()
    write_frame(answers, {"ready": True})
    count = 0
    while (request := read_frame(requests)) is not None:
        write_frame(answers, check(policy, request["source"]))
        request = None
        count += 1
        if count % 256 == 0:
            gc.collect()


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing but frames goes out
    main(sys.stdin.buffer, answers)
