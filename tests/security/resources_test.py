"""Cases R: everything that runs out, runs out inside the sandbox, and its end is told by its name."""

from pathlib import Path

import executor_service
import must_run
from attempts import KILLED, program

MIB = 1024 * 1024
PROCESSES = {"processes": True}


def setUpModule():
    executor_service.start()


class Memory(executor_service.HostCase):
    def test_R01_memory_is_limited_by_the_oom_counter(self):
        result = self.run_program("b = bytearray(256 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('not reached')",
                                  memoryBytes=64 * MIB)
        self.assertEqual((result["verdict"], result["signal"], result["stdout"]), ("memory_limit", "SIGKILL", ""))

    def test_R01_a_kill_of_its_own_is_no_memory_verdict(self):
        for source in ("os.kill(os.getpid(), 9)", "os._exit(137)"):
            with self.subTest(source):
                self.assert_verdict(self.run_program(program(source)), "runtime_error")

    def test_R01_one_process_killed_is_the_end_of_all(self):
        source = program("if os.fork() == 0:\n    b = b'x' * (256 << 20)\n    os._exit(0)\nos.wait()\nprint('not reached')")
        result = self.run_program(source, PROCESSES, memoryBytes=64 * MIB)
        self.assertEqual((result["verdict"], result["stdout"]), ("memory_limit", ""))

    def test_R02_reserved_address_space_costs_nothing(self):
        result = self.assert_prints(program(
            "libc.mmap.restype = ctypes.c_void_p\n"
            "p = libc.mmap(None, ctypes.c_size_t(1 << 40), 0, 0x4022, -1, ctypes.c_long(0))\n"
            "print(p != ctypes.c_void_p(-1).value)"), "True\n")
        self.assertLess(result["usage"]["memoryBytes"], 32 * MIB)

    def test_R20_nothing_is_kept_of_what_a_run_took(self):
        forms = ("kept = b'x' * (200 << 20)",
                 "n = 0\nwhile True:\n    open(str(n), 'wb').write(b'x' * (1 << 20))\n    n += 1\n",
                 "import os\nkept = []\nwhile True:\n    r, w = os.pipe()\n    os.set_blocking(w, False)\n    os.write(w, b'x' * 65536)\n    kept.append((r, w))\n")
        for source, verdict in zip(forms, ("memory_limit", "runtime_error", "runtime_error")):
            results = executor_service.service.execute(source, [{"memoryBytes": 32 * MIB if verdict == "memory_limit" else 64 * MIB}] * 10)
            self.assertEqual({r["verdict"] for r in results}, {verdict})

    def test_R21_bombs_meet_the_memory_limit(self):
        for source, verdict in (("b = 'a' * 10 ** 9", "memory_limit"),
                                ("import zlib\nd = zlib.decompressobj()\nbomb = zlib.compress(bytes(1 << 20)) \nkept = [zlib.decompress(bomb) for _ in range(1000)]", "memory_limit"),
                                ("import pickle\nx = []\nfor _ in range(100000): x = [x]\npickle.dumps(x)", "runtime_error")):
            with self.subTest(source):
                result = self.run_program(source, memoryBytes=64 * MIB)
                self.assert_verdict(result, verdict)

    def test_R29_slow_growth_is_not_swapped(self):
        result = self.run_program("kept = []\nfor _ in range(128): kept.append(b'x' * (1 << 20))\nprint('not reached')",
                                  memoryBytes=64 * MIB)
        self.assertEqual((result["verdict"], result["stdout"]), ("memory_limit", ""))


