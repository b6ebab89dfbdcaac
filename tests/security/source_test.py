"""Cases A: sources that look for a way out. The policy refuses them, and with the policy off the sandbox holds them."""

import json

import executor_service
import must_run
import serve_checks
from serve_checks import post_bytes

POLICY = {"EXECUTOR_VALIDATION": "on", "EXECUTOR_ALLOWED_MODULES": '["math","random","statistics"]', "EXECUTOR_ALLOWED_BUILTINS": ""}
MIB = 1 << 20
checked = None  # a second server, whose policy is on
FORK = "PermissionError: [Errno 1] Operation not permitted"
SHADOW = "FileNotFoundError: [Errno 2] No such file or directory: '/etc/shadow'"
EXEC = "PermissionError: [Errno 1] Operation not permitted"


def setUpModule():
    global checked
    executor_service.start()
    checked = executor_service.Service(**POLICY)
    executor_service.unittest.addModuleCleanup(checked.close)


# source → how it ends with the policy off: what it prints, or the last line of its traceback
IMPORTS = {
    "import os\nos.fork()": FORK, "import os as math\nmath.fork()": FORK, "from os import *\nexecv('/bin/sh', ['sh'])": EXEC,
    "from . import os": "ImportError: attempted relative import with no known parent package", "def f():\n    import os\n    os.fork()\nf()": FORK,
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    import os\nos.fork()": FORK, "class A:\n    import os\nA.os.fork()": FORK,
    "if False:\n    import os\nprint('x')": ["x\n"], "import math, os\nos.fork()": FORK, "import os.path\nos.fork()": FORK,
}
OTHER_IMPORTS = {
    "__import__('os').fork()": FORK, "import importlib\nimportlib.import_module('os').fork()": FORK, "print.__self__.__import__('os').fork()": FORK,
    "__loader__.__class__.__init__.__globals__['sys'].modules['posix'].fork()": FORK, "import sys\nsys.modules['os'].fork()": FORK,
    "__builtins__.__import__('os').fork()": FORK, "__spec__.loader\n": "AttributeError: 'NoneType' object has no attribute 'loader'",
    "breakpoint()": "bdb.BdbQuit",
}
CHAINS = {
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__['fork']()": FORK,
    "[c for c in ''.__class__.__mro__[-1].__subclasses__() if c.__name__ == 'BuiltinImporter'][0].load_module('posix').open('/etc/shadow', 0)": SHADOW,
    "(lambda: 0).__globals__['__builtins__'].open('/etc/shadow')": SHADOW, "print.__self__.open('/etc/shadow')": SHADOW,
    "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_builtins['open']('/etc/shadow')": SHADOW,
    "(g := (g.gi_frame.f_builtins for _ in [1]))\nnext(g)['open']('/etc/shadow')": SHADOW,
}
TEXTS = {
    "getattr(().__class__, '__ba' + 'se__').__subclasses__\nprint(1)": ["1\n"], "import operator\noperator.attrgetter('__class__.__base__')(())\nprint(1)": ["1\n"],
    "import functools\nfunctools.reduce(getattr, ['__class__', '__base__'], ())\nprint(1)": ["1\n"], "vars(__builtins__)['open']('/etc/shadow')": SHADOW,
    "globals()['__builtins__'].open('/etc/shadow')": SHADOW, "dir()\nlocals()\nprint(1)": ["1\n"],
}
FORMATS = {
    "print('{0.__class__.__base__}'.format(()))": ["<class 'object'>\n"], "print('{x.__class__.__mro__}'.format_map({'x': ()}))": ["(<class 'tuple'>, <class 'object'>)\n"],
    "import string\nprint(string.Formatter().get_field('0.__class__', ((),), {}))": ["(<class 'tuple'>, 0)\n"],
    "y = '0'\nprint(f\"{().__class__!r:{y}}\")": ["<class 'tuple'>\n"], "import logging\nlogging.warning('%(a)s', {'a': ().__class__})\nprint(1)": None,
}
INNER = {
    "import random\nrandom._os.fork()": FORK, "import statistics\nstatistics.sys.modules['os'].fork()": FORK, "import collections\ncollections._sys.modules['os'].fork()": FORK,
    "import json\njson.codecs.open('/etc/shadow')": SHADOW, "import tempfile\ntempfile._os.fork()": FORK, "from random import _os as o\no.fork()": FORK,
}
CODE = {
    "eval('__import__(\"os\").fork()')": FORK, "exec('import os\\nos.fork()')": FORK, "exec(compile('import os\\nos.fork()', 'x', 'exec'))": FORK,
    "import code\ncode.InteractiveInterpreter().runsource('import os; os.fork()')": None, "import types\ntypes.FunctionType(compile('print(open(\"/etc/shadow\"))', 'x', 'exec'), {})()": SHADOW,
    "import pickle\npickle.loads(b'cposix\\nfork\\n(tR.')": FORK, "import ctypes\nprint(ctypes.CDLL(None).fork())": ["-1\n"],
    "import marshal\nexec(marshal.loads(marshal.dumps(compile('import os\\nos.fork()', 'x', 'exec'))))": FORK,
}
PLACES = {
    "@__import__('os').fork\ndef f(): pass": None, "def f(x: open('/etc/shadow')): pass": SHADOW, "def f(x=open('/etc/shadow')): pass": SHADOW,
    "class A(metaclass=open('/etc/shadow')): pass": SHADOW, "class D:\n    def __set_name__(self, o, n): open('/etc/shadow')\nclass A: d = D()": None,
    "class A:\n    __class_getitem__ = open\nA['/etc/shadow']": None, "class A:\n    def __init_subclass__(c): open('/etc/shadow')\nclass B(A): pass": SHADOW,
    "(x := open)('/etc/shadow')": SHADOW, "match open('/etc/shadow'):\n    case _: pass": SHADOW, "(lambda: open('/etc/shadow'))()": SHADOW, "[open('/etc/shadow') for _ in 'a']": SHADOW,
    "try:\n    raise ExceptionGroup('g', [ValueError()])\nexcept* ValueError:\n    open('/etc/shadow')": None, "print(*open('/etc/shadow'))": SHADOW,
    "async def f(): await open('/etc/shadow')\nf().send(None)": SHADOW, "for open('/etc/shadow').x in [1]: pass": SHADOW,
}
SPELLINGS = {
    "ｏｐｅｎ('/etc/shadow')": SHADOW, "ｉｍｐｏｒｔ = __ｉｍｐｏｒｔ__('os')\nｉｍｐｏｒｔ.fork()": FORK, "𝘦𝘷𝘢𝘭('1')\nprint(1)": ["1\n"],
    "class A:\n    def f(self): return self.__class__.__base__.__subclasses__\nA().f()\nprint(1)": ["1\n"],
}


