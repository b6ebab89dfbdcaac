"""Every verdict reached by a program over POST /execute, and the facts that a result states beside it."""

import re

import executor_service
import must_run

MIB = 1024 * 1024
STDOUT_MAX = MIB
STDERR_MAX = 256 * 1024
LAYERS = ["user_namespace", "mount_namespace", "pid_namespace", "network_namespace", "ipc_namespace", "uts_namespace",
          "cgroup_namespace", "pivot_root", "no_new_privs", "no_capabilities", "seccomp"]

LIBC = "import ctypes, os, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def setUpModule():
    executor_service.start()


class Accepted(executor_service.HostCase):
    def test_output_as_expected_is_accepted(self):
        result = self.run_program("print(int(input()) * 2)", stdin="21\n", expectedStdout="42\n")
        self.assert_verdict(result, "accepted")
        self.assertEqual((result["passed"], result["exitCode"], result["signal"], result["timedOut"]),
                         (True, 0, None, False))

    def test_nothing_expected_and_exit_0_is_accepted_and_passed_is_null(self):
        result = self.run_program("print('anything')")
        self.assert_verdict(result, "accepted")
        self.assertIsNone(result["passed"])

    def test_an_exit_in_words_of_0_is_accepted(self):
        for source in ("import sys\nsys.exit(0)", "raise SystemExit", "raise SystemExit(None)", "import os\nos._exit(256)"):
            with self.subTest(source):
                self.assert_verdict(self.run_program(source), "accepted")

    def test_trailing_blanks_do_not_count_unless_exact_is_asked_for(self):
        self.assert_verdict(self.run_program("print('a  \\nb\\n')", expectedStdout="a\nb"), "accepted")
        exact = self.run_program("print('a  ')", expectedStdout="a\n", compare="exact")
        self.assert_verdict(exact, "wrong_answer")


class WrongAnswer(executor_service.HostCase):
    def test_other_output_is_a_wrong_answer(self):
        result = self.run_program("print(41)", expectedStdout="42\n")
        self.assert_verdict(result, "wrong_answer")
        self.assertEqual((result["passed"], result["stdout"], result["expectedStdout"], result["exitCode"]),
                         (False, "41\n", "42\n", 0))

    def test_no_output_is_a_wrong_answer(self):
        self.assert_verdict(self.run_program("pass", expectedStdout="42\n"), "wrong_answer")


class RuntimeError_(executor_service.HostCase):
    def test_an_exit_status_is_kept_modulo_256(self):
        for source, code in (("sys.exit(1)", 1), ("sys.exit(3)", 3), ("os._exit(255)", 255), ("os._exit(-1)", 255),
                             ("os._exit(257)", 1), ("sys.exit(300)", 44)):
            with self.subTest(source):
                self.assert_exit(f"import os, sys\n{source}", code)

    def test_an_exit_with_words_prints_them(self):
        self.assert_exit("import sys\nsys.exit('words')", 1, "words")

    def test_an_uncaught_exception_leaves_its_traceback(self):
        result = self.assert_exit("def f():\n    return 1 / 0\nprint('before')\nf()", 1, "ZeroDivisionError: division by zero")
        self.assertEqual(result["stdout"], "before\n")
        self.assertEqual(result["stderr"],
                         'Traceback (most recent call last):\n  File "/tmp/main.py", line 4, in <module>\n    f()\n'
                         '  File "/tmp/main.py", line 2, in f\n    return 1 / 0\n           ~~^~~\n'
                         "ZeroDivisionError: division by zero\n")

    def test_a_right_answer_with_a_wrong_exit_status_is_no_answer(self):
        result = self.run_program("print(42)\nraise SystemExit(1)", expectedStdout="42\n")
        self.assert_verdict(result, "runtime_error")
        self.assertIs(result["passed"], False)

    def test_a_signal_is_named_and_there_is_no_exit_code(self):
        for name in ("SIGSEGV", "SIGABRT", "SIGKILL", "SIGTERM", "SIGFPE", "SIGILL", "SIGBUS", "SIGALRM", "SIGUSR1"):
            with self.subTest(name):
                result = self.run_program(f"import os, signal\nos.kill(os.getpid(), signal.{name})")
                self.assert_verdict(result, "runtime_error")
                self.assertEqual((result["signal"], result["exitCode"], result["timedOut"]), (name, None, False))

    def test_a_crash_of_native_code_is_a_signal(self):
        crash = self.run_program("import ctypes\nctypes.string_at(0)")
        self.assertEqual((crash["verdict"], crash["signal"]), ("runtime_error", "SIGSEGV"))
        end = self.run_program("import os\nos.abort()")
        self.assertEqual((end["verdict"], end["signal"]), ("runtime_error", "SIGABRT"))


