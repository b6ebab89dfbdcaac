"""Cases V and O: no program decides its own verdict, and output is bytes and nothing else."""

import executor_service
import must_run
from attempts import program

MIB = 1024 * 1024
SECRET = "hidden-expected-output-71c2"


def setUpModule():
    executor_service.start()


class Forgery(executor_service.HostCase):
    def wrong(self, source, **test):
        result = self.run_program(source, expectedStdout=SECRET, **test)
        self.assertEqual((result["verdict"], result["passed"], result["exitCode"]), ("wrong_answer", False, 0), result)
        return result

    def test_V01_an_early_exit_is_no_answer(self):
        for source in ("import os\nos._exit(0)", "import sys\nsys.exit(0)", "raise SystemExit", "import atexit, os\natexit.register(os._exit, 0)"):
            with self.subTest(source):
                self.assertEqual(self.wrong(source)["stdout"], "")

    def test_V04_only_the_three_descriptors_are_open(self):
        self.assert_prints(program("print([fd for fd in range(4096) if attempt(os.fstat, fd) != 'EBADF'])"), "[0, 1, 2]\n")
        self.assert_prints(program("for fd in range(3, 1024): attempt(os.write, fd, b'{\"verdict\": \"accepted\"}')\nprint(attempt(os.write, 0, b'x'))"), "EBADF\n")

    def test_V04_a_forged_result_is_plain_output(self):
        forged = '{"verdict": "accepted", "passed": true, "exitCode": 0}\n--boundary--\n\x1b[2J\x00\x00\x00\x10'
        result = self.wrong(f"import os\nos.write(1, {forged.encode()!r})\nos.write(2, {forged.encode()!r})")
        self.assertEqual((result["stdout"], result["stderr"]), (forged, forged))

    def test_V05_expected_output_is_nowhere_in_the_sandbox(self):
        source = ("import gc, inspect, sys\nneedle = 'hidden-' + 'expected'\nframes = 0\nf = sys._getframe()\nwhile f: frames, f = frames + 1, f.f_back\n"
                  "found = [o for o in gc.get_objects() if isinstance(o, (str, bytes)) and needle in str(o)]\n"
                  "found += [v for o in gc.get_objects() if isinstance(o, dict) for v in list(o.values()) if isinstance(v, str) and needle + '-output' in v]\n"
                  "print(frames, found, len(inspect.stack()), sorted(k for k in globals() if not k.startswith('__')))")
        self.assertEqual(self.wrong(source)["stdout"], "1 [] 1 ['f', 'found', 'frames', 'gc', 'inspect', 'needle', 'sys']\n")

    def test_V06_patches_change_only_the_program(self):
        result = self.run_program("import builtins, sys, json, time\nbuiltins.len = lambda x: 0\nreal = print\nbuiltins.print = lambda *a: real('patched', *a)\n"
                                  "sys.modules['json'] = None\ntime.time = lambda: 0\nprint(len('abc'))", expectedStdout="patched 0\n")
        self.assert_verdict(result, "accepted")
        self.assert_prints("import json\nprint(len('abc'), json.dumps([1]))", "3 [1]\n")

    def test_V07_hooks_change_only_the_program(self):
        self.assert_exit("import sys\nsys.settrace(lambda *a: None)\nsys.excepthook = lambda *a: print('hooked')\n1 / 0", 1)
        self.assert_prints("import sys\nsys.addaudithook(lambda *a: None)\nsys.setprofile(lambda *a: None)\nprint('x')", "x\n")

    def test_V09_whoever_swallows_everything_meets_the_limits(self):
        swallow = "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n"
        self.assert_verdict(self.run_program(swallow, cpuTimeMs=200, timeoutMs=60000), "cpu_time_limit")
        greedy = "kept = []\nwhile True:\n    try:\n        while True: kept.append(b'x' * (1 << 20))\n    except MemoryError: pass\n"
        self.assert_verdict(self.run_program(greedy, memoryBytes=64 * MIB), "memory_limit")

    def test_V10_lying_objects_are_bytes_outside(self):
        self.wrong("class Lie(str):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n    __class__ = int\nprint(Lie('nothing'))")

    def test_V11_a_poisoned_interpreter_ends_with_its_program(self):
        poison = ("import ctypes\nctypes.c_long.from_address(id(1) + 24).value = 2\nctypes.memset(id('abc') + 48, 0x78, 3)\n"
                  "gets = ctypes.pythonapi.PyDict_SetItemString\nimport os\nos._exit(0)")
        for _ in range(6):
            self.run_program(poison)
        results = executor_service.service.execute("print(1 + 1, 'ab' + 'c', int('1'))", [{"expectedStdout": "2 abc 1\n"}] * 8)
        self.assertEqual({r["verdict"] for r in results}, {"accepted"})

    def test_V13_times_come_from_the_kernel(self):
        result = self.run_program("import time\nprint('time=0 mem=0')\ntime.sleep(0.1)", expectedStdout="time=0 mem=0\n")
        self.assert_verdict(result, "accepted")
        self.assertGreaterEqual(result["durationMs"], 100)
        self.assertGreater(result["usage"]["memoryBytes"], 5 * MIB)

    def test_V14_no_state_goes_from_one_test_to_the_next(self):
        source = ("import os, sys\nleft = os.path.exists('/tmp/state') or hasattr(os, 'state')\nopen('/tmp/state', 'w').write('x')\nos.state = 1\nprint(left)")
        results = executor_service.service.execute(source, [{"expectedStdout": "True"}] * 8)
        self.assertEqual({(r["verdict"], r["stdout"]) for r in results}, {("wrong_answer", "False\n")})

    def test_V16_each_test_reads_its_own_input_only(self):
        results = executor_service.service.execute("import sys\nprint(repr(sys.stdin.read()), repr(sys.stdin.read()))", [{"stdin": f"in {n}"} for n in range(6)])
        self.assertEqual([r["stdout"] for r in results], [f"'in {n}' ''\n" for n in range(6)])

    def test_V17_several_answers_are_none(self):
        self.wrong(f"print('{SECRET}')\nprint('{SECRET}')")
        self.wrong(f"print('{SECRET} and more')")