class Sources(executor_service.HostCase):
    def refused(self, source):
        """The rules that the policy names; a source that it lets through is a failure."""
        status, _, body = serve_checks.ask_raw(checked.port, post_bytes({"language": "python", "source": source, "tests": [{}]}))
        answer = json.loads(body)
        self.assertEqual((status, answer["error"]["code"]), (400, "validation_failed"), (source, answer))
        self.assertTrue(answer["error"]["violations"])

    def contained(self, source, end):
        result = self.run_program(source)
        if isinstance(end, list):
            self.assertEqual((result["verdict"], result["stdout"], result["stderr"]), ("accepted", end[0], ""))
        elif end is not None:
            self.assertEqual((result["verdict"], result["exitCode"], result["stderr"].rstrip().rsplit("\n", 1)[-1]), ("runtime_error", 1, end))
        else:
            self.assertIn((result["verdict"], result["exitCode"]), (("accepted", 0), ("runtime_error", 1)))
            self.assertNotRegex(result["stdout"] + result["stderr"], "root:[x*!$]")

    def both_ways(self, table):
        for source, end in table.items():
            with self.subTest(source):
                self.refused(source)
                self.contained(source, end)

    def test_A01_imports_wherever_they_stand(self):
        self.both_ways(IMPORTS)

    def test_A02_imports_by_other_means(self):
        self.both_ways(OTHER_IMPORTS)

    def test_A03_chains_of_attributes(self):
        self.both_ways(CHAINS)

    def test_A04_attributes_by_text(self):
        self.both_ways(TEXTS)

    def test_A05_attributes_in_formats(self):
        self.both_ways(FORMATS)

    def test_A07_modules_within_modules(self):
        self.both_ways(INNER)

    def test_A08_code_from_text(self):
        self.both_ways(CODE)

    def test_A09_every_place_of_the_grammar(self):
        self.both_ways(PLACES)

    def test_A11_names_in_other_spellings(self):
        self.both_ways(SPELLINGS)

    def test_A14_deep_and_long_sources_are_errors_and_no_crash(self):
        for source in ("(" * 300, "-" * 100_000 + "1", "lambda:" * 30_000 + "0", "a" + ".b" * 100_000, "if 0: pass\n" + "elif 0: pass\n" * 10_000,
                       "".join(" " * n + "if 1:\n" for n in range(101)) + " " * 101 + "pass", "[" * 5000, "f(" * 3000 + ")" * 3000, "1" + "+1" * 80_000):
            with self.subTest(source[:20], length=len(source)):
                status, _, body = serve_checks.ask_raw(checked.port, post_bytes({"language": "python", "source": source, "tests": [{}]}))
                answer = json.loads(body)
                if status != 200:  # a long chain may be compiled and simply run
                    # on an emulated processor the parser's own deadline may pass first
                    codes = {"compile_error"} if executor_service.PATIENCE == 1 else {"compile_error", "validation_failed"}
                    self.assertEqual((status, answer["error"]["code"] in codes), (400, True), answer)
                else:
                    self.assertIn(answer["results"][0]["verdict"], ("accepted", "runtime_error"))
                status, _, body = serve_checks.ask_raw(executor_service.service.port, post_bytes({"language": "python", "source": source, "tests": [{}]}))
                self.assertIn(status, (200, 400), body)
        checked.disconnect()  # it may have closed the connection meanwhile
        self.assertEqual(checked.execute("print(1)")[0]["stdout"], "1\n")

    def test_A16_sources_at_the_limits(self):
        limit = 256 << 10
        for source, wanted in (("", 200), (" \n\t\n", 200), ("# only this", 200), ("#" * limit, 200), ("#" * (limit + 1), 413)):
            for server in (executor_service.service, checked):
                with self.subTest(len(source)):
                    self.assertEqual(serve_checks.ask_raw(server.port, post_bytes({"language": "python", "source": source, "tests": [{}]}))[0], wanted)

    def test_A17_a_program_cannot_reach_its_checker(self):
        self.both_ways({"__builtins__.any = __builtins__.all\nprint(1)": ["1\n"], "import builtins\nbuiltins.__dict__['isinstance'] = lambda *a: True\nprint(1)": ["1\n"],
                        "__builtins__.__dict__.clear()\n": None})
        self.refused("import os")

    def test_A18_warnings_go_nowhere_but_to_standard_error(self):
        source = "".join(f"x{n} = {n} is {n}\n" for n in range(300)) + "print('done')"
        self.assertEqual([r["stdout"] for r in checked.execute(source)], ["done\n"])
        result = self.run_program("import warnings\nwarnings.simplefilter('always')\nwhile True: warnings.warn('x' * 10000)")
        self.assertEqual((result["verdict"], result["stderrTruncated"]), ("output_limit", True))
        self.assert_exit("import warnings\nwarnings.simplefilter('error')\nwarnings.warn('x')", 1, "UserWarning: x")


