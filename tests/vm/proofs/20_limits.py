"""What the kernel holds a sandbox to, looked at from outside while a program runs."""

import subprocess
import threading
from pathlib import Path

import proving
import tracing
from proving import proof

MEMORY = 64 << 20
SLACK = 16 << 20  # what the interpreter itself takes, which is not the program's


def counted(event):
    """memory.events of the whole unit, which outlives the sandboxes that it counts."""
    events = dict(line.split() for line in (proving.group() / "memory.events").read_text(encoding="ascii").splitlines())
    return int(events[event])


@proof
def a_leaf():
    "a running program is alone with its init in a leaf that has its limits"
    answer = []
    running = threading.Thread(target=lambda: answer.append(proving.execute("import time\ntime.sleep(3)", memoryBytes=MEMORY, timeoutMs=20000)))
    running.start()

    def the_leaf():
        for leaf in proving.leaves():
            try:
                if MEMORY <= int((leaf / "memory.max").read_text(encoding="ascii")) <= MEMORY + SLACK:
                    return leaf
            except (OSError, ValueError):
                pass
        return None
    leaf = proving.wait(the_leaf, 20)
    values = {name: (leaf / name).read_text(encoding="ascii").split() for name in
              ("memory.swap.max", "memory.oom.group", "cpu.max", "pids.max", "memory.peak", "cgroup.procs", "cgroup.type")}
    pids = values["cgroup.procs"]
    inside = [proving.status_of(pid) for pid in pids]
    running.join()
    assert values["memory.swap.max"] == ["0"] and values["memory.oom.group"] == ["1"], values
    assert len(set(values["cpu.max"])) == 1 and values["pids.max"] != ["max"], values
    assert int(values["memory.peak"][0]) > 0 and values["cgroup.type"] == ["domain"], values
    assert 1 <= len(pids) <= 2 and all(len(status["NSpid"].split()) == 3 for status in inside), inside
    assert all(status["CapEff"] == "0000000000000000" and status["Seccomp"] == "2" for status in inside), inside
    assert answer[0]["verdict"] == "accepted", answer


@proof
def born_there():
    "by the kernel's trace no process ever moves into a leaf: all are born there, by CLONE_INTO_CGROUP"
    with tracing.Trace("cgroup/cgroup_notify_populated", "cgroup/cgroup_attach_task") as trace:
        for _ in range(3):
            proving.execute("print(1)")
        proving.wait(lambda: trace.look().lines("cgroup_notify_populated", "sandbox-", "val=1"))
        moved_by_hand()
    assert trace.lines("cgroup_attach_task", "moved-by-hand"), trace.text  # so that a move would have been seen
    assert not trace.lines("cgroup_attach_task", "sandbox-"), trace.text
    return f"leaves that got their first process meanwhile: {len(trace.lines('cgroup_notify_populated', 'sandbox-', 'val=1'))}"


def moved_by_hand():
    group = Path("/sys/fs/cgroup/moved-by-hand")
    group.mkdir()
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        (group / "cgroup.procs").write_text(str(sleeper.pid), encoding="ascii")
        sleeper.kill()
    proving.wait(lambda: "populated 0" in (group / "cgroup.events").read_text(encoding="ascii"))
    group.rmdir()


@proof
def out_of_memory():
    "a program beyond its memory is killed as a group, which memory.events counts, and the verdict says so"
    before = counted("oom_group_kill")
    result = proving.execute("x = bytearray(1 << 30)", memoryBytes=MEMORY)
    assert result["verdict"] == "memory_limit", result
    assert counted("oom_group_kill") == before + 1, (before, counted("oom_group_kill"))
    assert MEMORY * 0.9 <= result["usage"]["memoryBytes"] <= MEMORY + SLACK, result["usage"]


@proof
def killed():
    "a program that never ends is ended at its time, by a write to cgroup.kill, and its leaf is removed"
    settled = len(proving.leaves())
    with tracing.Trace("cgroup/cgroup_rmdir", "signal/signal_generate") as trace:
        result = proving.execute("while True: pass", timeoutMs=300, cpuTimeMs=20000)
        proving.wait(lambda: len(proving.leaves()) <= settled)
    assert result["verdict"] == "wall_time_limit", result
    # a write to cgroup.kill sends to each thread, where kill(2) and its like send to the process (grp=1)
    assert trace.lines("signal_generate", "sig=9 ", "code=0 ", "grp=0 "), trace.text
    return f"{settled} leaves, all of warm sandboxes"


proving.main()
