"""`executor rootfs build` and `check` for real: a root made of Debian packages, looked at, tampered with, made again.

The executable is found in EXECUTOR_BINARY. The first build of a host downloads the packages; all others are made from
the cache. Needs no privileges; the programs of the root run by its own loader.
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

EXECUTOR = os.environ.get("EXECUTOR_BINARY", "")

# What a program could use to start other programs, to install some, or to become somebody else.
FORBIDDEN = {
    "sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "busybox", "env", "perl", "awk", "mawk",
    "apt", "apt-get", "dpkg", "dpkg-deb", "pip", "pip3", "ldconfig", "su", "sudo", "mount",
}

# Modules that libpython's packages bring but that need Tk, or that do more than define names when imported.
NOT_IMPORTED = {"antigravity", "this", "idlelib", "tkinter", "_tkinter", "turtle", "turtledemo", "ensurepip"}

IMPORT_ALL = """
import json, sys, warnings
warnings.simplefilter("ignore")
imported = []
for name in sorted(sys.stdlib_module_names - set(sys.argv[1:])):
    try:
        __import__(name)
    except ImportError:
        continue
    imported.append(name)
print(json.dumps(imported))
"""


def rootfs(*arguments, **environment):
    return subprocess.run([EXECUTOR, "rootfs", *map(str, arguments)], capture_output=True, text=True, timeout=240,
                          env={**os.environ, **environment})


def run_python(root, *arguments):
    """The root's interpreter by the root's loader and libraries, as chroot would show them to it."""
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return subprocess.run([loader, "--inhibit-cache", "--library-path", libraries, root / "usr/bin/python3", *arguments],
                          capture_output=True, text=True, timeout=120, check=True,
                          env={"PYTHONHOME": str(root / "usr"), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"})


def paths_below(root):
    return sorted(path for path in root.rglob("*"))


class RootfsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="executor-rootfs-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.whole = cls.scratch / "whole"
        built = rootfs("build", "--output", cls.whole)
        if built.returncode != 0:
            raise AssertionError(f"rootfs build: {built.stdout}{built.stderr}")
        cls.printed = built.stdout

    def copy(self):
        """A copy of the built tree and its manifest, to be tampered with."""
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        root = directory / "root"
        shutil.copytree(self.whole, root, symlinks=True)
        shutil.copy(f"{self.whole}.manifest.json", f"{root}.manifest.json")
        return root

    def copy_of_lists(self):
        """A data directory of its own, whose lists a test may change."""
        data = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        shutil.copytree(pathlib.Path(__file__).resolve().parents[2] / "rootfs", data / "rootfs")
        return data

    def assert_refused(self, root, *lines):
        checked = rootfs("check", "--dir", root)
        self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
        self.assertEqual(checked.stdout.splitlines()[:-1], list(lines))

    def test_the_size_is_printed(self):
        self.assertRegex(self.printed, r"\Arootfs python: \d+\.\d MiB, [\d,]+ files, \d+ packages, \d+\.\d s\n")

    def test_a_fresh_root_is_as_recorded(self):
        checked = rootfs("check", "--dir", self.whole)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn("as recorded", checked.stdout)

    def test_a_build_from_the_cache_needs_neither_apt_nor_network(self):
        made = json.loads(pathlib.Path(f"{self.whole}.manifest.json").read_text())
        data = self.copy_of_lists()
        (data / "rootfs/python/packages.txt").write_text(
            "".join(f"{package['name']} {package['version']}\n" for package in made["packages"]))
        tools = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        for name in ("dpkg-deb", "tar", "rm"):
            (tools / name).symlink_to(shutil.which(name))
        offline = self.scratch / "offline"
        built = rootfs("build", "--output", offline, PATH=str(tools), EXECUTOR_DATA_DIR=str(data))
        self.assertEqual(built.returncode, 0, built.stderr)
        again = json.loads(pathlib.Path(f"{offline}.manifest.json").read_text())
        self.assertEqual((made["packages"], made["paths"]), (again["packages"], again["paths"]))

    def test_a_version_that_is_gone_is_replaced_by_the_candidate_or_refused(self):
        data = self.copy_of_lists()
        packages = data / "rootfs/python/packages.txt"
        packages.write_text(re.sub(r"^tzdata .*$", "tzdata 1999a-1", packages.read_text(), flags=re.MULTILINE))
        output = self.scratch / "gone"
        exact = rootfs("build", "--exact", "--output", output, EXECUTOR_DATA_DIR=str(data))
        self.assertEqual(exact.returncode, 1)
        self.assertIn('apt no longer offers "tzdata" in the listed version 1999a-1', exact.stderr)
        self.assertFalse(output.exists())
        built = rootfs("build", "--output", output, EXECUTOR_DATA_DIR=str(data))
        self.assertEqual(built.returncode, 0, built.stderr)
        taken = re.search(r"tzdata (\S+) is taken, 1999a-1 is listed", built.stderr).group(1)
        manifest = json.loads(pathlib.Path(f"{output}.manifest.json").read_text())
        self.assertIn(("tzdata", taken), [(package["name"], package["version"]) for package in manifest["packages"]])

    def test_a_root_that_is_up_to_date_is_left_alone_and_a_forced_build_gives_the_same(self):
        root = self.copy()
        before = root.stat().st_ino
        again = rootfs("build", "--output", root)
        self.assertIn("up to date", again.stdout)
        self.assertEqual(root.stat().st_ino, before)
        self.assertEqual(rootfs("build", "--output", root, "--force").returncode, 0)
        self.assertNotEqual(root.stat().st_ino, before)
        first = pathlib.Path(f"{self.whole}.manifest.json").read_bytes()
        self.assertEqual(first, pathlib.Path(f"{root}.manifest.json").read_bytes())

    def test_no_shell_and_no_package_manager_is_in_the_root(self):
        self.assertEqual([path for path in paths_below(self.whole) if path.name in FORBIDDEN], [])
        self.assertEqual(sorted(os.listdir(self.whole / "usr/bin")), ["python3", "python3.11"])
        self.assertEqual(sorted(os.listdir(self.whole)), ["dev", "etc", "lib", "lib64", "tmp", "usr"])

    def test_no_path_is_privileged_or_writable_by_others(self):
        for path in paths_below(self.whole):
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                continue
            self.assertTrue(stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode), path)
            self.assertIn(stat.S_IMODE(status.st_mode), (0o755, 0o644), path)
            self.assertEqual(status.st_uid, os.geteuid(), path)
            self.assertNotIn("security.capability", os.listxattr(path, follow_symlinks=False), path)

    def test_no_link_leads_out_of_the_root(self):
        links = [path for path in paths_below(self.whole) if path.is_symlink()]
        self.assertGreater(len(links), 2)
        for link in links:
            self.assertFalse(os.path.isabs(os.readlink(link)), link)
            self.assertTrue(link.resolve(strict=True).is_relative_to(self.whole.resolve()), link)

    def test_passwd_and_group_know_root_and_nobody_only(self):
        names = [line.split(":")[0] for line in (self.whole / "etc/passwd").read_text().splitlines()]
        groups = [line.split(":")[0] for line in (self.whole / "etc/group").read_text().splitlines()]
        self.assertEqual((names, groups), (["root", "nobody"], ["root", "nogroup"]))

    def test_all_of_the_standard_library_can_be_imported_that_debian_has(self):
        host = subprocess.run(["/usr/bin/python3.11", "-I", "-c", IMPORT_ALL, *NOT_IMPORTED], capture_output=True,
                              text=True, timeout=120, check=True)
        # a host without python3-distutils or python3-lib2to3 has less than the root
        missing = set(json.loads(host.stdout)) - set(json.loads(run_python(self.whole, "-c", IMPORT_ALL, *NOT_IMPORTED).stdout))
        self.assertEqual(missing - {"_gdbm", "_tkinter"}, set())

    def test_modules_with_libraries_of_their_own_work(self):
        program = ("import ssl, sqlite3, ctypes, lzma, bz2, zlib, decimal, zoneinfo, hashlib, pyexpat, uuid, pwd\n"
                   "assert lzma.decompress(lzma.compress(b'x')) == bz2.decompress(bz2.compress(b'x')) == b'x'\n"
                   "assert sqlite3.connect(':memory:').execute('select 6 * 7').fetchone() == (42,)\n"
                   "assert hashlib.new('sha3_256').name == 'sha3_256'\n"
                   "assert ctypes.CDLL(None).getpid() > 0\n"
                   "print(decimal.Decimal('0.1') * 3)")
        self.assertEqual(run_python(self.whole, "-c", program).stdout, "0.3\n")

    def test_compiled_modules_name_paths_as_seen_from_inside(self):
        compiled = list(self.whole.rglob("*.pyc"))
        self.assertGreater(len(compiled), 500)
        for path in compiled:
            self.assertNotIn(str(self.scratch).encode(), path.read_bytes(), path)

    def test_every_kind_of_tampering_is_named(self):
        root = self.copy()
        (root / "usr/bin/sh").write_text("#!")
        (root / "usr/bin/sh").chmod(0o755)
        (root / "etc/group").unlink()
        (root / "usr/bin/python3").unlink()
        (root / "usr/bin/python3").symlink_to("sh")
        with open(root / "usr/lib/python3.11/random.py", "r+b") as module:
            module.write(b"#")
        size = (root / "usr/lib/python3.11/random.py").stat().st_size
        (root / "usr/bin/python3.11").chmod(0o4755)
        self.assert_refused(
            root,
            'link: usr/bin/python3 (leads to "sh", recorded as "python3.11")',
            "privileged: usr/bin/python3.11 (mode 4755)",
            "mode: usr/bin/python3.11 (mode 4755, recorded as 0755)",
            "extra: usr/bin/sh",
            f"content: usr/lib/python3.11/random.py ({size} bytes, recorded as {size})",
            "missing: etc/group",
        )

    def test_a_tampered_root_is_built_again(self):
        root = self.copy()
        (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n")
        self.assertEqual(rootfs("build", "--output", root).returncode, 0)
        self.assertEqual(rootfs("check", "--dir", root).returncode, 0)

    def test_a_build_that_fails_leaves_the_old_root_and_nothing_else(self):
        root = self.copy()
        data = self.copy_of_lists()
        with open(data / "rootfs/python/prune.txt", "a") as prune:
            prune.write("usr/lib/x86_64-linux-gnu/libsqlite3.so.*\n")
        failed = rootfs("build", "--output", root, EXECUTOR_DATA_DIR=str(data))
        self.assertEqual(failed.returncode, 1)
        self.assertIn("needs libsqlite3.so.0, which no listed package brings", failed.stderr)
        self.assertEqual(rootfs("check", "--dir", root).returncode, 0)
        self.assertEqual(sorted(os.listdir(root.parent)), ["root", "root.manifest.json"])

    def test_a_directory_that_is_no_root_is_not_replaced_unasked(self):
        foreign = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        (foreign / "letter").write_text("dear")
        refused = rootfs("build", "--output", foreign)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is not empty and has no manifest beside it", refused.stderr)
        self.assertTrue((foreign / "letter").exists())

    def test_a_wrong_command_line_is_status_two(self):
        for arguments in ([], ["make"], ["build", "--what"], ["check", "--runtime", "../x"]):
            self.assertEqual(rootfs(*arguments).returncode, 2, arguments)
        self.assertEqual(rootfs("check", "--dir", self.scratch / "nowhere").returncode, 1)


if __name__ == "__main__":
    if not EXECUTOR:
        sys.exit("EXECUTOR_BINARY names no executable")
    unittest.main()