# A19: ways out that are passed around for challenges of this kind; each ends at a file or a program of the host
GADGETS = (
    "print(open('/etc/shadow').read())", "import os; os.system('cat /etc/shadow')", "import subprocess; print(subprocess.run(['cat', '/etc/shadow']))",
    "import pty; pty.spawn('/bin/sh')", "__import__('os').execl('/bin/sh', 'sh')", "exec('import os;os.execl(\"/bin/sh\",\"sh\")')",
    "[x for x in ''.__class__.__base__.__subclasses__() if x.__name__ == '_wrap_close'][0].__init__.__globals__['system']('sh')",
    "[x for x in ''.__class__.__base__.__subclasses__() if 'warning' in x.__name__][0]()._module.__builtins__['open']('/etc/shadow')",
    "().__class__.__bases__[0].__subclasses__()[84]().load_module('os').system('sh')", "help.__call__.__globals__['sys'].modules['os'].system('sh')",
    "__builtins__.__dict__['__import__']('os').fork()", "__build_class__.__self__.open('/etc/shadow')", "license._Printer__setup()",
    "f = lambda: 0\nf.__globals__['__builtins__'].__dict__['eval']('open(\"/etc/shadow\")')", "@exec\n@input\nclass A: pass", "@eval\n@input\nclass A: pass",
    "class A:\n    __getitem__ = exec\nA()['import os; os.fork()']", "class M(type):\n    __getattr__ = lambda c, n: __import__('os').fork()\nclass A(metaclass=M): pass\nA.x",
    "import sys\nsys._getframe(0).f_builtins['open']('/etc/shadow')", "import gc\n[o for o in gc.get_objects() if getattr(o, '__name__', 0) == 'posix'][0].fork()",
    "import inspect\ninspect.currentframe().f_globals['__builtins__'].open('/etc/shadow')", "import codecs\ncodecs.open('/etc/shadow')", "import io\nio.FileIO('/etc/shadow')",
    "import _io\n_io.open_code('/etc/shadow')", "import posix\nposix.posix_spawn('/bin/sh', ['sh'], {})", "import _posixsubprocess, os\n_posixsubprocess.fork_exec([b'sh'], [b'/bin/sh'], True, (), None, None, -1, -1, -1, -1, -1, -1, *os.pipe(), False, False, -1, None, None, None, -1, None, False)",
    "import ctypes\nctypes.CDLL(None).system(b'sh')", "import ctypes\nctypes.CDLL(None).execve(b'/bin/sh', 0, 0)", "import runpy\nrunpy.run_path('/etc/shadow')", "import fileinput\nprint(list(fileinput.input('/etc/shadow')))",
    "import linecache\nprint(linecache.getlines('/proc/self/environ') or open('/proc/self/environ'))", "import multiprocessing\nmultiprocessing.Process(target=print).start()", "import asyncio\nasyncio.run(asyncio.create_subprocess_shell('sh'))",
    "import webbrowser\nwebbrowser.open('http://x') or open('/etc/shadow')", "import timeit\ntimeit.timeit('open(\"/etc/shadow\")', number=1)", "import pdb\npdb.run('import os; os.fork()')", "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "import mmap, os\nmmap.mmap(os.open('/dev/mem', os.O_RDWR), 4096)", "import os\nos.open('/', os.O_RDONLY)\nos.chroot('.')", "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999))", "import shutil\nshutil.rmtree('/usr')",
    "import tracemalloc, faulthandler\nfaulthandler._sigsegv()", "import os\nos.kill(1, 9)", "import os\nos.killpg(0, 9)",
)

