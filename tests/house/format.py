#!/usr/bin/python3
"""Every C++ file looks as clang-format leaves it (.clang-format). To put it right: scripts/format."""

import subprocess
import sys

import tree


def main():
    files = tree.files(suffixes={".cpp", ".hpp"})
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, files)], cwd=tree.ROOT, check=False)
    print(f"{len(files)} files")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