class Output(executor_service.HostCase):
    def test_O01_every_byte_value_leaves_valid_json(self):
        result = self.run_program("import os\nos.write(1, bytes(range(256)))")
        self.assert_verdict(result, "accepted")
        self.assertEqual(result["stdout"][:128], bytes(range(128)).decode())
        self.assertEqual(result.get("encoding"), "replaced" if "encoding" in result else None)
        self.assertIn("\ufffd", result["stdout"])
        self.assert_verdict(self.run_program("import os\nos.write(1, b'\\xc0\\x80')", expectedStdout="\ufffd\ufffd", compare="exact"), "wrong_answer")

    def test_O02_control_characters_are_kept(self):
        text = "a\x00b\x1ac\rd\u2028e\x85f"
        self.assert_verdict(self.run_program(f"import os\nos.write(1, {text.encode()!r})", expectedStdout=text, compare="exact"), "accepted")
        self.assert_verdict(self.run_program(f"import os\nos.write(1, {text.encode()!r})", expectedStdout="ab", compare="exact"), "wrong_answer")

    def test_O03_long_output_is_compared_in_linear_time(self):
        for source, expected in (("print('x' * (1048575))", "x" * 1048575), ("print('\\n' * 1000000)", ""), ("print('a\\n' * 500000)", "a\n" * 500000)):
            result = self.run_program(source, expectedStdout=expected)
            self.assertEqual((result["verdict"], result["stdoutTruncated"]), ("accepted", False))

    def test_O06_escapes_are_data_and_no_line_of_the_log(self):
        self.run_program("print('\\x1b[2J\\u202e\\n{\"level\":50,\"msg\":\"forged-71c2\"}')\nraise Exception('\\n{\"level\":50,\"msg\":\"forged-71c2\"}')")
        self.assertNotIn("forged-71c2", executor_service.service.log_text())

    def test_O08_what_follows_the_cap_is_not_seen(self):
        result = self.run_program(f"import sys\nsys.stdout.write('x' * {MIB})\nsys.stdout.flush()\nprint('{SECRET}')", expectedStdout="x" * MIB + SECRET)
        self.assertEqual((result["verdict"], len(result["stdout"]), SECRET in result["stdout"]), ("output_limit", MIB, False))


if __name__ == "__main__":
    must_run.main()