# A20: own programs after the kinds of CPython's known crashers; an interpreter that breaks is a program that died
CRASHERS = {
    "code made of nonsense": "import types\ncode = (lambda: 0).__code__\nexec(code.replace(co_code=bytes(range(1, 255)) * 4, co_stacksize=1))",
    "stack that is too small": "exec(compile('x = [' + '(' * 80 + '1' + ')' * 80 + ']', 'x', 'exec').replace(co_stacksize=0))\n[a for a in range(10)]",
    "free in place of use": "import ctypes\nx = [1] * 1000\nctypes.c_ssize_t.from_address(id(x)).value = 1\ny = x\ndel x, y\nprint([2] * 1000)\nimport gc\ngc.collect()",
    "a type slot overwritten": "import ctypes\nctypes.memset(id(int) + 40, 0x41, 64)\nprint(int(3) + 4)",
    "deep recursion in C": "import sys\nsys.setrecursionlimit(10 ** 9)\nx = []\nfor _ in range(10 ** 6): x = [x]\nprint(len(repr(x)))",
    "deep recursion in comparisons": "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __eq__(self, o): return [self] == [o]\nA() == A()",
    "destruction of a long chain": "class A: pass\na = A()\nfor _ in range(10 ** 6):\n    b = A()\n    b.x = a\n    a = b\ndel a, b\nprint('survived')",
    "an endless regular expression": "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
    "a dictionary that changes under its reader": "class K:\n    def __hash__(self): return 1\n    def __eq__(self, o):\n        d.clear()\n        return False\nd = {}\nfor _ in range(1000): d[K()] = 1\nprint('survived')",
    "the collector in the middle of things": "import gc\nfor o in gc.get_objects():\n    for r in gc.get_referrers(o)[:2]:\n        if isinstance(r, tuple): hash(type(r))\n    if gc.get_count()[0] > 600: break\nprint('survived')",
    "trace at the limit of recursion": "import sys\nsys.settrace(lambda *a: sys.settrace(None) or f())\ndef f(): f()\nf()",
    "a null where an object should be": "import ctypes\nctypes.pythonapi.PyObject_Repr(None.__class__.__new__ and 0)",
    "memory of somebody else": "import ctypes\nctypes.memset(0x400000, 0, 4096)",
    "abort": "import ctypes\nctypes.CDLL(None).abort()",
    "finalisation that never ends": "class A:\n    def __del__(self):\n        A()\nA()\nprint('survived')",
}


