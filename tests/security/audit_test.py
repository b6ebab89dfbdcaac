"""The audit of `executor run`: it names what a program is refused, and lets nothing through."""

import json
import os
import subprocess
import tempfile
import unittest

import executor_service
import must_run

PROGRAM = """
import os, socket
for attempt in (lambda: socket.socket(), lambda: os.fork(), lambda: os.link('/tmp/main.py', '/tmp/x'), lambda: os.kill(1, 9)):
    try:
        attempt()
        print('done')
    except OSError as error:
        print(type(error).__name__, error.errno)
"""


JAVASCRIPT = """
const fs = require("fs");
for (const attempt of [() => require("child_process").execFileSync("/usr/bin/node"), () => fs.linkSync("main.js", "x"), () => process.kill(1, 9)])
  try { attempt(); console.log("done"); } catch (error) { console.log(error.code); }
"""


def setUpModule():
    must_run.need(os.environ.get("EXECUTOR_BINARY"), "EXECUTOR_BINARY")
    must_run.need(os.geteuid() == 0, "root")


class Audit(unittest.TestCase):
    def run_program(self, source, *arguments, suffix=".py"):
        with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
            file.write(source)
            file.flush()
            done = subprocess.run([os.environ["EXECUTOR_BINARY"], "run", file.name, "--json", *arguments], capture_output=True, text=True, timeout=60 * executor_service.PATIENCE,
                                  env={**os.environ, "EXECUTOR_VALIDATION": "off"}, check=False)
        return json.loads(done.stdout)["results"][0]

    def test_refused_calls_are_named_and_refused_all_the_same(self):
        plain, audited = self.run_program(PROGRAM), self.run_program(PROGRAM, "--audit")
        self.assertEqual(plain["stdout"], "PermissionError 1\n" * 4)
        self.assertEqual((audited["stdout"], audited["verdict"]), (plain["stdout"], "accepted"))
        self.assertNotIn("auditedCalls", plain)
        for call in ("socket: EPERM", "link: EPERM", "kill: EPERM"):
            self.assertIn(call, audited["auditedCalls"])
        self.assertTrue({"clone: EPERM", "fork: EPERM"} & set(audited["auditedCalls"]), audited["auditedCalls"])

    def test_refused_calls_of_javascript_are_named_too(self):
        plain, audited = (self.run_program(JAVASCRIPT, *arguments, suffix=".js") for arguments in ((), ("--audit",)))
        self.assertEqual((plain["verdict"], plain["stdout"]), ("accepted", "EPERM\n" * 3), plain["stderr"])
        self.assertEqual((audited["verdict"], audited["stdout"]), ("accepted", plain["stdout"]), audited["stderr"])
        self.assertLessEqual({"link: EPERM", "kill: EPERM"}, set(audited["auditedCalls"]))
        self.assertTrue({"clone: EPERM", "fork: EPERM", "vfork: EPERM", "socketpair: EPERM"} & set(audited["auditedCalls"]), audited["auditedCalls"])

    def test_a_call_that_ends_a_program_ends_it_under_audit_too(self):
        result = self.run_program("import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)", "--audit")
        self.assertEqual((result["verdict"], result["violation"]), ("security_violation", "ptrace"))

    def test_allowed_calls_are_named_with_their_rule(self):
        calls = self.run_program("print(open('/tmp/main.py').read())", "--audit-all")["auditedCalls"]
        self.assertTrue(any(call.startswith("openat: rule ") for call in calls), calls)
        self.assertIn("exit_group", self.run_program("pass", "--audit-all", "--processes")["auditedCalls"][-1])


if __name__ == "__main__":
    must_run.main()
