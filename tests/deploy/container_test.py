"""The container image's tree holds all that the programs need, and nothing that could be run beside them."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import must_run

ROOT = Path(__file__).resolve().parents[2]


def setUpModule():
    must_run.need(os.geteuid() == 0, "root, for chroot,")


class Container(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        subprocess.run([ROOT / "deploy/container/build", "--context", folder.name], check=True)
        cls.root = Path(folder.name) / "root"

    def inside(self, *words):
        return subprocess.run(["/usr/sbin/chroot", "--userspec=65532:65532", self.root, *words], capture_output=True, text=True, check=False, env={})

    def test_the_program_runs_with_nothing_but_the_tree(self):
        done = self.inside("/usr/bin/executor", "--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^executor [0-9.]+\n$")

    def test_the_root_file_system_is_whole(self):
        done = self.inside("/usr/bin/executor", "rootfs", "check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("as recorded", done.stdout)

    def test_there_is_no_shell_and_no_setuid_program(self):
        outside = [path for path in self.root.rglob("*") if "/executor/rootfs/" not in str(path) and path.is_file() and not path.is_symlink()]
        programs = {path.name for path in outside if path.stat().st_mode & 0o111 and ".so" not in path.name}
        self.assertEqual(programs, {"executor", "executor-bootstrap", "executor-local", "executor-supervisor", "executor-zygote-exec", "executor-zygote-python"})
        self.assertEqual([path for path in outside if path.stat().st_mode & 0o6000], [])

    def test_what_sandboxes_are_made_by_loads_no_library(self):
        """What the supervisor maps, but for its heap, every init's clone copies; the others start in roots that have no library for them."""
        for name in ("executor-supervisor", "executor-zygote-exec", "executor-bootstrap"):
            program, = [path for path in self.root.rglob(name) if path.is_file()]
            told = subprocess.run(["readelf", "--dynamic", "--wide", program], capture_output=True, text=True, check=True).stdout
            self.assertIn("FLAGS_1", told, name)
            self.assertNotIn("NEEDED", told, name)


if __name__ == "__main__":
    must_run.main()
