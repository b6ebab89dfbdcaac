"""The source policy: holds programs against allowlists, by the syntax tree that CPython itself makes of them.

It runs in a sandbox of its own, since it is fed what strangers write, and lives for many programs. Frames go both
ways: a length of four bytes, most significant first, and that many bytes of JSON. The first frame in is the
configuration {"mode": "on"|"off", "modules": [...], "builtins": [...]|null}, answered by {"ready": true}; each one
after it is {"source": text}, answered by {"compileError": bool, "violations": [{line, column, rule, message}]}. Where
the configuration has "code": bytes and the source passes, a NUL and its code may follow the answer in the same frame: the
interpreter's magic number and what marshal makes of the code object, no more than so many bytes. There is none where a
run that compiles for itself could do anything else than one that is given it.

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
import importlib.util
import io
import json
import marshal
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
MAIN = "/tmp/main.py"  # what `python3 main.py` calls the program in a sandbox: tracebacks show it


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


def encoding_of(source):
    """What the program is read as when it is started, or None where python3 refuses to."""
    try:
        return tokenize.detect_encoding(io.BytesIO(source.encode()).readline)[0]
    except SyntaxError:
        return None


def parse(source):
    """The tree; the code, where compiling is quick and has nothing to say (each run has to say it anew), or None."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tree = ast.parse(source, "main.py")
        code = compile(source, MAIN, "exec", dont_inherit=True) if is_compiled(source) else None
    return tree, None if said else code


def same_orders(code, other):
    """Whether all sets among the constants of two equal codes have their members in the same order."""
    pairs = [(code, other)]
    while pairs:
        one, two = pairs.pop()
        if type(one) is type(code):
            pairs.append((one.co_consts, two.co_consts))
        elif type(one) is frozenset and list(one) != list(two):
            return False
        elif type(one) in (tuple, frozenset):
            pairs.extend(zip(one, two))
    return True


def code_bytes(source, encoding, code, limit):
    """The code for the runs of this source, or b"" where each has to compile it."""
    # a lone carriage return ends a line for python3, and so moves the line that may name an encoding
    if code is None or encoding not in ("utf-8", "utf-8-sig") or "\r" in source.replace("\r\n", ""):
        return b""
    try:
        data = marshal.dumps(code)
    except ValueError:  # nested too deeply
        return b""
    if len(data) + len(importlib.util.MAGIC_NUMBER) > limit or not same_orders(code, marshal.loads(data)):
        return b""
    return importlib.util.MAGIC_NUMBER + data


def examine(policy, source, code_limit=0):
    """The answer to one program, and its code for those that run it; never raises."""
    source = source.removeprefix("\ufeff")  # of a file, it is not part of the text
    try:
        encoding = encoding_of(source)
        if policy.enabled and encoding not in (None, "utf-8", "utf-8-sig", "ascii"):
            message = f"the source is read as UTF-8, but asks for {encoding}"
            return {"compileError": False, "violations": [finding(1, 1, "encoding", message)]}, b""
        tree, code = parse(source)
    except Exception as error:  # SyntaxError, ValueError, RecursionError, MemoryError, OverflowError ...
        return syntax_error(error), b""
    try:
        found = sorted(set(Check(policy, tree).found))[:MAX_VIOLATIONS] if policy.enabled else []
        answer = {"compileError": False, "violations": list(in_characters(source, found))}
        return answer, b"" if found or not code_limit else code_bytes(source, encoding, code, code_limit)
    except Exception as error:
        message = f"the source could not be checked: {type(error).__name__}"
        return {"compileError": False, "violations": [finding(0, 1, "parser", message)]}, b""


def check(policy, source):
    """The answer to one program; never raises."""
    return examine(policy, source)[0]


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


def write_frame(stream, message, code=b""):
    body = json.dumps(message).encode() + (b"\0" + code if code else b"")
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def main(requests, answers):
    config = read_frame(requests)
    if config is None:
        return
    policy = Policy(config["modules"], config.get("builtins"), config.get("mode", "on") != "off")
    code_limit = config.get("code", 0)
    gc.disable()  # trees hold no cycles
    gc.freeze()
    write_frame(answers, {"ready": True})
    count = 0
    while (request := read_frame(requests)) is not None:
        write_frame(answers, *examine(policy, request["source"], code_limit))
        request = None
        count += 1
        if count % 256 == 0:
            gc.collect()


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing but frames goes out
    main(sys.stdin.buffer, answers)