class Time(executor_service.HostCase):
    def test_a_sleeper_meets_the_wall_time_limit(self):
        result = self.run_program("import time\nprint('begun', flush=True)\ntime.sleep(100)", timeoutMs=400)
        self.assert_verdict(result, "wall_time_limit")
        self.assertEqual((result["timedOut"], result["stdout"], result["exitCode"]), (True, "begun\n", None))
        self.assertGreaterEqual(result["durationMs"], 400)
        self.assertLess(result["usage"]["cpuSeconds"], 0.4)

    def test_a_spinner_meets_the_cpu_time_limit(self):
        result = self.run_program("while True: pass", cpuTimeMs=300, timeoutMs=60000)
        self.assert_verdict(result, "cpu_time_limit")
        self.assertGreaterEqual(result["usage"]["cpuSeconds"], 0.3)
        self.assertLess(result["usage"]["cpuSeconds"], 0.3 + 0.15)
        self.assertEqual((result["timedOut"], result["signal"]), (True, "SIGKILL"))

    def test_threads_are_charged_together(self):
        source = ("import hashlib, threading\ndata = bytes(1 << 20)\n"
                  "def spin():\n    while True: hashlib.sha256(data).digest()\n"
                  "for _ in range(8): threading.Thread(target=spin).start()\n")
        result = self.run_program(source, cpuTimeMs=400, timeoutMs=60000)
        self.assert_verdict(result, "cpu_time_limit")
        self.assertGreaterEqual(result["usage"]["cpuSeconds"], 0.4)
        self.assertLess(result["usage"]["cpuSeconds"], 0.4 + 0.25)

    def test_children_are_charged_too(self):
        source = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
        result = self.run_program(source, {"processes": True}, cpuTimeMs=400, timeoutMs=60000)
        self.assert_verdict(result, "cpu_time_limit")

    def test_a_program_that_catches_everything_is_ended_all_the_same(self):
        source = ("import signal\nfor n in set(range(1, 65)) - {9, 19, 32, 33}:\n    signal.signal(n, signal.SIG_IGN)\n"
                  "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
                  "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n")
        self.assert_verdict(self.run_program(source, cpuTimeMs=300, timeoutMs=60000), "cpu_time_limit")

    def test_the_duration_covers_a_sleep_and_not_much_cpu(self):
        result = self.run_program("import time\ntime.sleep(0.25)")
        self.assert_verdict(result, "accepted")
        self.assertGreaterEqual(result["durationMs"], 250)
        self.assertGreaterEqual(result["wallSeconds"], 0.25)
        self.assertLess(result["usage"]["cpuSeconds"], 0.2)

    def test_who_ends_just_beyond_its_cpu_limit_is_beyond_it(self):
        source = "import time\nbegin = time.process_time()  # which is more than nothing on a slow host\nwhile time.process_time() < begin + 0.058: pass"
        result = self.run_program(source, cpuTimeMs=50, timeoutMs=10000)
        self.assert_verdict(result, "cpu_time_limit")

    def test_a_spinner_whose_cpu_limit_is_far_meets_its_deadline(self):
        result = self.run_program("while True: pass", timeoutMs=400, cpuTimeMs=20000)
        self.assert_verdict(result, "wall_time_limit")
        self.assertTrue(result["timedOut"])

    def test_cpu_seconds_are_what_the_program_used(self):
        # the process has a life before its program, whose time is not the program's
        source = ("import time\nbegin = time.process_time()\nwhile time.process_time() < begin + 0.3: pass\n"
                  "print(begin, time.process_time())")
        result = self.run_program(source)
        begin, end = map(float, result["stdout"].split())
        self.assertGreaterEqual(result["usage"]["cpuSeconds"], 0.3 - 0.02)
        self.assertLess(result["usage"]["cpuSeconds"], end + 0.1)