class Collections(executor_service.HostCase):
    def test_A19_well_known_ways_out_are_refused_and_contained(self):
        missed = []
        for source in GADGETS:
            status, _, body = serve_checks.ask_raw(checked.port, post_bytes({"language": "python", "source": source, "tests": [{}]}))
            if (status, json.loads(body).get("error", {}).get("code")) != (400, "validation_failed"):
                missed.append(source)
        self.assertEqual(missed, [])
        results = [executor_service.service.execute(source, [{"stdin": "import os; os.execl('/bin/sh', 'sh')"}])[0] for source in GADGETS]
        seen = {}
        for source, result in zip(GADGETS, results):
            self.assertNotRegex(result["stdout"] + result["stderr"], r"root:[x*!$]|daemon:|uid=\d|PATH=/", source)
            seen.setdefault((result["verdict"], result.get("violation") or ""), []).append(source)
        self.assertLessEqual(set(seen), {("runtime_error", ""), ("accepted", ""), ("security_violation", "chroot")}, seen)
        # what is accepted is what could not do anything: calls that report failure by a value
        for source in seen[("accepted", "")]:
            self.assertRegex(source, r"system|license|pdb|CDLL|_posixsubprocess|webbrowser|linecache|mark|pty|runsource|fork_exec|multiprocessing|open_code|execve", source)

    def test_A20_a_broken_interpreter_is_a_program_that_died(self):
        for name, source in CRASHERS.items():
            with self.subTest(name):
                result = self.run_program(source, cpuTimeMs=1500, timeoutMs=5000, memoryBytes=256 * MIB)
                self.assertIn(result["verdict"], ("accepted", "runtime_error", "cpu_time_limit", "memory_limit", "wall_time_limit"))
                if result["verdict"] == "runtime_error":
                    self.assertIn(result["signal"], (None, "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"))
                    self.assertEqual(result["exitCode"] is None, result["signal"] is not None)


if __name__ == "__main__":
    must_run.main()
