"""What hosts do to a service: processes killed, disks full, clocks wrong."""

import os
import signal
import time
from pathlib import Path

import proving
from proving import proof, sh

DROP_IN = proving.DROP_INS / "proof.conf"


def steward():
    family = [int(pid) for path in proving.group().rglob("cgroup.procs") for pid in path.read_text(encoding="ascii").split()]
    return next(pid for pid in family if proving.status_of(pid).get("Name", "").startswith("executor-stew"))


def restarted(before):
    """The unit's main process, once it is another one."""
    return proving.wait(lambda: proving.main_pid() not in (0, before) and proving.main_pid())


@proof
def steward_killed():
    "a service whose steward is killed says so, ends with status 1, and systemd starts it again"
    before = proving.main_pid()
    os.kill(steward(), signal.SIGKILL)
    restarted(before)
    proving.sample()
    record, = proving.journal("EXECUTOR_EVENT=sandboxes_lost")
    assert record["PRIORITY"] == "3"
    assert any(line.get("EXIT_STATUS") == "1" for line in proving.journal("-u", "executor.service")), "no exit status in the journal"


@proof
def all_killed():
    "kill -9 of every process of the unit: systemd starts it again, and each job of the queue gets its one right result"
    jobs = proving.push(12, "import time\ntime.sleep(0.3)\nprint(42)")
    time.sleep(1)
    before = proving.main_pid()
    sh("systemctl", "kill", "--signal=KILL", "--kill-who=all", "executor")
    restarted(before)
    proving.all_right(jobs, 150)
    assert sh("redis-cli", "LLEN", "executor:dead").strip() == "0"
    proving.sample()


@proof
def disk_full():
    "a full disk under the log costs log lines, not answers"
    sh("mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "full", "/var/log/executor")
    try:
        Path("/var/log/executor/filler").write_bytes(b"x" * (60 << 10))
        proving.configure(LOG_TO_FILE="true")
        DROP_IN.parent.mkdir(exist_ok=True)
        sh("systemctl", "restart", "executor")
        with open("/var/log/executor/filler", "ab") as filler:
            try:
                filler.write(b"x" * (64 << 10))
            except OSError:
                pass
        for _ in range(5):
            proving.sample()
        assert os.statvfs("/var/log/executor").f_bavail == 0
    finally:
        proving.configure()
        sh("systemctl", "restart", "executor")
        sh("umount", "/var/log/executor")
    proving.sample()


@proof
def clock_jumps():
    "a clock that jumps two hours ahead and back takes no job, no lease and no limit with it"
    jobs = proving.push(4, "import time\ntime.sleep(2)\nprint(42)")
    sh("date", "-s", "+2 hours")
    result = proving.execute("import time\ntime.sleep(0.2)\nprint(1)", timeoutMs=5000)
    assert result["verdict"] == "accepted" and result["wallSeconds"] < 5, result
    sh("date", "-s", "-2 hours")
    assert proving.execute("while True: pass", timeoutMs=300, cpuTimeMs=20000)["verdict"] == "wall_time_limit"
    proving.all_right(jobs, 90)
    assert sh("redis-cli", "LLEN", "executor:dead").strip() == "0"


proving.main()