class Memory(executor_service.HostCase):
    LIMIT = 64 * MIB
    # pages of the interpreter that all sandboxes share: resident in the program, charged to nobody
    SLACK = 13 * MIB

    def test_a_block_beyond_the_limit(self):
        result = self.run_program("b = bytearray(256 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1",
                                  memoryBytes=self.LIMIT)
        self.assert_verdict(result, "memory_limit")
        self.assertEqual((result["signal"], result["exitCode"]), ("SIGKILL", None))

    def test_slow_growth_beyond_the_limit(self):
        source = "import time\nkept = []\nwhile True:\n    kept.append(b'x' * (4 << 20))\n    time.sleep(0.005)"
        self.assert_verdict(self.run_program(source, memoryBytes=self.LIMIT), "memory_limit")

    def test_what_one_program_used_is_not_told_of_the_next(self):
        # under load the next sandboxes live in the control groups of those before
        greedy = "kept = b'x' * (96 << 20)\nimport time\nwhile time.process_time() < 0.2: pass"
        beyond = "kept = b'x' * (512 << 20)"
        for _ in range(4):
            self.assertGreater(self.run_program(greedy)["usage"]["memoryBytes"], 96 * MIB)
            self.assert_verdict(self.run_program(beyond, memoryBytes=self.LIMIT), "memory_limit")
            for result in executor_service.service.execute("print(1)", [{"expectedStdout": "1\n"}] * 6):
                self.assert_verdict(result, "accepted")
                self.assertLess(result["usage"]["memoryBytes"], 24 * MIB)
                self.assertLess(result["usage"]["cpuSeconds"], 0.15)

    def test_files_of_the_work_directory_count(self):
        source = ("data = b'x' * (1 << 20)\nwith open('file', 'wb') as f:\n    for _ in range(15): f.write(data)\n"
                  "kept = bytearray(b'y') * (20 << 20)\nprint('not reached')")
        self.assert_verdict(self.run_program(source, memoryBytes=32 * MIB), "memory_limit")

    def test_the_children_share_one_limit(self):
        source = ("import os, time\nfor _ in range(4):\n    if not os.fork():\n        kept = b'x' * (30 << 20)\n"
                  "        time.sleep(5)\n        os._exit(0)\nfor _ in range(4): os.wait()\nprint('not reached')")
        result = self.run_program(source, {"processes": True}, memoryBytes=self.LIMIT)
        self.assert_verdict(result, "memory_limit")

    def test_a_memory_error_of_python_is_its_own_exception(self):
        self.assert_exit("b = bytearray(1 << 62)", 1, "MemoryError")

    def test_used_memory_is_plausible(self):
        small = self.run_program("pass")["usage"]["memoryBytes"]
        self.assertGreaterEqual(small, 5 * MIB)
        self.assertLess(small, 32 * MIB)
        touched = self.run_program("b = b'x' * (50 << 20)")["usage"]["memoryBytes"]
        self.assertGreaterEqual(touched, 50 * MIB)
        self.assertLess(touched, 50 * MIB + 32 * MIB)

    def test_used_memory_stays_within_the_limit(self):
        result = self.run_program("b = b'x' * (256 << 20)", memoryBytes=self.LIMIT)
        self.assert_verdict(result, "memory_limit")
        self.assertLessEqual(result["usage"]["memoryBytes"], self.LIMIT + self.SLACK)

    def test_what_fits_the_limit_runs(self):
        self.assert_prints("b = b'x' * (40 << 20)\nprint(len(b))", f"{40 << 20}\n", memoryBytes=self.LIMIT)


