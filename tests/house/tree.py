"""The project's own files, as the checks of this folder see them."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"build", "logs", ".git", "__pycache__", ".cache"}
SOURCES = {".c", ".cpp", ".h", ".hpp"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def files(root=ROOT, suffixes=None):
    """All files below `root` that stand in the repository, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in NOT_OURS)
        found += [Path(folder, name) for name in sorted(names)]
    return [path for path in found if path.is_file() and (suffixes is None or path.suffix in suffixes)]


def includes(text):
    """(line number, path) of each #include with quotes."""
    return [(text.count("\n", 0, match.start()) + 1, match[1]) for match in INCLUDE.finditer(text)]
