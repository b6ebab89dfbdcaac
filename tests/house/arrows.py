#!/usr/bin/python3
"""The folders of src may use each other only as the table below says: over include lines and over CMake's DEPS."""

import re
import tempfile
import unittest
from pathlib import Path

import tree

ALL = None  # every header of the folder; otherwise the headers that may be used

# Who may use what. include/executor may be used by all and uses only itself.
ARROWS = {
    "base": {},
    "spec": {"base": ALL},
    "judge": {"base": ALL},
    "cgroup": {"base": ALL},
    "seccomp": {"base": ALL},
    "rootfs": {"base": ALL},
    "telemetry": {"base": ALL},
    "sandbox": {"base": ALL, "cgroup": ALL, "seccomp": ALL},
    "zygote": {"base": ALL, "sandbox": ALL},
    "supervisor": {"base": ALL, "cgroup": ALL, "seccomp": ALL, "sandbox": ALL, "zygote": {"protocol.hpp"}},
    "backend": {"base": ALL, "spec": ALL, "rootfs": ALL, "sandbox": {"privileges.hpp"}, "seccomp": ALL,
                "supervisor": {"client.hpp", "protocol.hpp", "steward.hpp"}},
    "validation": {"base": ALL, "spec": ALL, "supervisor": {"client.hpp", "protocol.hpp"}},
    "queue": {"base": ALL, "spec": ALL},
    "worker": {"base": ALL, "spec": ALL, "judge": ALL, "backend": {"backend.hpp"}, "queue": {"queue.hpp"},
               "validation": {"validator.hpp"}},
    "http": {"base": ALL, "spec": ALL, "queue": {"queue.hpp"}, "validation": {"validator.hpp"}},
}
ARROWS["app"] = {folder: ALL for folder in ARROWS}  # the only place that knows every module

# Libraries that are not named after their folder
LIBRARIES = {"supervisor_core": "supervisor", "zygote_protocol": "zygote", "fork_server": "zygote"}


def include_breaches(root):
    """'file:line: folder may not use x/y.hpp' for each include line that the table does not allow."""
    breaches = []
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if folder.name not in ARROWS:
            breaches.append(f"src/{folder.name}: a folder that the table does not know")
            continue
        for path in tree.files(folder, tree.SOURCES):
            for line, included in tree.includes(path.read_text()):
                used, _, header = included.partition("/")
                allowed = ARROWS[folder.name].get(used, set()) if used in ARROWS else set()
                if used in ("executor", folder.name) or allowed is ALL or header in allowed:
                    continue
                breaches.append(f"{path.relative_to(root)}:{line}: {folder.name} may not use {included}")
    for path in tree.files(root / "include", tree.SOURCES):
        breaches += [f"{path.relative_to(root)}:{line}: public headers may not use {included}"
                     for line, included in tree.includes(path.read_text()) if not included.startswith("executor/")]
    return breaches


def cmake_arrows(folder):
    """The folders that a folder's targets link, by its CMakeLists.txt."""
    text = re.sub(r"#.*", "", (folder / "CMakeLists.txt").read_text())
    names = set(re.findall(r"\bexecutor(?:::|_)(\w+)", text))
    return {LIBRARIES.get(name, name) for name in names} & set(ARROWS) - {folder.name}


def library_breaches(root):
    """CMake's arrows that the table does not allow, and include lines that no linked library provides."""
    folders = sorted(path.parent for path in (root / "src").glob("*/CMakeLists.txt") if path.parent.name in ARROWS)
    direct = {folder.name: cmake_arrows(folder) for folder in folders}
    breaches = [f"src/{name}/CMakeLists.txt: {name} may not link executor::{used}"
                for name, links in direct.items() for used in sorted(links - set(ARROWS[name]))]
    for folder in folders:
        reached, waiting = set(), [folder.name]
        while waiting:
            waiting += [used for used in direct.get(waiting.pop(), ()) if used not in reached and not reached.add(used)]
        used = {included.partition("/")[0] for path in tree.files(folder, tree.SOURCES)
                for _, included in tree.includes(path.read_text())}
        breaches += [f"src/{folder.name}/CMakeLists.txt: does not link executor::{missing}, which its sources use"
                     for missing in sorted((used & set(ARROWS)) - reached - {folder.name})]
    return breaches


class Arrows(unittest.TestCase):
    def plant(self, files):
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for path, text in {"include/executor/job.hpp": "", **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return root

    def test_the_include_lines_follow_the_table(self):
        self.assertEqual([], include_breaches(tree.ROOT))

    def test_the_libraries_follow_the_table_and_cover_the_include_lines(self):
        self.assertEqual([], library_breaches(tree.ROOT))

    def test_the_table_has_no_circle(self):
        self.assertEqual([], [(low, high) for high, arrows in ARROWS.items() for low in arrows if high in ARROWS[low]])
        done = set()
        while left := {folder: set(arrows) - done for folder, arrows in ARROWS.items() if folder not in done}:
            free = {folder for folder, arrows in left.items() if not arrows}
            self.assertTrue(free, f"a circle among {sorted(left)}")
            done |= free

    def test_a_breach_is_refused_with_its_line(self):
        root = self.plant({"src/base/x.cpp": '#include <x>\n  #  include "spec/job.hpp"\n'})
        self.assertEqual(["src/base/x.cpp:2: base may not use spec/job.hpp"], include_breaches(root))

    def test_a_header_outside_the_interface_is_refused(self):
        root = self.plant({"src/http/x.cpp": '#include "queue/queue.hpp"\n#include "queue/embedded.hpp"\n'})
        self.assertEqual(["src/http/x.cpp:2: http may not use queue/embedded.hpp"], include_breaches(root))

    def test_a_public_header_may_not_use_the_inside(self):
        root = self.plant({"src/base/x.cpp": "", "include/executor/x.hpp": '#include "base/sys.hpp"\n'})
        self.assertEqual(["include/executor/x.hpp:1: public headers may not use base/sys.hpp"], include_breaches(root))

    def test_a_folder_that_nobody_drew_is_refused(self):
        root = self.plant({"src/misc/x.cpp": ""})
        self.assertEqual(["src/misc: a folder that the table does not know"], include_breaches(root))

    def test_a_library_arrow_is_refused_and_a_missing_one_is_named(self):
        root = self.plant({"src/base/CMakeLists.txt": "executor_library(base DEPS executor::queue)\n",
                           "src/judge/CMakeLists.txt": "executor_library(judge) # executor::base\n",
                           "src/judge/x.cpp": '#include "base/sys.hpp"\n'})
        self.assertEqual(["src/base/CMakeLists.txt: base may not link executor::queue",
                          "src/judge/CMakeLists.txt: does not link executor::base, which its sources use"],
                         library_breaches(root))


if __name__ == "__main__":
    unittest.main()