class Output(executor_service.HostCase):
    def test_the_bytes_up_to_the_cap_of_stdout_are_kept(self):
        result = self.run_program("import sys\nwhile True: sys.stdout.write('0123456789abcde\\n')")
        self.assert_verdict(result, "output_limit")
        self.assertEqual(result["stdout"], "0123456789abcde\n" * (STDOUT_MAX // 16))
        self.assertEqual((result["stdoutTruncated"], result["stderrTruncated"], result["stderr"]), (True, False, ""))

    def test_the_bytes_up_to_the_cap_of_stderr_are_kept(self):
        result = self.run_program("import sys\nwhile True: sys.stderr.write('0123456789abcde\\n')")
        self.assert_verdict(result, "output_limit")
        self.assertEqual(result["stderr"], "0123456789abcde\n" * (STDERR_MAX // 16))
        self.assertEqual((result["stdoutTruncated"], result["stderrTruncated"], result["stdout"]), (False, True, ""))

    def test_exactly_the_cap_is_no_limit(self):
        source = f"import sys\nsys.stdout.write('x' * {STDOUT_MAX})\nsys.stderr.write('y' * {STDERR_MAX})"
        result = self.run_program(source)
        self.assert_verdict(result, "accepted")
        self.assertEqual((len(result["stdout"]), len(result["stderr"])), (STDOUT_MAX, STDERR_MAX))
        self.assertEqual((result["stdoutTruncated"], result["stderrTruncated"]), (False, False))

    def test_one_byte_more_than_the_cap_is_the_limit(self):
        result = self.run_program(f"import sys\nsys.stdout.write('x' * {STDOUT_MAX + 1})")
        self.assert_verdict(result, "output_limit")
        self.assertEqual((len(result["stdout"]), result["stdoutTruncated"]), (STDOUT_MAX, True))


class SecurityViolation(executor_service.HostCase):
    def test_the_call_is_named(self):
        for call, source in (("ptrace", "libc.ptrace(0, 0, 0, 0)"), ("mount", "libc.mount(b'a', b'/tmp', b'tmpfs', 0, 0)"),
                             ("unshare", "libc.unshare(0x10000000)"), ("bpf", "libc.syscall(321, 0, 0, 0)"),
                             ("reboot", "libc.reboot(0)")):
            with self.subTest(call):
                result = self.assert_violation(LIBC + "print('before', flush=True)\n" + source, call)
                self.assertEqual(result["stdout"], "before\n")

    def test_a_call_in_a_thread_ends_the_whole_program(self):
        source = LIBC + ("import threading, time\nthreading.Thread(target=lambda: libc.ptrace(0, 0, 0, 0)).start()\n"
                         "time.sleep(5)\nprint('not reached')")
        self.assertEqual(self.assert_violation(source, "ptrace")["stdout"], "")


class CompileError(executor_service.HostCase):
    def test_a_syntax_error_is_refused_with_its_place(self):
        status, answer = executor_service.service.post(
            {"language": "python", "source": "x = 1\nprint(x", "tests": [{"stdin": ""}]})
        self.assertEqual((status, answer["ok"], answer["error"]["code"]), (400, False, "compile_error"))
        violation = answer["error"]["violations"][0]
        self.assertEqual((violation["line"], violation["rule"], violation["message"]), (2, "syntax", "'(' was never closed"))

    def test_a_syntax_error_of_code_made_while_running_is_a_runtime_error(self):
        self.assert_exit("exec('x = ')", 1, "SyntaxError: invalid syntax")


class Order(executor_service.HostCase):
    def test_results_keep_the_order_of_tests(self):
        tests = [{"stdin": f"{n}\n", "expectedStdout": f"{n * n}\n"} for n in range(40)]
        source = "import time\nn = int(input())\ntime.sleep(0.04 if n % 4 == 0 else 0)\nprint(n * n)"
        results = executor_service.service.execute(source, tests)
        self.assertEqual([r["stdout"] for r in results], [t["expectedStdout"] for t in tests])
        self.assertEqual({r["verdict"] for r in results}, {"accepted"})

    def test_each_test_has_a_sandbox_of_its_own(self):
        source = "import os\nprint(os.path.exists('left'))\nopen('left', 'w').close()"
        results = executor_service.service.execute(source, [{}] * 12)
        self.assertEqual({r["stdout"] for r in results}, {"False\n"})
        names = [r["containerId"] for r in results]
        self.assertEqual(len(set(names)), 12)
        for name in names:
            self.assertRegex(name, re.compile(r"\A[0-9a-f]{12}\Z"))

    def test_what_follows_a_failure_is_skipped_where_asked_for(self):
        tests = [{"stdin": text, "expectedStdout": "ok"} for text in ("ok", "bad", "ok", "ok")]
        job = {"source": "print(input())", "tests": tests}
        results = executor_service.service.execute(**job, stopOnFailure=True)
        self.assertEqual([r["verdict"] for r in results], ["accepted", "wrong_answer", "skipped", "skipped"])
        results = executor_service.service.execute(**job)
        self.assertEqual([r["verdict"] for r in results], ["accepted", "wrong_answer", "accepted", "accepted"])

    def test_the_answer_counts_what_passed(self):
        _, answer = executor_service.service.post({"language": "python", "source": "print(input())", "tests": [
            {"stdin": "a", "expectedStdout": "a"}, {"stdin": "b", "expectedStdout": "a"}]})
        self.assertEqual((answer["passed"], answer["total"]), (1, 2))

    def test_every_layer_is_named(self):
        result = self.run_program("pass")
        self.assertEqual(result["backend"], "native")
        self.assertEqual([layer for layer in LAYERS if layer not in result["isolation"]], [])
        self.assertEqual(len([layer for layer in result["isolation"] if layer in ("cgroup_v1", "cgroup_v2")]), 1)


class Surroundings(executor_service.HostCase):
    def test_arguments_arrive_as_given(self):
        arguments = ["a", "", "two words", "-x", "ü", "*"]
        self.assert_prints("import sys\nprint(sys.argv)", f"{['main.py', *arguments]}\n", args=arguments)

    def test_files_stand_in_the_work_directory_and_cannot_be_changed(self):
        source = ("import os\nprint(open('data.txt').read(), open('sub/more.txt').read())\n"
                  "for path, mode in (('data.txt', 'w'), ('data.txt', 'a'), ('sub/more.txt', 'r+')):\n"
                  "    try: open(path, mode)\n    except OSError as error: print(type(error).__name__)\n")
        files = [{"path": "data.txt", "content": "one"}, {"path": "sub/more.txt", "content": "two"}]
        self.assert_prints(source, "one two\n" + "PermissionError\n" * 3, {"files": files})

    def test_modules_among_the_files_can_be_imported(self):
        self.assert_prints("import helper\nprint(helper.twice(4))", "8\n",
                           {"files": [{"path": "helper.py", "content": "def twice(n):\n    return n * 2\n"}]})

    def test_standard_input_ends(self):
        self.assert_prints("import sys\nprint(repr(sys.stdin.read()))\nprint(repr(sys.stdin.read()))", "'a\\nb'\n''\n", stdin="a\nb")
        self.assert_exit("input()", 1, "EOFError: EOF when reading a line")

    def test_input_that_is_never_read_stops_nobody(self):
        self.assert_prints("print('done')", "done\n", stdin="x" * (2 * MIB))


class Processes(executor_service.HostCase):
    JOB = {"processes": True}

    def test_fork_and_wait_work(self):
        source = ("import os\npid = os.fork()\nif pid == 0:\n    print('child', flush=True)\n    os._exit(3)\n"
                  "_, status = os.waitpid(pid, 0)\nprint('parent', os.waitstatus_to_exitcode(status))")
        self.assert_prints(source, "child\nparent 3\n", self.JOB)

    def test_subprocess_works(self):
        source = ("import subprocess, sys\ndone = subprocess.run([sys.executable, '-c', 'print(6*7); raise SystemExit(5)'], "
                  "capture_output=True, text=True)\nprint(done.returncode, done.stdout, end='')")
        self.assert_prints(source, "5 42\n", self.JOB)

    def test_multiprocessing_by_fork_works(self):
        source = ("import multiprocessing, os\nr, w = multiprocessing.Pipe()\n"
                  "p = multiprocessing.get_context('fork').Process(target=lambda: w.send(os.getpid() != os.getppid()))\n"
                  "p.start()\np.join()\nprint(r.recv(), p.exitcode)")
        self.assert_prints(source, "True 0\n", self.JOB)

    def test_a_child_in_the_background_does_not_outlive_the_program(self):
        source = ("import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
                  "        time.sleep(60)\n    os._exit(0)\nos.wait()\nprint('main ends', flush=True)\nos._exit(0)")
        result = self.run_program(source, self.JOB)
        self.assert_verdict(result, "accepted")
        self.assertEqual(result["stdout"], "main ends\n")
        self.assertLess(result["durationMs"], 5000)
        gone = executor_service.wait_until(
            lambda: executor_service.service.level()["processes"] == self.before["processes"], 5)
        self.assertTrue(gone, "a child in the background is alive")

    def test_a_program_that_kills_itself_died_of_its_signal(self):
        result = self.run_program("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", self.JOB)
        self.assertEqual((result["verdict"], result["signal"]), ("runtime_error", "SIGKILL"))

    def test_the_number_of_processes_is_limited(self):
        source = ("import os, time\nmade = 0\ntry:\n    while made < 500:\n        if os.fork() == 0:\n            time.sleep(30)\n"
                  "            os._exit(0)\n        made += 1\nexcept BlockingIOError as error:\n    print(error.errno, made < 64, flush=True)\n"
                  "os._exit(0)")
        self.assert_prints(source, "11 True\n", self.JOB)

    def test_without_it_there_is_one_process(self):
        self.assert_exit("import os\nos.fork()", 1, "PermissionError: [Errno 1] Operation not permitted")


if __name__ == "__main__":
    must_run.main()
