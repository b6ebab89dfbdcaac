#!/usr/bin/python3
"""Every C and C++ file looks as clang-format leaves it (.clang-format). To put it right: scripts/format."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tree


def is_formatted(path):
    wanted = subprocess.run(["clang-format", path], capture_output=True, check=True).stdout
    return wanted == path.read_bytes()


def main():
    files = tree.files(suffixes=tree.SOURCES)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [path for path, good in zip(files, pool.map(is_formatted, files)) if not good]
    for path in wrong:
        print(f"{path.relative_to(tree.ROOT)}: not as clang-format leaves it")
    print(f"{len(files)} files, {len(wrong)} to be formatted: scripts/format does it")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main())
