#!/usr/bin/python3
"""Compares the service with the real interpreter, byte for byte, over every program of this folder.

Each program runs twice: by the rootfs's own `python3 main.py` (reference.py) and by the service (service.py).
Standard output, standard error and the exit status or signal must be the same. A program with a syntax error is
refused by the service before it runs; then line and message must be those that the interpreter prints.

Exit status: 0 all equal, 1 a difference, 2 the comparison could not be made.
"""

import argparse
import difflib
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path

import programs
from reference import Reference, Remembered
from service import Service, ServiceError

DIFF_LINES = 24
LINE_WIDTH = 160


class CannotCompare(Exception):
    """What is asked for cannot be done; the message says why."""


def shorten(line):
    return line if len(line) <= LINE_WIDTH else f"{line[:LINE_WIDTH]}… ({len(line)} characters)"


def text_diff(title, expected, actual):
    """A short unified diff of two texts, line ends shown where they are not a plain newline; [] when equal."""
    if expected == actual:
        return []
    shown = [[ascii(line)[1:-1].removesuffix("\\n") for line in text.splitlines(True)] for text in (expected, actual)]
    if expected.endswith("\n") != actual.endswith("\n"):
        for text, lines in zip((expected, actual), shown):
            if text and not text.endswith("\n"):
                lines.append("(no newline at the end)")
    lines = [shorten(line) for line in difflib.unified_diff(*shown, "python3", "service", lineterm="", n=1)]
    rest = [f"… {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return [f"  {title}:"] + [f"    {line}" for line in lines[:DIFF_LINES] + rest]


def difference(expected, actual):
    """What tells the two outcomes apart, as lines for a person; [] when they are equal."""
    if actual.refusal:
        wanted = programs.syntax_refusal(expected)
        if wanted and wanted.line == actual.refusal.line and wanted.message in actual.refusal.message:
            return []
        return [f"  refused: {actual.refusal}; python3: {wanted or expected.status}"]
    lines = []
    if expected.status != actual.status:
        lines.append(f"  python3: {expected.status}; service: {actual.status}")
    lines += text_diff("stdout", programs.comparable(expected.stdout), programs.comparable(actual.stdout))
    lines += text_diff("stderr", programs.comparable(expected.stderr), programs.comparable(actual.stderr))
    return lines


class Repeat:
    """The reference in the service's place: finds programs that do not do the same twice."""

    def __init__(self, reference):
        self.reference = reference

    def run(self, program):
        return self.reference.run(program)


def compare_one(program):
    try:
        expected = runners["reference"].run(program)
        actual = runners["service"].run(program)
        return program.name, difference(expected, actual), None
    except (OSError, TimeoutError, ServiceError, ValueError, KeyError) as error:
        return program.name, [], f"{type(error).__name__}: {error}"


def find_rootfs(chosen):
    for candidate in (chosen, os.environ.get("EXECUTOR_ROOTFS"), programs.HERE.parents[1] / "build/rootfs/python"):
        if candidate:
            if not Path(candidate, "usr/bin/python3").exists():
                raise CannotCompare(f"no rootfs at {candidate}; make it with `executor rootfs build`")
            return Path(candidate).resolve()


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compares the service with python3 over many programs.")
    parser.add_argument("patterns", nargs="*", help="only programs whose topic/name contains one of these")
    parser.add_argument("--binary", default=os.environ.get("EXECUTOR_BINARY"), help="executor; default $EXECUTOR_BINARY")
    parser.add_argument("--rootfs", help="rootfs of the reference; default $EXECUTOR_ROOTFS, else build/rootfs/python")
    parser.add_argument("--warm-pool", type=int, help="EXECUTOR_WARM_POOL of the server (0: every sandbox made cold)")
    parser.add_argument("--jobs", type=int, default=2, help="programs at once (default 2)")
    parser.add_argument("--repeat", type=int, default=1, help="compare every program this many times")
    parser.add_argument("--remember", type=Path, metavar="DIRECTORY", help="keep what the reference did, and ask it only once")
    parser.add_argument("--reference-only", action="store_true", help="run the reference twice: is it deterministic?")
    parser.add_argument("--show", action="store_true", help="print what the reference does, compare nothing")
    parser.add_argument("--list", action="store_true", help="print the number of programs by topic")
    return parser.parse_args()


def print_list(chosen):
    for topic, count in sorted(Counter(p.name.split("/")[0] for p in chosen).items()):
        print(f"{count:5} {topic}")
    print(f"{len(chosen):5} programs")


def show(chosen, reference):
    for program in chosen:
        outcome = reference.run(program)
        print(f"=== {program.name}: {outcome.status}", flush=True)
        for title, data in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
            if data:
                print(f"--- {title}\n{data.decode('utf-8', 'backslashreplace')[:6000]}")


def compare_all(chosen, jobs):
    reasons = programs.tolerated()
    differing, failed = 0, 0
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for name, lines, error in pool.imap_unordered(compare_one, chosen, chunksize=1):
            if error:
                failed += 1
                print(f"FAILED {name}\n  {error}", flush=True)
            elif lines and name in reasons:
                print(f"tolerated {name}: {reasons[name]}", flush=True)
            elif lines:
                differing += 1
                print("\n".join([f"DIFFERS {name}", *lines]), flush=True)
            elif name in reasons:
                differing += 1
                print(f"STALE {name}: equal, though differences.txt tolerates a difference", flush=True)
    failures = f", {failed} could not be compared" if failed else ""
    print(f"{len(chosen)} programs, {differing} differ{failures}")
    return 1 if differing or failed else 0


runners = {}  # filled before the workers are forked


def main():
    options = parse_arguments()
    chosen = programs.find(options.patterns) * options.repeat
    if not chosen:
        raise CannotCompare("no such program")
    if options.list:
        print_list(chosen)
        return 0
    rootfs = find_rootfs(options.rootfs)
    reference = runners["reference"] = Reference(rootfs)
    try:
        if options.show:
            show(chosen, reference)
            return 0
        if options.reference_only:
            runners["service"] = Repeat(reference)
            return compare_all(chosen, options.jobs)
        if options.remember:
            runners["reference"] = Remembered(reference, options.remember, rootfs.with_name(rootfs.name + ".manifest.json").read_bytes())
        if not options.binary:
            raise CannotCompare("give --binary or set EXECUTOR_BINARY")
        service = runners["service"] = Service(options.binary, options.warm_pool)
        try:
            service.disconnect()  # each worker makes a connection of its own
            status = compare_all(chosen, options.jobs)
        finally:
            stopped = service.close()
        if stopped != 0:
            print(f"the server ended with {stopped} when it was told to stop:\n{service.log_tail()}")
        return status or (1 if stopped else 0)
    finally:
        reference.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CannotCompare, ServiceError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        sys.exit(2)
