#!/usr/bin/python3
"""clang-tidy over every source file of a build tree, and over the headers that they include (.clang-tidy).

    tests/house/tidy.py BUILD_DIRECTORY [PART_OF_A_PATH…]

A file that was found clean is not looked at again until its text, a file of ours that it includes, its compile
command, .clang-tidy or the program itself changes: BUILD_DIRECTORY/../tidy keeps a mark for each clean state. Tests
are not looked at, as doctest's macros trip the checks; the sources of src and examples are. A tree of unity builds
(preset dev) is looked at several times faster than others, as the headers from outside are what takes the time.
"""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tree

LOOKED_AT = [tree.ROOT / "src", tree.ROOT / "examples"]


class Sources:
    """Texts of our files, and which of our headers each includes."""

    def __init__(self):
        self.folders = [tree.ROOT / "src", tree.ROOT / "include"]
        self.known = {}

    def read(self, path):
        if path not in self.known:
            text = path.read_bytes()
            candidates = [[folder / included for folder in [path.parent, *self.folders]]
                          for _, included in tree.includes(text.decode())]
            found = [next((path for path in paths if path.is_file()), None) for paths in candidates]
            self.known[path] = text, [header for header in found if header]
        return self.known[path]

    def closure(self, path):
        """The file and all headers of ours below it, sorted."""
        reached, waiting = {path}, [path]
        while waiting:
            for header in self.read(waiting.pop())[1]:
                if header not in reached:
                    reached.add(header)
                    waiting.append(header)
        return sorted(reached)


def tidy_version():
    return subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout


def commands(build, parts):
    """The compile commands of the files that are to be looked at; one for each file."""
    database = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if any(is_wanted(source, parts) for source in sources_of(path)):
            database[path] = entry["command"]
    return database


def sources_of(path):
    """The file itself, or what a unity build has put together in it."""
    if path.parent.name != "Unity":
        return [path]
    return [Path(included) for _, included in tree.includes(path.read_text())]


def is_wanted(source, parts):
    return any(source.is_relative_to(folder) for folder in LOOKED_AT) and any(part in str(source) for part in parts or [""])


def main():
    build = Path(sys.argv[1]).resolve()
    marks = build.parent / "tidy"
    marks.mkdir(exist_ok=True)
    sources = Sources()
    settings = [tree.ROOT / ".clang-tidy", *sorted(tree.ROOT.glob("src/*/.clang-tidy"))]
    constant = tidy_version() + b"".join(path.read_bytes() for path in settings)

    def mark_of(path, command):
        digest = hashlib.sha256(constant + command.encode())
        for header in sources.closure(path):
            digest.update(str(header).encode() + b"\0" + sources.read(header)[0] + b"\0")
        return marks / digest.hexdigest()

    def look_at(item):
        path, mark = item
        command = ["clang-tidy", "--quiet", "-p", str(build), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            mark.touch()
            return True
        print(done.stdout.strip() or done.stderr.strip(), flush=True)
        return False

    wanted = {path: mark_of(path, command) for path, command in sorted(commands(build, sys.argv[2:]).items())}
    if not wanted:
        print("tidy.py: no source file")
        return 1
    new = [(path, mark) for path, mark in wanted.items() if not mark.exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = list(pool.map(look_at, new))
    print(f"{len(wanted)} files, {len(new)} looked at now, {clean.count(False)} not clean")
    return 1 if False in clean else 0


if __name__ == "__main__":
    sys.exit(main())
