"""Each layer alone: a broken one hides behind the others, so they are taken away.

WithoutTheFilter: everything but seccomp (its profile allows every call).
NamespacesAlone: no filter either, all capabilities of the sandbox's user namespace kept, no_new_privs and limits left out.
FilterAlone: a process of the host with nothing but the compiled filter.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import executor_service
import must_run
from attempts import program
from channels_test import PROGRAM as CHANNELS
from channels_test import SHARED_FILE

SOURCE = Path(__file__).resolve().parents[2]
NOBODY = 65534
open_data = None


def setUpModule():
    global open_data
    must_run.need(os.environ.get("EXECUTOR_BINARY"), "EXECUTOR_BINARY")
    must_run.need(os.geteuid() == 0, "root")
    open_data = tempfile.mkdtemp(prefix="executor-open-")
    unittest.addModuleCleanup(shutil.rmtree, open_data)
    os.chmod(open_data, 0o755)
    for entry in SOURCE.iterdir():
        if entry.name != "seccomp-profiles":
            os.symlink(entry, Path(open_data, entry.name))
    shutil.copytree(SOURCE / "seccomp-profiles", Path(open_data, "seccomp-profiles"))
    table = json.loads(Path(__file__).with_name("golden_calls.json").read_text(encoding="ascii"))["python"]
    everything = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
                  "syscalls": [{"names": [e["name"] for e in table.values() if not e["name"].startswith("syscall_")], "action": "SCMP_ACT_ALLOW", "comment": "no filter"}]}
    for name in ("python.json", "python-processes.json", "supervisor.json"):
        Path(open_data, "seccomp-profiles", name).write_text(json.dumps(everything), encoding="utf-8")


class Canaries:
    """Listeners of the host that nobody should reach."""

    def __init__(self, folder):
        self.accepted = []
        self.sockets = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
        self.port = self.sockets[0].getsockname()[1]
        self.abstract = f"executor-canary-{os.getpid()}"
        self.path = os.path.join(folder, "canary")
        self.sockets[1].bind("\0" + self.abstract)
        self.sockets[2].bind(self.path)
        os.chmod(self.path, 0o777)
        for each in self.sockets[1:]:
            each.listen()
        for each in self.sockets:
            threading.Thread(target=self.serve, args=(each,), daemon=True).start()

    def serve(self, listener):
        while True:
            try:
                listener.accept()
            except OSError:
                return
            self.accepted.append(listener)

    def close(self):
        for each in self.sockets:
            each.shutdown(socket.SHUT_RDWR)
            each.close()


# what no namespace lets through, whoever asks inside
NETWORK = """
import socket
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
port, abstract, path = eval(input())
print(attempt(connect, socket.AF_INET, ('127.0.0.1', port)), attempt(connect, socket.AF_INET, ('169.254.169.254', 80)), attempt(connect, socket.AF_INET, ('10.0.0.1', 53)),
      attempt(connect, socket.AF_INET6, ('::1', port)), attempt(connect, socket.AF_UNIX, '\\0' + abstract), attempt(connect, socket.AF_UNIX, path))