class Files(executor_service.HostCase):
    def test_R04_the_work_directory_is_bounded(self):
        source = "n = 0\nwhile True:\n    with open(f'f{n}', 'wb') as f: f.write(b'x' * (1 << 20))\n    n += 1"
        self.assert_exit(source, 1, "OSError: [Errno 28] No space left on device")

    def test_R05_files_are_counted(self):
        self.assert_exit("for n in range(10 ** 6): open(f'f{n}', 'w').close()", 1,
                         "OSError: [Errno 28] No space left on device: 'f1022'")

    def test_R06_a_file_cannot_be_larger_than_the_limit(self):
        self.assert_exit("open('f', 'wb').truncate(1 << 40)", 1, "OSError: [Errno 27] File too large")
        self.assert_exit("f = open('f', 'wb')\nf.seek(1 << 40)\nf.write(b'x')\nf.flush()", 1, "OSError: [Errno 27] File too large")

    def test_R07_there_is_no_shared_memory(self):
        def objects():
            return [Path("/proc/sysvipc", kind).read_text(encoding="ascii").count("\n") for kind in ("shm", "msg", "sem")]
        before = objects()
        self.assert_prints(program("print(attempt(os.listdir, '/dev/shm'), call(319, b'x', 0), call(29, 1, 4096, 0o1666), "
                                   "call(240, b'/x', 0o102, 0o600, 0), call(64, 1, 1, 0o1666), call(68, 1, 0o1666))"),
                           "ENOENT ENOSYS EPERM EPERM EPERM EPERM\n")
        self.assertEqual(objects(), before)

    def test_R08_pipes_are_counted_and_keep_their_size(self):
        self.assert_prints(program(
            "import fcntl\nr, w = os.pipe()\nprint(attempt(fcntl.fcntl, w, 1031, 1 << 20))\nmade = 1\n"
            "try:\n    while True:\n        r, w = os.pipe()\n        made += 1\n        os.set_blocking(w, False)\n"
            "        os.write(w, bytes(65536))\nexcept OSError as error: print(errno.errorcode[error.errno], made)\n"),
            "EPERM\nEMFILE 126\n")

    def test_R09_socket_pairs_are_counted_and_epoll_cannot_nest_deep(self):
        self.assert_prints(program(
            "import select, socket\nkept = []\nfirst = inner = select.epoll()\nkept.append(inner)\nanswer = 'done'\nfor _ in range(6):\n"
            "    outer = select.epoll()\n    kept.append(outer)\n    answer = attempt(outer.register, inner.fileno(), 1)\n    if answer != 'done': break\n    inner = outer\n"
            "print(answer)\nfilled = 0\ntry:\n    while True:\n        a, b = socket.socketpair()\n        a.setblocking(False)\n        kept += [a, b]\n"
            "        try:\n            while True: a.send(bytes(65536))\n        except BlockingIOError: filled += 1\n"
            "except OSError as error: print(errno.errorcode[error.errno], filled > 100)\n"), "ELOOP\nEMFILE True\n")


class Processes(executor_service.HostCase):
    def test_R03_threads_are_counted(self):
        result = self.assert_exit("import threading\nwait = threading.Event()\n"
                                  "for n in range(10000):\n    threading.Thread(target=wait.wait, daemon=True).start()\n", 1,
                                  "RuntimeError: can't start new thread")
        self.assertEqual(result["stdout"], "")

    def test_R15_there_is_no_fork(self):
        self.assert_exit("import os\nwhile True: os.fork()", 1, "PermissionError: [Errno 1] Operation not permitted")

    def test_R16_a_fork_bomb_ends_within_its_sandbox(self):
        source = program("signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n    try:\n        if os.fork() == 0:\n            os.setsid()\n"
                         "    except OSError as error:\n        if error.errno != errno.EAGAIN: os._exit(9)\n")
        result = self.run_program(source, PROCESSES, timeoutMs=1500)
        self.assertIn(result["verdict"], KILLED)
        self.assertEqual((result["stdout"], result["stderr"]), ("", ""))
        self.assertTrue(executor_service.wait_until(lambda: executor_service.service.level() == self.before, 5))

    def test_R17_zombies_are_counted(self):
        source = program("made = 0\ntry:\n    while made < 1000:\n        if os.fork() == 0: os._exit(0)\n        made += 1\n"
                         "except OSError as error: print(errno.errorcode[error.errno], made < 64, flush=True)\nos._exit(1)")
        result = self.run_program(source, PROCESSES)
        self.assertEqual((result["verdict"], result["stdout"], result["exitCode"]), ("runtime_error", "EAGAIN True\n", 1))

    def test_R17_orphans_are_reaped(self):
        source = program("for _ in range(300):\n    if os.fork() == 0:\n        try:\n            os.fork()\n        except OSError: pass\n        os._exit(0)\n    os.wait()\nprint('done')")
        self.assert_prints(source, "done\n", PROCESSES)

    def test_R27_no_priority_and_no_locked_memory(self):
        self.assert_prints(program(
            "b = ctypes.create_string_buffer(4096)\nprint(call(149, b, 4096), call(151, 3), call(141, 0, 0, -20), attempt(os.nice, -5), "
            "attempt(os.sched_setaffinity, 0, {0}), attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)), call(251, 1, 0, 0))"),
            "EPERM EPERM EPERM EPERM EPERM EPERM EPERM\n")


