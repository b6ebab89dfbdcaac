"""Cases K for JavaScript: every call number, and every rule about arguments, tried by Node itself behind its own filter. An addon
that a copy of its root holds makes the calls: there is no other way to one from a script."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

import executor_service
import kernel_surface_test as surface
import must_run

ROOT = Path(__file__).resolve().parents[2]
PLACE = "usr/lib/executor/call.node"

PRELUDE = f"""
const fs = require("fs");
const names = Object.fromEntries(Object.entries(require("os").constants.errno).map(([name, number]) => [-number, name]));
const system = require("/{PLACE}");
const call = (number, ...a) => {{
  const result = system(BigInt(number), ...[0, 1, 2, 3, 4, 5].map((i) => BigInt.asIntN(64, BigInt(a[i] ?? 0))));
  return result < 0n && result > -4096n ? names[result] ?? "errno " + -result : Number(result);
}};
const same = (argument) => Array(6).fill(argument);
const given = JSON.parse(fs.readFileSync(0, "utf8"));
"""
SWEEP = PRELUDE + """
const [numbers, argument] = given;
let text = Buffer.from(JSON.stringify(numbers.map((n) => [n, call(n, ...same(argument))])));
while (text.length) text = text.subarray(fs.writeSync(1, text));
"""
ONE = PRELUDE + "fs.writeSync(1, call(given[0], ...same(given[1])) + '\\n');"
THREADS = PRELUDE + "console.log(JSON.stringify(given.map((flags) => call(56, flags))));"
MANY = PRELUDE + "console.log(JSON.stringify(given.map((each) => call(...each))));"


def setUpModule():
    addon = os.environ.get("NODE_CALL")
    must_run.need(addon, "NODE_CALL")
    roots = Path(tempfile.mkdtemp(prefix="executor-node-"))
    unittest.addModuleCleanup(shutil.rmtree, roots)
    roots.chmod(0o755)
    (roots / "python").symlink_to(ROOT / "build/rootfs/python")
    shutil.copytree(ROOT / "build/rootfs/javascript", roots / "javascript", symlinks=True)
    shutil.copy(addon, roots / "javascript" / PLACE)
    executor_service.start(EXECUTOR_ROOTFS_DIR=str(roots))


class Node:
    @classmethod
    def setUpClass(cls):
        executor_service.service.execute("1", language="javascript")  # its sandboxes are kept ready from here on
        super().setUpClass()

    def execute(self, source, tests, **job):
        return executor_service.service.execute(source, tests, language="javascript", **job)

    def run_program(self, source, job=None, **test):
        return self.execute(source, [test], **(job or {}))[0]


class NodeSweep(Node, surface.Sweep):
    profile, sweep_program, one_program = "node", SWEEP, ONE
    # its other threads go on where the first one ends; Node never pauses, nor waits by pselect6 or ppoll
    endings = {(surface.EXIT, 0): ("wall_time_limit", None, "SIGKILL"), (surface.EXIT_GROUP, 0): ("accepted", 0, None),
               (surface.EXIT_GROUP, surface.ALL_ONES): ("runtime_error", 255, None), (surface.RT_SIGRETURN, 0): ("runtime_error", None, "SIGSEGV")}
    # a 32-bit call needs code of one's own: the Python file has it, and the compiled filters begin alike
    test_K01_a_32_bit_call_is_the_end = None


class NodeArguments(Node, surface.Arguments):
    profile, many_program, threads_program = "node", MANY, THREADS
    # tried by a test of its own, of the strict profile
    only_refused = {"clone"}


if __name__ == "__main__":
    must_run.main()