print(socket.if_nameindex())
"""
FILES = "print({attempt(os.stat, p) for p in ('/etc/shadow', '/root', '/home', '/proc', '/sys', '/run', '/var', '/dev/mem', '/dev/sda', '/work')})"


class Peeled(executor_service.HostCase):
    """Tests run against `service`, which is a server with layers left out."""

    @classmethod
    def begin(cls, **settings):
        executor_service.service = executor_service.Service(EXECUTOR_DATA_DIR=open_data, **settings)
        cls.addClassCleanup(executor_service.service.close)
        super().setUpClass()

    def network(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            canaries = Canaries(folder)
            try:
                self.assert_prints(program(NETWORK), "ENETUNREACH ENETUNREACH ENETUNREACH EADDRNOTAVAIL ECONNREFUSED ENOENT\n[(1, 'lo')]\n",
                                   stdin=repr((canaries.port, canaries.abstract, canaries.path)))
                self.assertEqual(canaries.accepted, [])
                with socket.create_connection(("127.0.0.1", canaries.port)):
                    self.assertTrue(executor_service.wait_until(lambda: canaries.accepted, 5), "the canary hears the host")
            finally:
                canaries.close()


class WithoutTheFilter(Peeled):
    @classmethod
    def setUpClass(cls):
        cls.begin()

    def test_the_filter_is_off(self):
        self.assert_prints(program("import socket\nprint(attempt(lambda: socket.socket().close()), call(101, 0, 0, 0, 0) in (0, 'EPERM'), attempt(os.sched_yield))"), "done True done\n")

    def test_N03_no_address_of_the_host_can_be_reached(self):
        self.network()

    def test_F_the_files_are_the_sandboxs_own(self):
        self.assert_prints(program(FILES), "{'ENOENT'}\n")
        self.assert_prints(program("print({attempt(f, *a) for f, *a in ((open, '/x', 'w'), (os.mkdir, '/usr/x'), (os.unlink, '/usr/bin/python3.11'), (os.chmod, '/etc', 0o777))}, "
                                   "attempt(os.link, '/etc/passwd', '/tmp/p'), attempt(os.mknod, '/tmp/d', 0o20600, os.makedev(1, 1)), attempt(os.chroot, '/tmp'))"),
                           "{'EROFS'} EXDEV EPERM EPERM\n")

    def test_F11_F02_nothing_can_be_mounted_or_left(self):
        self.assert_prints(program("libc.mount.restype = ctypes.c_int\n"
                                   "print(call(165, b'x', b'/tmp', b'tmpfs', 0, 0), call(165, 0, b'/', 0, 0x1021, 0), call(155, b'/tmp', b'/tmp'), call(166, b'/tmp', 2), call(428, -100, b'/', 1), call(430, b'tmpfs', 0), "
                                   "call(304, -100, ctypes.create_string_buffer(b'\\x08\\0\\0\\0\\1', 64), 0), sorted(os.listdir('/../../..')))"),
                           "EPERM EPERM EPERM EPERM EPERM EPERM EPERM ['dev', 'etc', 'lib', 'lib64', 'tmp', 'usr']\n")

    def test_P_no_other_process_can_be_seen_or_touched(self):
        self.assert_prints(program("print(os.getpid(), attempt(os.kill, 1, 9), call(101, 16, 1, 0, 0), call(310, 1, 0, 0, 0, 0, 0) in ('EPERM', 0), [pid for pid in range(3, 3000) if attempt(os.kill, pid, 0) != 'ESRCH'])"),
                           "2 EPERM EPERM True []\n")

    def test_P07_capabilities_and_ids_stay_away(self):
        self.assert_prints(program("print({attempt(f, 0) for f in (os.setuid, os.setgid)}, attempt(os.setgroups, [0]), call(157, 24, 0), call(157, 39, 0, 0, 0, 0), "
                                   "{call(n, 3 if n == 172 else 0, 0, 0, 0, 0) for n in (169, 246, 175, 313, 176, 163, 103, 172, 161)} - {'EPERM', 'EINVAL', 'EFAULT', 'ENOENT', 'ENOSYS'})"),
                           "{'EPERM'} EPERM EPERM 1 set()\n")

    def test_N05_what_a_nested_user_namespace_gives_reaches_nothing_outside(self):
        result = self.run_program(program(
            "print(call(272, 0x10000000 | 0x20000 | 0x40000000), flush=True)\n"          # user, mount, network
            "print(call(165, b'x', b'/tmp', b'tmpfs', 0, 0) in (0, 'EPERM'))\n"            # a tmpfs of its own, if at all
            "print(call(165, 0, b'/', 0, 0x1020, 0), call(165, b'proc', b'/tmp', b'proc', 0, 0), call(165, b'sysfs', b'/tmp', b'sysfs', 0, 0) in (0, 'EPERM'))\n"
            + FILES.replace("'/proc', '/sys', ", "") + "\nprint({attempt(f, *a) for f, *a in ((open, '/x', 'w'), (os.mkdir, '/usr/x'))})"))
        self.assertEqual((result["verdict"], result["stderr"]), ("accepted", ""))
        self.assertEqual(result["stdout"].split("\n", 1)[1], "True\nEPERM EPERM True\n{'ENOENT'}\n{'EROFS'}\n", result["stdout"])

    def test_N06_only_what_no_namespace_holds_is_left_to_the_filter(self):
        jobs = [{"source": CHANNELS, "tests": [{"stdin": json.dumps([role, SHARED_FILE, 1.0, 0]) + "\n"}]} for role in ("send", "receive")]
        for _ in range(10):  # until both were really there at once, which a busy host may not see to
            results = [answers[0] for answers in executor_service.service.at_once(jobs)]
            self.assertEqual([(r["verdict"], r["stderr"]) for r in results], [("accepted", "")] * 2)
            sent, received = (json.loads(result["stdout"]) for result in results)
            if min(sent["end"], received["end"]) - max(sent["begin"], received["begin"]) > 0.5:
                break
        arrived = set(received["arrived"])
        self.assertLessEqual(arrived, {"flock", "fcntl lock", "OFD lock", "lease", "inotify", "dnotify",
                                       "vsock"})  # the sockets of virtual machines have no namespace, where a host has them at all
        self.assertIn("flock", arrived, (sent, received))

    def test_R_limits_hold_without_it(self):
        self.assert_verdict(self.run_program("b = bytearray(200 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1", memoryBytes=64 << 20), "memory_limit")
        bomb = program("while True:\n    try: os.fork()\n    except OSError: pass")
        self.assertIn(self.run_program(bomb, timeoutMs=700)["verdict"], ("wall_time_limit", "cpu_time_limit"))
        self.assert_prints(program("made = 0\nwhile made < 1000 and isinstance(attempt(os.pipe), tuple): made += 1\nprint(attempt(os.pipe), attempt(os.truncate, 'main.py', 1 << 40))"), "EMFILE EFBIG\n")


class NamespacesAlone(Peeled):
    @classmethod
    def setUpClass(cls):
        companions = os.environ.get("OPEN_LAYERS")
        must_run.need(companions and os.path.exists(companions), "the companions with open layers (EXECUTOR_OPEN_LAYERS)")
        shutil.copy(os.environ["EXECUTOR_BINARY"], os.path.join(companions, "executor"))
        binary = os.environ["EXECUTOR_BINARY"]
        os.environ["EXECUTOR_BINARY"] = os.path.join(companions, "executor")
        try:
            cls.begin()
        finally:
            os.environ["EXECUTOR_BINARY"] = binary

    def test_capabilities_are_there_and_no_filter_is(self):
        self.assert_prints(program("b = (ctypes.c_uint32 * 6)()\nh = (ctypes.c_uint32 * 2)(0x20080522, 0)\nlibc.capget(h, b)\nprint(b[0] & (1 << 21) != 0, call(157, 39, 0, 0, 0, 0))"), "True 0\n")

    def test_N03_no_address_of_the_host_can_be_reached(self):
        self.network()

    def test_F02_with_every_capability_inside_the_root_stays_what_it_is(self):
        self.assert_prints(program(
            "print(call(165, 0, b'/', 0, 0x1020, 0), attempt(open, '/x', 'w'))\n"                     # remount for writing
            "os.mkdir('/tmp/r')\nprint(call(165, b'/', b'/tmp/r', 0, 0x5000, 0), attempt(open, '/tmp/r/x', 'w'), call(165, 0, b'/tmp/r', 0, 0x1020, 0))\n"  # a copy of it
            "print(attempt(os.mknod, '/tmp/d', 0o20600, os.makedev(1, 1)), call(165, b'proc', b'/tmp/r', b'proc', 0, 0))\n"
            + FILES + "\nprint(sorted(os.listdir('/../../..')))"),
            "EPERM EROFS\n0 EROFS EPERM\nEPERM EPERM\n{'ENOENT'}\n['dev', 'etc', 'lib', 'lib64', 'tmp', 'usr']\n")

    def test_F11_chroot_and_its_way_back_end_at_the_sandboxs_root(self):
        self.assert_prints(program("d = os.open('/', os.O_RDONLY)\nos.mkdir('/tmp/c')\nprint(attempt(os.chroot, '/tmp/c'))\nos.fchdir(d)\nfor _ in range(40): os.chdir('..')\n"
                                   "print(attempt(os.chroot, '.'), sorted(os.listdir('/')), attempt(os.stat, '/etc/shadow'))"),
                           "done\ndone ['dev', 'etc', 'lib', 'lib64', 'tmp', 'usr'] ENOENT\n")

    def test_K_what_belongs_to_the_machine_is_refused(self):
        # init_module, kexec_load, settimeofday, swapon, acct, syslog, iopl
        self.assert_prints(program("print({call(n, *a) for n, *a in ((175, 0, 0, b''), (246, 0, 0, 0, 0), (164, ctypes.create_string_buffer(16), 0), "
                                   "(167, b'/tmp/main.py', 0), (163, b'/tmp/main.py'), (103, 2, ctypes.create_string_buffer(8), 8), (172, 3))} - {'ENOSYS'})"),
                           "{'EPERM'}\n")

    def test_P_no_process_of_the_host_can_be_seen_or_touched(self):
        self.assert_prints(program("print(os.getpid(), [pid for pid in range(3, 3000) if attempt(os.kill, pid, 0) != 'ESRCH'])"), "2 []\n")


class FilterAlone(unittest.TestCase):
    """No namespace, no cgroup, no limit: an ordinary process of the host under the compiled strict profile."""

    @classmethod
    def setUpClass(cls):
        must_run.need(os.environ.get("DUMP_FILTER"), "DUMP_FILTER")
        cls.filter = subprocess.run([os.environ["DUMP_FILTER"], str(SOURCE / "seccomp-profiles/python.json")], stdout=subprocess.PIPE, check=True).stdout

    def under_the_filter(self, source):
        """(what it printed, the signal that ended it or its exit status)."""
        compiled = compile(program(source), "attempt", "exec")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.dup2(writer, 1)
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                libc = ctypes.CDLL(None, use_errno=True)
                text = ctypes.create_string_buffer(self.filter, len(self.filter))

                class Program(ctypes.Structure):
                    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
                loaded = Program(len(self.filter) // 8, ctypes.addressof(text))
                if libc.prctl(38, 1, 0, 0, 0) == 0 and libc.syscall(317, 1, 0, ctypes.byref(loaded)) == 0:
                    exec(compiled, {"print": lambda *words: os.write(1, (" ".join(map(str, words)) + "\n").encode())})
                    status = 0
            finally:
                os._exit(status)
        os.close(writer)
        with open(reader, encoding="utf-8") as output:
            said = output.read()
        status = os.waitpid(child, 0)[1]
        return said, -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def test_P_N_no_process_no_program_no_socket_no_signal(self):
        said, status = self.under_the_filter(
            "print({call(57), call(58), call(56, 17, 0, 0, 0, 0), call(59, b'/bin/sh', 0, 0), call(322, -100, b'/bin/sh', 0, 0, 0)}, call(435, 0, 0))\n"
            "print({call(41, f, t, 0) for f in range(64) for t in (1, 2, 3, 5)}, {call(49, 0, 0, 0), call(50, 0, 1), call(42, 0, 0, 0)})\n"
            "print({call(62, p, 0) for p in (-1, 0, 1, 3, 4)}, call(200, 1, 9), call(129, 1, 9, 0))")
        self.assertEqual((said, status), ("{'EPERM'} ENOSYS\n{'EPERM'} {'EPERM'}\n{'EPERM'} EPERM EPERM\n", 0))

    def test_K15_no_memory_is_writable_and_executable(self):
        self.assertEqual(self.under_the_filter("print(call(9, 0, 4096, 7, 0x22, -1, 0), call(9, 0, 4096, 5, 0x22, -1, 0), call(329, 0, 4096, 5, 0))"), ("EPERM EPERM ENOSYS\n", 0))

    def test_P06_it_cannot_be_taken_off(self):
        self.assertEqual(self.under_the_filter("print(call(157, 38, 0, 0, 0, 0), call(157, 22, 2, 0), call(317, 1, 0, 0), call(317, 1, 8, 0))"), ("EPERM EPERM EPERM EPERM\n", 0))

    def test_N06_no_channel_of_the_kernel_is_open(self):
        said, status = self.under_the_filter("print({call(29, 1, 4096, 0o1666), call(68, 1, 0o1666), call(64, 1, 1, 0o1666), call(240, b'/x', 0o102, 0o600, 0), call(73, 0, 1), call(294, 0), "
                                             "call(72, 0, 1024, 0), call(72, 0, 1026, 1), call(27, 0, 4096, 0)})")
        self.assertEqual((said, status), ("{'EPERM'}\n", 0))

    def test_K_N05_what_is_forbidden_is_the_end(self):
        calls = {"mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "ptrace": 101, "process_vm_readv": 310, "bpf": 321, "perf_event_open": 298, "keyctl": 250, "unshare": 272,
                 "setns": 308, "open_tree": 428, "fsopen": 430, "open_by_handle_at": 304, "init_module": 175, "kexec_load": 246, "reboot": 169, "userfaultfd": 323, "settimeofday": 164,
                 "x32": 0x40000027}
        ends = {name: self.under_the_filter(f"call({number}, 0, 0, 0, 0, 0)\nprint('went on')") for name, number in calls.items()}
        self.assertEqual(ends, {name: ("", -signal.SIGSYS) for name in calls})


if __name__ == "__main__":
    must_run.main()
