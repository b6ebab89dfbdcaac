#!/usr/bin/python3
"""One suite of programs for every backend: the same results, verdicts and limits, whatever runs them.

What differs stands in DIFFERENCES, and in docs/backends.md for people.
"""

import glob
import json
import os
import signal
import unittest
from unittest.mock import ANY

import docker_engine
import executor_service
import must_run

MEBIBYTE = 1 << 20


def ends(stdout="", stderr="", code=0, verdict="accepted", **facts):
    return {"stdout": stdout, "stderr": stderr, "exitCode": code, "signal": None, "verdict": verdict, "timedOut": False,
            "stdoutTruncated": False, "stderrTruncated": False, **facts}


def dies(signal, verdict="runtime_error", stdout="", **facts):
    return {"stdout": stdout, "stderr": "", "exitCode": None, "signal": signal, "verdict": verdict, "timedOut": False,
            "stdoutTruncated": False, "stderrTruncated": False, **facts}


def trace(line, text, error):
    return f'Traceback (most recent call last):\n  File "/tmp/main.py", line {line}, in <module>\n    {text}\n{error}\n'


FAILS = ends(stderr=ANY, code=1, verdict="runtime_error")

# case → facts that a backend gives instead, with the reason in docs/backends.md
DIFFERENCES = {
    "docker": {
        "a call that no honest program makes": {"violation": None},
    },
    "local": {
        "a call that no honest program makes": {"violation": None},
        # it stands in a directory of its own on the host
        "where it is and who": {"stdout": ANY},
        "the environment": {"stdout": ANY},
        "an exception": {"stderr": ANY},
        # files cannot be written
        "the size of a file": FAILS,
        "the number of files": {"stdout": "13 False\n"},
        "no program in the work directory": FAILS,
        # processes are not granted
        "processes where they are allowed": FAILS,
        "a program of its own": FAILS,
        "too many processes": {"stdout": "1 True\n"},
        "what is left behind ends with it": FAILS,
        "processes that kill all in reach": FAILS,
    },
}


CASES = {}


def case(name, source, expected, job=None, **test):
    CASES[name] = ({"source": source, "tests": [test], **(job or {})}, expected)


case("output and input", "print(int(input()) * 2)", ends("10\n"), stdin="5\n", expectedStdout="10\n")
case("another output than the expected one", "print(9)", ends("9\n", verdict="wrong_answer"), expectedStdout="10\n")
case("standard error is kept apart", "import sys\nprint('a')\nprint('b', file=sys.stderr)", ends("a\n", "b\n"))
case("input that is not read", "print(1)", ends("1\n"), stdin="x" * MEBIBYTE)
case("input of a mebibyte comes back", "import sys\nprint(len(sys.stdin.read()))", ends(f"{MEBIBYTE}\n"), stdin="x" * MEBIBYTE)
case("bytes as they are", "import sys\nsys.stdout.buffer.write(bytes(range(32, 127)))", ends(bytes(range(32, 127)).decode()))
case("text beyond ASCII", "print(input() + 'é☃')", ends("ß𝄞é☃\n"), stdin="ß𝄞\n")
case("arguments", "import sys\nprint(sys.argv, sys.orig_argv)", ends("['main.py', 'a b', 'c'] ['python3', 'main.py', 'a b', 'c']\n"), args=["a b", "c"])
case("files beside the program", "import os, stat\nfrom pack.mod import X\nprint(X, oct(os.stat('data.txt').st_mode & 0o777), open('data.txt').read())",
     ends("7 0o444 hello\n"), {"files": [{"path": "pack/mod.py", "content": "X = 7\n"}, {"path": "data.txt", "content": "hello"}]})
case("where it is and who", "import os, socket\nprint(os.getcwd(), __file__, os.getuid(), os.getgid(), os.uname().nodename)",
     ends("/tmp /tmp/main.py 65534 65534 sandbox\n"))
case("the environment", "import os\nprint(sorted(os.environ.items()))",
     ends("[('HOME', '/tmp'), ('LANG', 'C.UTF-8'), ('PATH', '/usr/bin'), ('PYTHONHASHSEED', '0')]\n"))
