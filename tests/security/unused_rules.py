#!/usr/bin/python3
"""Which allowing rules of the profiles no program of tests/programs uses: candidates for being taken out.

    unused_rules.py build/release/executor [PROFILE…] [FOLDER OF PROGRAMS…]

Each program runs once under `executor run --audit-all`, those of Node (*.js) behind Node's profiles. Rules for read, write and close are not seen by the audit and
count as used. By hand: a run takes a minute, and a rule may be there for a library that no program here imports.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNSEEN = {"read", "write", "close", "exit_group"}
# profile: (extension of the programs, what they are run with)
PROFILES = {"python.json": ("py", []), "python-processes.json": ("py", ["--processes"]), "node.json": ("js", []), "node-processes.json": ("js", ["--processes"])}


def used_calls(binary, program, arguments):
    """The (name, rule) pairs of one run."""
    given = program.with_suffix(".in")
    stdin = ["--stdin", str(given)] if given.exists() else []
    done = subprocess.run([binary, "run", str(program), "--json", "--audit-all", *stdin, *arguments], capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "EXECUTOR_VALIDATION": "off", "EXECUTOR_TIMEOUT": "30"})
    try:
        calls = json.loads(done.stdout)["results"][0].get("auditedCalls", [])
    except (ValueError, KeyError):
        return set()
    return {(match[1], int(match[2])) for call in calls if (match := re.fullmatch(r"(\w+): rule (\d+)", call))}


def programs_of(folder, extension):
    return [path for path in folder.rglob(f"*.{extension}") if path.parent != ROOT / "tests/programs" and not path.name.endswith(".in.py")]


def main():
    binary, *rest = sys.argv[1:]
    chosen = [each for each in rest if each in PROFILES] or PROFILES
    folders = [Path(each) for each in rest if each not in PROFILES] or [ROOT / "tests/programs"]
    for profile in chosen:
        extension, arguments = PROFILES[profile]
        programs = sorted(path for folder in folders for path in programs_of(folder, extension))
        with ThreadPoolExecutor(4) as pool:
            used = set().union(*pool.map(lambda program, given=arguments: used_calls(binary, program, given), programs))
        rules = json.loads((ROOT / "seccomp-profiles" / profile).read_text(encoding="utf-8"))["syscalls"]
        unused = [(index, sorted(set(rule["names"]) - {name for name, at in used if at == index} - UNSEEN), rule["comment"])
                  for index, rule in enumerate(rules) if rule["action"] == "SCMP_ACT_ALLOW"]
        print(f"{profile}: {len(programs)} programs, {len(used)} pairs of call and rule used; not used:")
        for index, names, comment in unused:
            if names:
                print(f"  rule {index}: {', '.join(names)}   ({comment})")


if __name__ == "__main__":
    main()
