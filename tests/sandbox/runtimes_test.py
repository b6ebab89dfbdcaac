"""A further runtime is a manifest: Lua from Debian's packages is added by the files of tests/sandbox/lua alone. And what
holds for any runtime whose interpreter is executed, tried with a Python that is started that way."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import executor_service

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def executed_python(data):
    """A manifest that starts the Python root's own interpreter for each run."""
    manifest = json.loads((ROOT / "rootfs/python/runtime.json").read_text())
    manifest |= {"name": "python-executed", "extension": "pyx", "warm": "none", "argv": ["/usr/bin/python3", "main.pyx"], "seccompProfile": "executed.json"}
    folder = data / "rootfs/python-executed"
    folder.mkdir()
    (folder / "runtime.json").write_text(json.dumps(manifest))
    profile = json.loads((ROOT / "seccomp-profiles/python.json").read_text())
    profile["syscalls"] += [{"names": ["arch_prctl", "set_tid_address"], "action": "SCMP_ACT_ALLOW", "comment": "the loader"},
                            {"names": ["execve", "execveat"], "action": "SCMP_ACT_KILL_PROCESS", "comment": "the interpreter's own goes on"}]
    (data / "seccomp-profiles/executed.json").write_text(json.dumps(profile))


def setUpModule():
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="executor-runtimes-"))
    unittest.addModuleCleanup(shutil.rmtree, scratch)
    scratch.chmod(0o755)
    data, roots = scratch / "data", scratch / "roots"
    (data / "rootfs").mkdir(parents=True)
    roots.mkdir()
    shutil.copytree(ROOT / "seccomp-profiles", data / "seccomp-profiles")
    shutil.copytree(ROOT / "rootfs/python", data / "rootfs/python")
    # this is all that adding a runtime takes
    shutil.copytree(HERE / "lua", data / "rootfs/lua")
    shutil.move(data / "rootfs/lua/lua.json", data / "seccomp-profiles")
    executed_python(data)
    for name in ("python", "python-executed"):
        (roots / name).symlink_to(ROOT / "build/rootfs/python")
    environment = {"EXECUTOR_DATA_DIR": str(data), "EXECUTOR_ROOTFS_DIR": str(roots)}
    built = subprocess.run([os.environ["EXECUTOR_BINARY"], "rootfs", "build", "--runtime", "lua"], env={**os.environ, **environment},
                           capture_output=True, text=True, timeout=240 * executor_service.PATIENCE)
    if built.returncode != 0:
        raise AssertionError(f"rootfs build --runtime lua: {built.stdout}{built.stderr}")
    executor_service.start(**environment)


class Lua(executor_service.HostCase):
    @classmethod
    def setUpClass(cls):
        executor_service.service.execute("x = 1", language="lua")
        super().setUpClass()

    def run_program(self, source, job=None, **test):
        return executor_service.service.execute(source, [test], language="lua", **(job or {}))[0]

    def test_a_program_reads_and_prints(self):
        self.assert_prints("print(io.read('n') * 2, arg[1], arg[0])", "42\tx\tmain.lua\n", stdin="21\n", args=["x"])

    def test_its_verdicts_are_those_of_every_runtime(self):
        self.assert_exit("error('no')", 1)
        self.assert_exit("os.exit(3)", 3)
        self.assert_verdict(self.run_program("while true do end", timeoutMs=20000, cpuTimeMs=300), "cpu_time_limit")
        self.assert_verdict(self.run_program("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", memoryBytes=32 << 20), "memory_limit")
        self.assert_verdict(self.run_program("while true do print(('x'):rep(1000)) end"), "output_limit")

    def test_it_starts_no_program_and_writes_nowhere_but_in_its_directory(self):
        self.assert_prints("print((io.open('/x', 'w')), (os.execute('ls')), io.type(io.open('x', 'w')))", "nil\tnil\tfile\n")


class Executed(executor_service.HostCase):
    """What is let go on is one exec, made before the program."""

    @classmethod
    def setUpClass(cls):
        executor_service.service.execute("1", language="python-executed")
        super().setUpClass()

    def run_program(self, source, job=None, **test):
        return executor_service.service.execute(source, [test], language="python-executed", **(job or {}))[0]

    def test_a_program_runs(self):
        self.assert_prints("import sys; print(int(input()) * 2, sys.argv)", "42 ['main.pyx', 'a']\n", stdin="21\n", args=["a"])

    def test_a_program_that_executes_another_is_ended_and_the_call_named(self):
        self.assert_violation("import os\nos.execv('/usr/bin/python3', ['python3', '-c', 'print(1)'])", "execve")
        self.assert_violation("import os, threading\nt = threading.Thread(target=os.execv, args=('/usr/bin/python3', ['x']))\nt.start()\nt.join()", "execve")

    def test_a_name_that_is_no_program_is_no_way_around(self):
        self.assert_violation("import os\ntry:\n    os.execv('/nothing', ['x'])\nexcept OSError:\n    print('went on')", "execve")


class Languages(executor_service.HostCase):
    def test_those_of_the_manifests_are_named_where_another_is_asked_for(self):
        status, answer = executor_service.service.post({"language": "ruby", "source": "1", "tests": [{}]})
        self.assertEqual((status, answer["error"]["code"], answer["error"]["message"]),
                         (400, "unknown_language", "language must be one of: python, lua, python-executed"))


if __name__ == "__main__":
    unittest.main()
