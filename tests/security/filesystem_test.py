"""Cases F: what a program finds of files, and what it cannot do to them."""

import hashlib
import json
import os
from pathlib import Path

import executor_service
import must_run
from attempts import program

ROOT = Path(os.environ.get("EXECUTOR_ROOTFS", Path(__file__).resolve().parents[2] / "build/rootfs/python"))


def setUpModule():
    executor_service.start()


class Filesystem(executor_service.HostCase):
    def test_F01_the_root_file_system_is_read_only(self):
        result = self.run_program(program(
            "for path in ('/', '/usr', '/etc', '/usr/lib/python3.11', '/lib', '/dev'):\n"
            "    print(path, attempt(open, path.rstrip('/') + '/new', 'w'), attempt(os.mkdir, path.rstrip('/') + '/new'), attempt(os.chmod, path, 0o777), attempt(os.utime, path))\n"
            "f = '/usr/lib/python3.11/abc.py'\n"
            "print(attempt(open, f, 'a'), attempt(os.unlink, f), attempt(os.rename, f, f + 'x'), attempt(os.chmod, f, 0o777), attempt(os.truncate, f, 0), attempt(os.utime, f))"))
        self.assert_verdict(result, "accepted")
        # a file's owner and its read-only mount both forbid to write; which one is asked first is the file system's affair
        self.assertRegex(result["stdout"], "".join(
            f"{path} EROFS EROFS EROFS EROFS\n" for path in ("^/", "/usr", "/etc", "/usr/lib/python3.11", "/lib", "/dev"))
            + r"(EACCES|EROFS) EROFS EROFS EROFS (EACCES|EROFS) EROFS\n$")
        self.assert_exit("open('/usr/new', 'w')", 1, "OSError: [Errno 30] Read-only file system: '/usr/new'")

    def test_F02_nothing_can_be_mounted_again(self):
        self.assert_violation(program("libc.mount(b'none', b'/', b'', 0x20 | 0x1000, None)"), "mount")
        self.assert_violation(program("libc.mount(b'/usr', b'/tmp', b'', 0x1000, None)"), "mount")
        self.assert_violation(program("call(430, b'tmpfs', 0)"), "fsopen")
        self.assert_violation(program("call(428, -100, b'/', 1)"), "open_tree")

    def test_F03_nothing_of_the_host_is_there(self):
        paths = ("/etc/shadow", "/root", "/home", "/var/run/docker.sock", "/run", "/var", "/boot", "/opt", "/mnt", "/srv", "/work", "/sys", "/proc",
                 "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/machine-id", "/.dockerenv", "/var/tmp")
        self.assert_prints(program(f"print({{attempt(os.stat, path) for path in {paths}}})"), "{'ENOENT'}\n")
        self.assert_exit("open('/etc/shadow')", 1, "FileNotFoundError: [Errno 2] No such file or directory: '/etc/shadow'")

    def test_F04_the_visible_tree_is_the_one_that_was_built(self):
        result = self.run_program(program(
            "import hashlib, json, stat\nseen = {}\n"
            "for folder, dirs, files in os.walk('/'):\n"
            "    for name in dirs + files:\n"
            "        path = os.path.join(folder, name)\n        mode = os.lstat(path).st_mode\n"
            "        kind = 'link' if stat.S_ISLNK(mode) else 'directory' if stat.S_ISDIR(mode) else 'file' if stat.S_ISREG(mode) else 'device'\n"
            "        seen[path[1:]] = [kind, os.readlink(path) if kind == 'link' else hashlib.sha256(open(path, 'rb').read()).hexdigest() if kind == 'file' else '']\n"
            "print(json.dumps(seen))"), timeoutMs=60000)
        self.assert_verdict(result, "accepted")
        seen = json.loads(result["stdout"])
        manifest = json.loads(ROOT.with_name(ROOT.name + ".manifest.json").read_text(encoding="utf-8"))["paths"]
        self.assertEqual(seen.pop("tmp/main.py")[0], "file")
        self.assertEqual(seen.pop("dev/null")[0], "device")
        self.assertEqual(sorted(seen), sorted(path for path in manifest if path != "dev/null"))
        for path, (kind, content) in seen.items():
            entry = manifest[path]
            self.assertEqual((path, kind), (path, entry["type"]))
            if kind == "file":
                self.assertEqual((path, content), (path, entry["sha256"]))

    def test_F05_no_symbolic_links(self):
        self.assert_prints(program("print(attempt(os.symlink, '/etc/passwd', 'out'), attempt(os.symlink, '/', 'dir'), attempt(os.symlink, 'nowhere', 'dangling'), call(88, b'/etc/passwd', b'x'))"),
                           "EPERM EPERM EPERM EPERM\n")
        self.assert_exit("import os\nos.symlink('/etc/passwd', 'out')", 1, "PermissionError: [Errno 1] Operation not permitted: '/etc/passwd' -> 'out'")

    def test_F06_no_hard_links(self):
        self.assert_prints(program("open('own', 'w').close()\nprint(attempt(os.link, 'own', 'other'), attempt(os.link, '/usr/bin/python3.11', 'python'), attempt(os.link, '/etc/passwd', '/tmp/p'))"),
                           "EPERM EPERM EPERM\n")

    def test_F08_no_special_files(self):
        self.assert_prints(program("import stat\nprint([attempt(os.mknod, 'n', kind | 0o600, os.makedev(1, 3)) for kind in (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK)], attempt(os.mkfifo, 'f'))"),
                           "['EPERM', 'EPERM', 'EPERM', 'EPERM'] EPERM\n")

    def test_F10_set_user_id_bits_have_no_effect(self):
        source = program("open('own', 'wb').write(open('/usr/bin/python3.11', 'rb').read(100))\nos.chmod('own', 0o4755)\n"
                         "print(attempt(os.execv, 'own', ['own']), call(188, b'own', b'security.capability', b'x', 1, 0))")
        self.assert_prints(source, "EPERM EPERM\n")
        # with processes the call is there, and the work directory's files cannot be executed
        source = program("open('own', 'wb').write(b'#!/usr/bin/python3\\n')\nos.chmod('own', 0o4755)\nprint(attempt(os.execv, 'own', ['own']))")
        self.assert_prints(source, "EACCES\n", {"processes": True})

    def test_F11_there_is_no_way_above_the_root(self):
        self.assert_violation(program("libc.chroot(b'/tmp')"), "chroot")
        self.assert_violation(program("call(155, b'/tmp', b'/tmp')"), "pivot_root")
        self.assert_prints(program("a = os.stat('/')\nb = os.stat('/' + '../' * 50)\nd = os.open('/', os.O_RDONLY)\nc = os.stat('..', dir_fd=d)\n"
                                   "print(a.st_ino == b.st_ino == c.st_ino, a.st_dev == b.st_dev == c.st_dev, sorted(os.listdir('/..')), attempt(os.fchdir, d))"),
                           "True True ['dev', 'etc', 'lib', 'lib64', 'tmp', 'usr'] EPERM\n")

    def test_F13_there_is_no_proc_and_no_sys(self):
        paths = [f"/proc/{p}" for p in ("self/exe", "self/fd", "self/mem", "self/maps", "self/environ", "1/root", "1/environ", "sysrq-trigger", "kcore", "sys/kernel")] + ["/sys/kernel", "/sys/fs/cgroup", "/dev/mem", "/dev/kmsg", "/dev/fd", "/dev/tty"]
        self.assert_prints(program(f"print({{attempt(os.open, path, os.O_RDONLY) for path in {paths}}})"), "{'ENOENT'}\n")

    def test_F15_later_runs_cannot_be_poisoned(self):
        clean = "import json, site, sys, hashlib\nprint(hashlib.sha256(open(json.__file__, 'rb').read()).hexdigest(), sorted(sys.modules), json.dumps([1]))"
        before = self.run_program(clean)["stdout"]
        self.assert_prints(program(
            "import json\nprint(attempt(open, '/usr/lib/python3.11/sitecustomize.py', 'w'), attempt(open, '/usr/lib/python3.11/json/__pycache__/x.pyc', 'wb'), "
            "attempt(open, '/usr/lib/python3.11/x.pth', 'w'))\n"
            "os.mkdir('__pycache__')\nfor name in ('json.py', 'sitecustomize.py', 'usercustomize.py', 'x.pth'): open(name, 'w').write('raise SystemExit(9)')\n"
            "json.dumps = lambda value: 'poisoned'"), "EROFS EROFS EROFS\n")
        self.assertEqual(self.run_program(clean)["stdout"], before)
        self.assertIn("[1]", before)

    def test_F15_the_hosts_files_are_as_they_were(self):
        path = ROOT / "usr/lib/python3.11/abc.py"
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        for job in ({}, {"processes": True}):
            self.run_program(program(f"print(attempt(open, '/usr/lib/python3.11/abc.py', 'w'), attempt(open, {str(path)!r}, 'w'))"), job)
        self.assertEqual(hashlib.sha256(path.read_bytes()).hexdigest(), before)


if __name__ == "__main__":
    must_run.main()
