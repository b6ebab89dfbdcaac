"""Tests of the repository inside the machine: as the unit's user, without a capability, with a delegated group."""

import re
import subprocess

import proving

UNIT = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", "-p", "Delegate=cpu memory pids",
        "-p", "WorkingDirectory=/payload", "-p", "TasksMax=infinity", "-p", "OOMPolicy=continue", "-E", "LOG_TO_FILE=false", "-E", "EXECUTOR_TESTS_MUST_RUN=0"]
UNPRIVILEGED = ["-p", "User=executor", "-p", "CapabilityBoundingSet=", "-p", "NoNewPrivileges=yes"]


def passes(name, *arguments, root=False, concurrency=4):
    """A proof that this test program passes; its last words are shown, all of them where it fails. As `root` where it looks into
    the service's processes or changes them, which the unit's user may not. At most `concurrency` programs at once."""
    def run():
        done = subprocess.run([*UNIT, "-E", f"EXECUTOR_TESTS_CONCURRENCY={concurrency}", *([] if root else UNPRIVILEGED), "/payload/in_unit", name, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        ran = re.search(r"^Ran \d+ tests? in .*$", done.stdout, re.MULTILINE)
        assert done.returncode == 0 and ran, done.stdout[-6000:]
        skipped = re.findall(r"skipped '([^']*)'", done.stdout)
        return f"{ran[0]}{', skipped: ' + '; '.join(sorted(set(skipped))) if skipped else ''}"
    run.__doc__ = f"tests/{name}_test.py passes" + (" as root" if root else "") + (f" ({' '.join(arguments)})" if arguments else "")
    proving.proof(run)