class Time(executor_service.HostCase):
    def test_R10_a_spinner_meets_its_cpu_limit(self):
        results = [self.run_program("while True: pass", cpuTimeMs=200, timeoutMs=60000) for _ in range(3)]
        self.assertEqual({r["verdict"] for r in results}, {"cpu_time_limit"})
        self.assertLess(min(r["usage"]["cpuSeconds"] for r in results), 0.25)

    def test_R11_threads_without_the_lock_are_summed(self):
        source = ("import threading, zlib\ndata = bytes(1 << 20)\ndef spin():\n    while True: zlib.crc32(data)\n"
                  "for _ in range(8): threading.Thread(target=spin).start()")
        result = self.run_program(source, cpuTimeMs=300, timeoutMs=60000)
        self.assert_verdict(result, "cpu_time_limit")
        # one processor's worth of quota: never more time used than has passed
        self.assertLessEqual(result["usage"]["cpuSeconds"], result["wallSeconds"] + 0.11)

    def test_R12_a_sleeper_meets_its_wall_limit(self):
        results = [self.run_program("import time\ntime.sleep(1e9)", timeoutMs=300) for _ in range(3)]
        self.assertEqual({(r["verdict"], r["timedOut"]) for r in results}, {("wall_time_limit", True)})
        self.assertLess(min(r["wallSeconds"] for r in results), 0.4)

    def test_R13_no_signal_mask_helps(self):
        source = program("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
                         "for n in (signal.SIGTERM, signal.SIGXCPU, signal.SIGALRM): signal.signal(n, signal.SIG_IGN)\nwhile True: pass")
        result = self.run_program(source, cpuTimeMs=200, timeoutMs=60000)
        self.assertEqual((result["verdict"], result["signal"]), ("cpu_time_limit", "SIGKILL"))

    def test_R19_a_crash_is_a_signal_and_leaves_no_core(self):
        source = "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return [*map(f, [x])]\nf(1)"
        self.assertEqual(self.run_program(source)["signal"], "SIGSEGV")
        result = self.run_program("import ctypes\nctypes.string_at(0)")
        self.assertEqual((result["verdict"], result["signal"]), ("runtime_error", "SIGSEGV"))

    def test_R22_a_flood_is_cut_at_the_cap(self):
        result = self.run_program("import os\nb = b'x' * 65536\nwhile True: os.write(1, b)")
        self.assertEqual((result["verdict"], len(result["stdout"]), result["stdoutTruncated"]), ("output_limit", MIB, True))

    def test_R24_input_that_nobody_reads_blocks_nobody(self):
        self.assert_prints("print('done')", "done\n", stdin="x" * (3 * MIB))
        self.assert_prints("import os\nos.close(0)\nprint('done')", "done\n", stdin="x" * (3 * MIB))


if __name__ == "__main__":
    must_run.main()
