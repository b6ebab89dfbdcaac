"""Cases P and N: other processes, privileges, namespaces and networks."""

import os
import resource
from pathlib import Path

import executor_service
import must_run
from attempts import program

PROCESSES = {"processes": True}
CLONE_NEW = {"USER": 0x10000000, "NS": 0x20000, "PID": 0x20000000, "NET": 0x40000000, "IPC": 0x8000000, "UTS": 0x4000000,
             "CGROUP": 0x2000000, "TIME": 0x80}


def setUpModule():
    executor_service.start()


def own_ids():
    """Whether each sandbox has an id of its own on the host, as where the service was started as root."""
    result, = executor_service.service.execute("pass")
    return "own_ids" in result["isolation"]


class Processes(executor_service.HostCase):
    def test_P01_no_program_can_be_started(self):
        self.assert_prints(program("import subprocess\nprint(attempt(os.execv, '/usr/bin/python3', ['x']), call(322, -100, b'/usr/bin/python3', 0, 0, 0), "
                                   "attempt(subprocess.run, ['/usr/bin/python3']), attempt(os.posix_spawn, '/usr/bin/python3', ['x'], {}), os.system('true'))"),
                           "EPERM EPERM EPERM EPERM 32512\n")

    def test_P02_no_process_can_be_made(self):
        self.assert_prints(program("import pty\nprint(attempt(os.fork), attempt(pty.fork), attempt(os.forkpty), call(57), call(58), call(56, 17, 0, 0, 0, 0))"),
                           "EPERM OSError ENOENT EPERM EPERM EPERM\n")

    def test_P03_no_signal_reaches_another(self):
        self.assert_prints(program("print(os.getpid(), os.getppid(), [attempt(os.kill, pid, 9) for pid in (-1, 1, 0, os.getppid(), 3)], attempt(os.killpg, 0, 9), "
                                   "call(200, 1, 9), call(129, 1, 9, 0), call(297, 1, 1, 9, 0))"),
                           "2 0 ['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM'] EPERM EPERM EPERM EPERM\n")

    def test_P03_pid_1_cannot_be_signalled_where_signals_are_allowed(self):
        # where both have the service's one id the kernel itself drops what a namespace's first process has no handler for
        self.assert_prints(program("import time\nprint({attempt(os.kill, 1, n) for n in (0, 1, 2, 15, 9, 19, 10)})\ntime.sleep(0.2)\nprint('goes on')"),
                           f"{{'{'EPERM' if own_ids() else 'done'}'}}\ngoes on\n", PROCESSES)

    def test_P04_no_process_can_be_looked_into(self):
        for call, source in (("ptrace", "call(101, 16, 1, 0, 0)"), ("process_vm_readv", "call(310, 1, 0, 0, 0, 0, 0)"),
                             ("process_vm_writev", "call(311, 1, 0, 0, 0, 0, 0)"), ("pidfd_getfd", "call(438, 3, 0, 0)"),
                             ("kcmp", "call(312, 1, 2, 0, 0, 0)"), ("process_madvise", "call(440, 3, 0, 0, 0, 0)")):
            for job in ({}, PROCESSES):
                with self.subTest(call, **job):
                    self.assert_violation(program(source), call, job)

    def test_P06_the_filter_cannot_be_changed(self):
        self.assert_prints(program("print(call(157, 38, 0, 0, 0, 0), call(157, 22, 2, 0), call(317, 1, 0, 0), call(317, 1, 8, 0), call(444, 0, 0, 1))"),
                           "EPERM EPERM EPERM EPERM ENOSYS\n")

    def test_P06_every_process_of_a_sandbox_is_filtered_as_seen_from_the_host(self):
        service = executor_service.service
        service.steady_level()  # the pool is full again
        seen = []
        for pid in service.processes():
            status = executor_service.status_of(pid)
            if status.get("NSpid", "").split()[-1:] in (["1"], ["2"]) and len(status["NSpid"].split()) >= 3:
                seen.append({key: status[key] for key in ("Seccomp", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Groups")})
        self.assertGreaterEqual(len(seen), 2 * executor_service.CONCURRENCY)
        groups = "" if own_ids() else executor_service.status_of(service.server.pid)["Groups"]
        for facts in seen:
            self.assertEqual(facts, {"Seccomp": "2", "NoNewPrivs": "1", "Groups": groups, **{c: "0" * 16 for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}})

    def test_P06_no_process_of_a_sandbox_is_dumpable(self):
        # what belongs to a process that may be looked into belongs to its user; else to the namespace's root
        must_run.need(own_ids(), "a range of ids")
        executor_service.service.steady_level()  # the pool is full again
        seen = 0
        for pid in executor_service.service.processes():
            status = executor_service.status_of(pid)
            # without a filter it is still being made
            if len(status.get("NSpid", "").split()) >= 3 and status["Seccomp"] == "2":
                self.assertNotEqual(os.stat(f"/proc/{pid}/environ").st_uid, int(status["Uid"].split()[1]), status["NSpid"])
                seen += 1
        self.assertGreaterEqual(seen, 2 * executor_service.CONCURRENCY)

    def test_R19_no_crash_is_anything_to_the_host(self):
        # an executed interpreter may be dumped: the one byte keeps a helper of kernel.core_pattern from being started, as 0 would not
        tells = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE), flush=True)\n"
        started = f"import subprocess\nsubprocess.run(['/usr/bin/python3', '-c', {tells!r}])"
        least = int(resource.getrlimit(resource.RLIMIT_CORE)[1] != 0)  # a hard limit of 0 cannot be raised
        self.assert_prints(tells, f"{(least, least)}\n")
        self.assert_prints(started, f"{(least, least)}\n", PROCESSES)

    def test_P07_nobody_can_become_somebody(self):
        # the groups of a user who may not map ids cannot be dropped; in the sandbox they are nobody's
        groups = [] if own_ids() else [65534] * len(executor_service.status_of(executor_service.service.server.pid)["Groups"].split())
        self.assert_prints(program("print(os.getresuid(), os.getresgid(), os.getgroups())\nprint([attempt(f, 0) for f in (os.setuid, os.setgid, os.seteuid, os.setegid)], "
                                   "attempt(os.setgroups, [0]), attempt(os.setresuid, 0, 0, 0), call(122, 0), call(123, 0), call(126, 0, 0), call(157, 8, 1))"),
                           f"(65534, 65534, 65534) (65534, 65534, 65534) {groups}\n['EPERM', 'EPERM', 'EPERM', 'EPERM'] EPERM EPERM EPERM EPERM EPERM EPERM\n")

    def test_P08_a_daemon_does_not_outlive_its_program(self):
        source = program("r, w = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        for n in range(1, 65):\n            try: signal.signal(n, signal.SIG_IGN)\n"
                         "            except (OSError, ValueError): pass\n        os.write(w, b'x')\n        signal.pause()\n    os._exit(0)\nos.read(r, 1)\nprint('ends')")
        result = self.assert_prints(source, "ends\n", PROCESSES)
        self.assertLess(result["durationMs"], 10000)
        self.assertTrue(executor_service.wait_until(lambda: executor_service.service.level() == self.before, 5))

    def test_P08_what_a_program_leaves_behind_says_nothing_more(self):
        source = program("import time\nr, w = os.pipe()\nif os.fork() == 0:\n    os.close(w)\n    os.read(r, 1)  # until its parent has ended\n    time.sleep(0.06)\n"
                         "    os.write(1, b'goes on')\n    os._exit(0)\nprint('ends')")
        self.assert_prints(source, "ends\n", PROCESSES)

    def test_P08_no_process_can_be_made_its_maker_s_parent_s(self):
        # CLONE_PARENT: its end would be the supervisor's to hear of, and until then nothing of the sandbox could go
        source = program("made = call(56, 0x8000 | 17, 0, 0, 0, 0)\nif made == 0: libc._exit(0)\nprint(made)")
        self.assert_prints(source, "EPERM\n", PROCESSES)
        self.assertTrue(executor_service.wait_until(lambda: executor_service.service.level() == self.before, 5), executor_service.service.level())

    def test_P09_a_thread_that_goes_on_is_waited_for(self):
        source = "import threading, time\ndef go_on():\n    while True:\n        print('x', flush=True)\n        time.sleep(0.05)\nthreading.Thread(target=go_on).start()"
        result = self.run_program(source, timeoutMs=500)
        self.assertEqual((result["verdict"], result["stdout"][:2]), ("wall_time_limit", "x\n"))

    def test_P11_exit_statuses_are_exact(self):
        for source, wanted in (("os._exit(0)", (0, None)), ("os._exit(1)", (1, None)), ("os._exit(255)", (255, None)), ("os._exit(256)", (0, None)),
                               ("os._exit(-1)", (255, None)), ("sys.exit('x')", (1, None)), ("raise SystemExit(None)", (0, None)), ("os.abort()", (None, "SIGABRT"))):
            with self.subTest(source):
                result = self.run_program(program(source))
                self.assertEqual((result["exitCode"], result["signal"], result["verdict"]), (*wanted, "accepted" if wanted[0] == 0 else "runtime_error"))


class Networks(executor_service.HostCase):
    def test_N01_there_is_no_socket_of_any_family(self):
        def modules():
            return {line.split()[0] for line in Path("/proc/modules").read_text(encoding="ascii").splitlines()} if Path("/proc/modules").exists() else set()
        before = modules()
        self.assert_prints(program("import socket\nprint({attempt(socket.socket, f, t, p) for f in range(64) for t in (1, 2, 3, 5) for p in (0, 6, 255)}, {call(41, f, 1, 0) for f in range(64)})"),
                           "{'EPERM'} {'EPERM'}\n")
        self.assertEqual(modules() - before, set(), "no family was loaded for it")

    def test_N01_the_one_pair_that_is_left_reaches_nobody(self):
        self.assert_prints(program("import socket\na, b = socket.socketpair()\na.send(b'x')\nprint(b.recv(9), attempt(a.connect, '\\0name'), attempt(a.bind, 'name'), attempt(a.listen), "
                                   "attempt(a.sendmsg, [b'x']), attempt(b.recvmsg, 9), attempt(a.send, b'x', socket.MSG_OOB), attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM))"),
                           "b'x' EPERM EPERM EPERM EPERM EPERM EPERM EPERM\n")

    def test_N04_nothing_can_listen(self):
        self.assert_exit("import socket\nsocket.create_server(('0.0.0.0', 8080))", 1, "PermissionError: [Errno 1] Operation not permitted")
        self.assert_prints(program("import socket\na, b = socket.socketpair()\nprint(attempt(a.listen), attempt(a.bind, 'x'), call(49, a.fileno(), b'\\2\\0' + bytes(14), 16), call(50, a.fileno(), 1), call(288, 3, 0, 0, 0))"),
                           "EPERM EPERM EPERM EPERM EPERM\n")

    def test_N05_no_namespace_can_be_made_or_joined(self):
        for name, flag in CLONE_NEW.items():
            for job in ({}, PROCESSES):
                with self.subTest(name, **job):
                    # CLONE_NEWTIME shares its bit with the exit signal's, which clone() does not take for a namespace
                    if name != "TIME":
                        self.assert_prints(program(f"print(call(56, {flag} | 17, 0, 0, 0, 0), call(435, 0, 88))"), "EPERM ENOSYS\n", job)
            self.assert_violation(program(f"call(272, {flag})"), "unshare")
            self.assert_violation(program(f"call(308, 0, {flag})"), "setns")

    def test_N09_clocks_cannot_be_set(self):
        self.assert_violation(program("call(227, 0, 0)"), "clock_settime")
        self.assert_violation(program("call(164, 0, 0)"), "settimeofday")
        self.assert_prints("import time\nprint(time.clock_gettime(time.CLOCK_BOOTTIME) > 0, abs(time.time() - float(input())) < 120)", "True True\n",
                           stdin=str(__import__("time").time()))

    def test_N11_no_id_of_the_host_is_mapped(self):
        self.assert_prints(program("print(os.stat('/usr').st_uid, os.stat('/etc/passwd').st_gid, os.stat('/tmp').st_uid == os.getuid(), attempt(os.chown, '/tmp/main.py', 0, 0), attempt(os.chown, '/usr', 65534, 65534))"),
                           "65534 65534 True EPERM EPERM\n")


class TwoAtOnce(executor_service.HostCase):
    # each side tries to send, then to receive, over every channel; a channel that opens says so
    SOURCE = program("""
import fcntl, socket, time
ROOTFS = '/usr/bin/python3.11'
fd = os.open(ROOTFS, os.O_RDONLY)
before = os.stat(ROOTFS)
out = {
    'SysV shared memory': call(29, 4711, 4096, 0o1666), 'SysV messages': call(68, 4711, 0o1666), 'SysV semaphores': call(64, 4711, 1, 0o1666),
    'POSIX messages': call(240, b'/name', 0o102, 0o666, 0), '/dev/shm': attempt(os.open, '/dev/shm/name', os.O_CREAT | os.O_RDWR),
    'flock': attempt(fcntl.flock, fd, fcntl.LOCK_SH | fcntl.LOCK_NB), 'fcntl lock': attempt(fcntl.lockf, fd, fcntl.LOCK_SH | fcntl.LOCK_NB),
    'OFD lock': call(72, fd, 37, ctypes.create_string_buffer(64)), 'lease': call(72, fd, 1024, 0), 'dnotify': call(72, fd, 1026, 1),
    'inotify': call(294, 0), 'abstract socket': attempt(socket.socket, socket.AF_UNIX), 'vsock': attempt(socket.socket, 40),
    'writable mapping': call(9, 0, 4096, 3, 1, fd, 0), 'atime': attempt(os.utime, ROOTFS), 'signal': attempt(os.kill, int(input()), 0),
    'readahead': call(187, fd, 0, 4096), 'fadvise': call(221, fd, 0, 4096, 4), 'mincore': call(27, 0, 4096, 0), 'preadv2': call(327, fd, 0, 0, 0, 0, 8),
}
open('/tmp/left', 'w').write('x')
time.sleep(0.5)
os.pread(fd, 4096, 0)
after = os.stat(ROOTFS)
out['times'] = (before.st_atime_ns, before.st_mtime_ns) == (after.st_atime_ns, after.st_mtime_ns)
out['files'] = sorted(os.listdir('/tmp'))
for name, answer in out.items(): print(name, '=', answer)
""")

    def test_N06_two_sandboxes_share_no_channel(self):
        job = {"source": self.SOURCE, "tests": [{"stdin": "3"}]}
        both = [results[0] for results in executor_service.service.at_once([job, job])]
        wanted = {name: "EPERM" for name in ("SysV shared memory", "SysV messages", "SysV semaphores", "POSIX messages", "flock", "fcntl lock", "OFD lock", "lease", "dnotify",
                                             "inotify", "abstract socket", "vsock", "signal", "readahead", "fadvise", "mincore", "preadv2")}
        wanted |= {"/dev/shm": "ENOENT", "writable mapping": "EACCES", "atime": "EROFS", "times": "True", "files": "['left', 'main.py']"}
        for result in both:
            self.assertEqual((dict(line.split(" = ") for line in result["stdout"].splitlines()), result["stderr"]), (wanted, ""))
        self.assertNotEqual(both[0]["containerId"], both[1]["containerId"])

    def test_N06_each_sandbox_has_an_id_and_namespaces_of_its_own(self):
        service, users, spaces = executor_service.service, [], []
        for pid in service.processes():
            status = executor_service.status_of(pid)
            if status.get("NSpid", "").split()[-1:] == ["2"] and len(status["NSpid"].split()) >= 3:
                users.append(status["Uid"].split()[0])
                spaces.append(tuple(os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")))
        self.assertGreaterEqual(len(users), executor_service.CONCURRENCY)
        for kinds in zip(*spaces):
            self.assertEqual(len(set(kinds)), len(kinds))
        own_ids = "own_ids" in self.run_program("pass")["isolation"]
        self.assertEqual(len(set(users)), len(users) if own_ids else 1)


if __name__ == "__main__":
    must_run.main()