case("a session of its own", "import os\nprint(os.getpid() == os.getpgrp(), os.ttyname if os.isatty(0) else 'none')", ends("True none\n"))

case("an exit status", "import sys\nsys.exit(3)", ends(code=3, verdict="runtime_error"))
case("an exit status that looks like a signal's", "import sys\nsys.exit(139)", ends(code=139, verdict="runtime_error"))
case("an exit in words", "import sys\nsys.exit('enough')", ends(stderr="enough\n", code=1, verdict="runtime_error"))
case("an exception", "x = 1 // 0",
     ends(stderr=trace(1, "x = 1 // 0\n        ~~^^~~", "ZeroDivisionError: integer division or modulo by zero"), code=1, verdict="runtime_error"))
case("output before an exit without flush", "import os\nprint('lost')\nos._exit(0)", ends())
case("abort", "import os\nos.abort()", dies("SIGABRT"))
case("a signal to itself", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", dies("SIGTERM"))
case("a kill of itself", "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)", dies("SIGKILL", stdout="x\n"))
case("a segmentation fault", "import ctypes\nctypes.string_at(0)", dies("SIGSEGV"))
case("a handler of its own", "import os, signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('caught'))\nos.kill(os.getpid(), signal.SIGUSR1)", ends("caught\n"))

case("wall time", "import time\nprint('before', flush=True)\ntime.sleep(60)", dies("SIGKILL", "wall_time_limit", "before\n", timedOut=True), timeoutMs=400)
case("wall time with a handler of SIGTERM", "import signal, time\nsignal.signal(15, lambda *_: None)\nwhile True: time.sleep(9)",
     dies("SIGKILL", "wall_time_limit", timedOut=True), timeoutMs=400)
case("CPU time", "while True: pass", dies("SIGKILL", "cpu_time_limit", timedOut=True), cpuTimeMs=300, timeoutMs=20000)
case("memory", "import time\nx = bytearray(200 << 20)\ntime.sleep(2)\nprint('alive')", dies("SIGKILL", "memory_limit"), memoryBytes=64 * MEBIBYTE)
case("memory in small pieces", "x = []\nwhile True: x.append('x' * 1000)", dies("SIGKILL", "memory_limit"), memoryBytes=48 * MEBIBYTE)
case("standard output at its cap", f"import sys\nsys.stdout.write('x' * {MEBIBYTE})", ends("x" * MEBIBYTE))
case("standard output beyond its cap", "while True: print('x' * 1000)", dies("SIGKILL", "output_limit", ("x" * 1000 + "\n") * 1047 + "x" * 529, stdoutTruncated=True))
case("standard error at its cap", "import sys\nsys.stderr.write('e' * 262144)", ends(stderr="e" * 262144))
case("standard error beyond its cap", "import sys, time\nsys.stderr.write('e' * 262145)\nsys.stderr.flush()\ntime.sleep(20)",
     {**dies("SIGKILL", "output_limit", stderrTruncated=True), "stderr": "e" * 262144})
case("both at once, much", "import sys\nfor i in range(3000):\n    print('o' * 50)\n    print('e' * 50, file=sys.stderr)",
     ends(("o" * 50 + "\n") * 3000, ("e" * 50 + "\n") * 3000))
case("open files", "files = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError as error:\n    print(error.errno, len(files) in (252, 253))", ends("24 True\n"))
case("the size of a file", "import os\ntry:\n    with open('big', 'wb', 0) as f:\n        for _ in range(20): f.write(b'x' * (1 << 20))\nexcept OSError as error:\n    print(error.errno in (27, 28), os.path.getsize('big') <= 16 << 20)",
     ends("True True\n"))
case("the number of files", "try:\n    for i in range(2000): open(f'f{i}', 'w').close()\nexcept OSError as error:\n    print(error.errno, 900 < i < 1024)", ends("28 True\n"))
case("threads", "import threading\nfor _ in range(40): threading.Thread(target=print, args=('t',)).start()", ends("t\n" * 40))
case("too many threads", "import threading, time\nstarted = 0\ntry:\n    for _ in range(200):\n        threading.Thread(target=time.sleep, args=(0.5,)).start()\n        started += 1\nexcept RuntimeError as error:\n    print(error, started < 80)",
     ends("can't start new thread True\n"))

case("no fork", "import os\ntry: os.fork()\nexcept PermissionError as error: print(error)", ends("[Errno 1] Operation not permitted\n"))
case("no other program", "import os\ntry: os.execv('/usr/bin/python3', ['python3', '-c', ''])\nexcept PermissionError as error: print(error)",
     ends("[Errno 1] Operation not permitted\n"))
case("no children to wait for", "import os\ntry: os.wait()\nexcept ChildProcessError as error: print(error)", ends("[Errno 10] No child processes\n"))
case("no signal to others", "import os\nfor pid in (1, os.getppid() or 1):\n    try: os.kill(pid, 9)\n    except PermissionError as error: print(error)",
     ends("[Errno 1] Operation not permitted\n" * 2))
case("no sockets", "import socket\ntry: socket.socket()\nexcept PermissionError as error: print(error)", ends("[Errno 1] Operation not permitted\n"))
case("no new limits", "import resource\ntry: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))\nexcept (PermissionError, ValueError) as error: print('refused')", ends("refused\n"))
case("a read-only root", "for path in ('/x', '/etc/x', '/usr/x', '/dev/x'):\n    try: open(path, 'w')\n    except OSError as error: print(error.errno in (13, 30))", ends("True\n" * 4))
case("no program in the work directory", "import ctypes, os\nopen('x', 'wb').write(b'#!/usr/bin/python3\\n')\nos.chmod('x', 0o755)\nprint(os.statvfs('/tmp').f_flag & os.ST_NOEXEC == os.ST_NOEXEC)", ends("True\n"))
case("a call that no honest program makes", "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)", dies("SIGSYS", "security_violation", violation="ptrace"))
case("a call that the kernel seems not to have", "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nprint(c.syscall(435, 0, 0), ctypes.get_errno())", ends("-1 38\n"))
case("a call that is newer than the profile", "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nprint(c.syscall(470, 0, 0), ctypes.get_errno())", ends("-1 38\n"))
case("no privileges to gain", "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nprint(c.setuid(0), ctypes.get_errno())", ends("-1 1\n"))
case("no executable memory", "import mmap\ntry: mmap.mmap(-1, 4096, prot=7)\nexcept PermissionError as error: print(error)", ends("[Errno 1] Operation not permitted\n"))

case("processes where they are allowed", "import os\npid = os.fork()\nif pid == 0:\n    print('child', flush=True)\n    os._exit(5)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
     ends("child\n5\n"), {"processes": True})
case("a program of its own", "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(6*7)'], capture_output=True, text=True).stdout)",
     ends("42\n\n"), {"processes": True})
case("too many processes", "import os, time\ncount = 0\ntry:\n    while True:\n        if os.fork() == 0:\n            time.sleep(30)\n            os._exit(0)\n        count += 1\nexcept OSError as error:\n    print(error.errno, count <= 64)",
     ends("11 True\n"), {"processes": True})
case("what is left behind ends with it", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\nprint('gone')", ends("gone\n"), {"processes": True})
case("processes that kill all in reach", "import os, signal\ntry: os.kill(-1, signal.SIGKILL)\nexcept ProcessLookupError: print('alone')", ends("alone\n"), {"processes": True})

# what only holds where nothing of an earlier run is left
MARK = "import os\nprint(sorted(os.listdir('/tmp')))\nopen('/tmp/mark', 'w').write('x')"


def script(name, source, expected, job=None, **test):
    """The same in JavaScript; of the local runner nobody asks that."""
    case(f"JavaScript: {name}", source, expected, {"language": "javascript", **(job or {})}, **test)


script("output and input", "console.log(Number(require('fs').readFileSync(0)) * 2)", ends("10\n"), stdin="5\n", expectedStdout="10\n")
script("standard error is kept apart", "console.log('a'); console.error('b')", ends("a\n", "b\n"))
script("arguments and where it is", "console.log(process.argv.slice(1).join('|'), __filename, process.cwd(), process.getuid())", ends("/tmp/main.js|a b|c /tmp/main.js /tmp 65534\n"), args=["a b", "c"])
script("the environment", "console.log(Object.keys(process.env).sort().join())", ends("HOME,LANG,PATH\n"))
script("files beside the program", "console.log(require('./pack/mod').x, require('fs').readFileSync('data.txt', 'utf8'))", ends("7 hello\n"),
       {"files": [{"path": "pack/mod.js", "content": "exports.x = 7"}, {"path": "data.txt", "content": "hello"}]})
script("an exit status", "process.exit(3)", ends(code=3, verdict="runtime_error"))
script("an exception", "null.x", {**FAILS, "stderr": ANY})
script("a rejection that nobody handles", "Promise.reject(new Error('no'))", FAILS)
script("abort", "process.abort()", {**dies("SIGABRT"), "stderr": ANY})
script("nothing printed is lost", "process.stdout.write('x'.repeat(500000)); process.exit(0)", ends("x" * 500000))
script("wall time", "setInterval(() => {}, 1000)", dies("SIGKILL", "wall_time_limit", timedOut=True), timeoutMs=600)
script("CPU time", "while (true);", dies("SIGKILL", "cpu_time_limit", timedOut=True), cpuTimeMs=500, timeoutMs=20000)
script("memory", "const a = []; for (;;) a.push(new Array(1e5).fill(a.length))", dies("SIGKILL", "memory_limit"), memoryBytes=96 * MEBIBYTE)
script("output beyond its cap", "for (;;) console.log('x'.repeat(1000))", {**dies("SIGKILL", "output_limit", ANY, stdoutTruncated=True)})
script("threads", "const {Worker} = require('worker_threads'); new Worker('require(\"worker_threads\").parentPort.postMessage(42)', {eval: true}).on('message', (m) => console.log(m))", ends("42\n"))
script("no other program", "console.log(require('child_process').spawnSync(process.execPath, ['-v']).error.code)", ends("EPERM\n"))
script("no sockets", "require('net').createServer().on('error', (e) => console.log(e.code)).listen(8080)", ends("EPERM\n"))
script("a program of its own", "console.log(String(require('child_process').spawnSync(process.execPath, ['-p', '6 * 7']).stdout))", ends("42\n\n"), {"processes": True})
script("a read-only root", "for (const p of ['/x', '/etc/x', '/usr/x']) try { require('fs').writeFileSync(p, '') } catch (e) { console.log(['EROFS', 'EACCES'].includes(e.code)) }", ends("true\n" * 3))


class Conformance:
    backend = ""
    settings = {}
    languages = ("python", "javascript")

    @classmethod
    def setUpClass(cls):
        cls.service = executor_service.Service(**cls.settings)
        cls.addClassCleanup(cls.stop)
        cls.cases = {name: case for name, case in CASES.items() if case[0].get("language", "python") in cls.languages}
        jobs = [job for job, _ in cls.cases.values()]
        cls.results = dict(zip(cls.cases, (results[0] for results in cls.all_results(jobs))))
        cls.service.disconnect()  # idle meanwhile, and a server need not keep such a connection

    @classmethod
    def all_results(cls, jobs):
        answers = []
        for at in range(0, len(jobs), executor_service.CONCURRENCY):
            answers += cls.service.at_once(jobs[at:at + executor_service.CONCURRENCY])
        return answers

    @classmethod
    def stop(cls):
        status = cls.service.close()
        if status != 0:
            raise AssertionError(f"the server ended with {status}:\n{cls.service.log_tail()}")

    def test_every_program_ends_as_it_must(self):
        for name, (_, expected) in self.cases.items():
            with self.subTest(name):
                expected = {**expected, **DIFFERENCES.get(self.backend, {}).get(name, {})}
                result = self.results[name]
                seen = {fact: result.get(fact) for fact in expected}
                shortened = {fact: value for fact, value in seen.items() if value != expected[fact]}
                self.assertFalse(shortened, f"{json.dumps(shortened)[:1500]}\nwanted "
                                 f"{json.dumps({fact: expected[fact] for fact in shortened})[:1500]}\nstderr {result['stderr'][:500]}")

    def test_the_differences_are_of_this_suite(self):
        self.assertEqual(set(), set(DIFFERENCES.get(self.backend, {})) - set(CASES))

    def test_every_result_says_what_ran_it(self):
        self.assertEqual({self.backend}, {result["backend"] for result in self.results.values()})
        self.assertTrue(all("seccomp" in result["isolation"] for result in self.results.values()))

    def test_every_sandbox_has_a_name_of_its_own(self):
        names = [result["containerId"] for result in self.results.values()]
        self.assertEqual(len(set(names)), len(names))
        for name in names:
            self.assertRegex(name, "^[0-9a-f]{12}$")

    def test_usage_is_what_was_used(self):
        idle = self.results["output and input"]["usage"]
        self.assertLess(0, idle["cpuSeconds"])
        self.assertLess(1, self.results["CPU time"]["usage"]["cpuSeconds"] / 0.3)
        self.assertLess(idle["cpuSeconds"], 1)
        self.assertLess(MEBIBYTE, idle["memoryBytes"])
        self.assertLess(idle["memoryBytes"], 40 * MEBIBYTE)
        self.assertLess(60 * MEBIBYTE, self.service.execute("x = bytearray(64 << 20)")[0]["usage"]["memoryBytes"])

    def test_nothing_of_a_run_is_seen_by_the_next(self):
        for _ in range(2):
            self.assertEqual(self.service.execute(MARK)[0]["stdout"], "['main.py']\n")

    def test_health_names_the_backend_in_use(self):
        health = json.loads(self.service.ask("GET", "/health")[1])
        part = {"native": "nativeBackend", "docker": "dockerBackend", "local": "localFallback"}[self.backend]
        self.assertEqual((health["status"], health[part]["state"]), ("up", "up"), health)
        metrics = self.service.ask("GET", "/metrics")[1].decode()
        self.assertIn(f'executor_backend_in_use{{backend="{self.backend}"}} 1', metrics)
        self.assertIn(f'"msg":"backend_chosen","backend":"{self.backend}"', self.service.log_text())


class Native(Conformance, unittest.TestCase):
    backend = "native"


class Local(Conformance, unittest.TestCase):
    backend = "local"
    languages = ("python",)
    settings = {"EXECUTOR_BACKEND": "local", "EXECUTOR_MAX_CONCURRENCY": "1"}  # the kernel counts all threads of the user together

    def test_nothing_of_a_run_is_seen_by_the_next(self):
        for _ in range(2):
            self.assertEqual(self.service.execute("import os\nprint(os.listdir('.'), len(os.path.basename(os.getcwd())))")[0]["stdout"],
                             "['main.py'] 12\n")

    def test_a_program_reaches_nothing_of_the_host(self):
        source = ("import os, sys\nfor path in ('/', '/etc/passwd', '/proc/self/status', '/sys', '/tmp', '..', '/dev/zero', '/usr/bin/env', '/bin/sh'):\n"
                  "    try:\n        os.listdir(path) if os.path.isdir(path) else open(path).read(1)\n        print(path)\n    except OSError as error:\n"
                  "        if error.errno not in (1, 2, 13): print(path, error)\nfor path in ('main.py', 'x', '/tmp/x', '/dev/shm/x'):\n"
                  "    try:\n        open(path, 'w')\n        print('wrote', path)\n    except PermissionError: pass")
        self.assertEqual(self.service.execute(source)[0]["stdout"], "")

    def test_the_runner_that_dies_is_started_again(self):
        runner = next(pid for pid in self.service.processes() if executor_service.status_of(pid).get("Name") == "executor-local")
        os.kill(runner, signal.SIGKILL)
        self.assertEqual(self.service.execute("print(1)", [{"expectedStdout": "1\n"}])[0]["verdict"], "accepted")

    @classmethod
    def stop(cls):
        folders = glob.glob("/tmp/executor-local-*")
        super().stop()
        left = [folder for folder in folders if os.path.exists(folder)]
        if not folders or left:
            raise AssertionError(f"work directories: {folders}, left: {left}")


class Docker(Conformance, unittest.TestCase):
    backend = "docker"

    @classmethod
    def setUpClass(cls):
        docker_engine.need()
        cls.engine = docker_engine.DockerEngine()
        cls.addClassCleanup(cls.engine.close)
        cls.engine.import_root(docker_engine.rootfs())
        cls.engine.import_root(docker_engine.rootfs("javascript"), docker_engine.JAVASCRIPT_IMAGE)
        cls.settings = docker_engine.settings(cls.engine, docker_engine.JAVASCRIPT_IMAGE)
        super().setUpClass()

    @classmethod
    def stop(cls):
        super().stop()
        left = executor_service.wait_until(lambda: not cls.engine.containers(), 10)
        if not left:
            raise AssertionError(f"containers are left: {cls.engine.containers()}")

    def test_a_container_is_as_closed_as_an_engine_can_make_it(self):
        job = {"source": "import time\ntime.sleep(2)", "tests": [{}]}
        before = set(self.engine.containers())
        with executor_service.ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.service.execute, **job)
            new = executor_service.wait_until(lambda: set(self.engine.containers()) - before, 10)
            name = new.pop()
            facts = executor_service.wait_until(
                lambda: (lambda seen: seen if seen.get("State", {}).get("Running") else None)(self.engine.inspect(name)), 10)
            result = running.result()[0]
        self.assertEqual(result["containerId"], name[:12])
        host, config = facts["HostConfig"], facts["Config"]
        self.assertEqual((host["NetworkMode"], host["IpcMode"], host["ReadonlyRootfs"], host["Init"], host["Privileged"]),
                         ("none", "none", True, False, False))
        self.assertEqual((host["Memory"], host["MemorySwap"], host["NanoCpus"], host["CapDrop"]), (256 * MEBIBYTE, 256 * MEBIBYTE, 10**9, ["ALL"]))
        self.assertLessEqual(host["PidsLimit"], 66)
        self.assertIn("no-new-privileges", host["SecurityOpt"])
        profile = json.loads(next(option for option in host["SecurityOpt"] if option.startswith("seccomp=")).removeprefix("seccomp="))
        self.assertEqual(profile["defaultAction"], "SCMP_ACT_ERRNO")
        self.assertEqual((config["User"], host["LogConfig"]["Type"], host["Binds"], facts["Mounts"]), ("65534:65534", "none", None, [{"Type": "bind", "Source": ANY, "Destination": "/executor-bootstrap", "Mode": "", "RW": False, "Propagation": "rprivate"}]))
        self.assertEqual({limit["Name"] for limit in host["Ulimits"]}, {"nofile", "fsize", "stack", "core", "memlock", "msgqueue", "rtprio", "nice"})

    def test_a_program_has_both_filters_and_no_capability(self):
        source = "print(open('/proc/self/status').read())"
        status = dict(line.split(":\t", 1) for line in self.service.execute(source)[0]["stdout"].splitlines() if ":\t" in line)
        self.assertEqual((status["Seccomp"], status["Seccomp_filters"], status["NoNewPrivs"]), ("2", "2", "1"))
        self.assertEqual({status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})

    def test_what_started_it_cannot_be_looked_into(self):
        source = ("import os\nfor pid in (1, os.getppid()):\n    for name in ('mem', 'environ', 'fd', 'maps', 'root'):\n        try:\n"
                  "            os.listdir(f'/proc/{pid}/{name}') if name in ('fd', 'root') else open(f'/proc/{pid}/{name}', 'rb').read(1)\n"
                  "            print(pid, name)\n        except OSError:\n            pass")
        seen = self.service.execute(source)[0]
        self.assertEqual((seen["verdict"], seen["stdout"]), ("accepted", ""), seen)

    def test_process_1_cannot_be_written_to_or_killed(self):
        source = ("import os\ntry:\n    open('/proc/1/mem', 'r+b')\nexcept OSError as error:\n    print(error.errno)\n"
                  "try:\n    os.kill(1, 9)\nexcept OSError as error:\n    print(error.errno)\nprint(os.getppid())")
        self.assertEqual(self.service.execute(source)[0]["stdout"], "13\n1\n1\n")
        with_processes = self.service.execute(source, processes=True)[0]
        self.assertEqual((with_processes["verdict"], with_processes["stdout"]), ("accepted", "13\n1\n"), with_processes)

    def test_less_memory_than_an_engine_gives_is_the_least_that_it_gives(self):
        self.assertIn(self.service.execute("print(1)", [{"memoryBytes": MEBIBYTE}])[0]["verdict"], ("accepted", "memory_limit"))


if __name__ == "__main__":
    must_run.main()
