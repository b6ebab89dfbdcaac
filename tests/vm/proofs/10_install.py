"""The package is installed, and the service answers as an unprivileged unit under cgroup v2."""

import json
import re
import shutil
from pathlib import Path

import proving
from proving import proof, sh

LOOKED_AT = ("all seven at once", "setns by pidfd", "cgroup mode", "cgroup delegation", "cgroup limits", "process in a leaf", "cgroup.kill",
             "memory.peak", "seccomp notification", "rootfs", "helper programs")


@proof
def the_host():
    "this is systemd on a unified control group hierarchy"
    assert sh("stat", "-fc", "%T", "/sys/fs/cgroup").strip() == "cgroup2fs"
    assert Path("/proc/1/comm").read_text(encoding="ascii").strip() == "systemd"
    return f"Linux {sh('uname', '-r').strip()}"


@proof
def install():
    "the package installs, makes its user and starts its unit"
    assert not shutil.which("executor")
    # made ahead, as under emulation it takes minutes; the unit holds it against its manifest
    shutil.copytree("build/rootfs", "/var/lib/executor/rootfs", symlinks=True)
    sh("systemctl", "is-active", "redis-server")
    sh("dpkg", "--install", "executor.deb")
    assert proving.unit("ActiveState") == "active", sh("systemctl", "status", "executor", "executor-rootfs", check=False)
    assert proving.unit("ActiveState", "executor-rootfs.service") == "active"
    return sh("executor", "--version").strip()


@proof
def answered():
    "the unit answers the sample job"
    proving.sample()


@proof
def unprivileged():
    "it is the user executor without any capability, and cannot get one"
    status = proving.status_of(proving.main_pid())
    user = sh("id", "-u", "executor").strip()
    assert status["Uid"].split() == [user] * 4 and user != "0", status["Uid"]
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}, status
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status


@proof
def exposure():
    "systemd's exposure score of each unit is 2.5 at most"
    said = [re.search(r"Overall exposure level for \S+: ([0-9.]+)", sh("systemd-analyze", "security", "--no-pager", unit))[0]
            for unit in ("executor.service", "executor-worker.service")]
    assert all(float(line.split()[-1]) <= 2.5 for line in said), said
    return "; ".join(said)


@proof
def delegation():
    "the delegated group itself is empty: the service stands in a leaf, controllers are handed down"
    group = proving.group()
    assert (group / "cgroup.procs").read_text(encoding="ascii") == ""
    assert {"cpu", "memory", "pids"} <= set((group / "cgroup.subtree_control").read_text(encoding="ascii").split())
    assert Path(f"/proc/{proving.main_pid()}/cgroup").read_text(encoding="ascii").strip().endswith("/executor.service/service")
    assert "executor.slice" in str(group)
    return group


@proof
def doctor():
    "executor doctor, as such a unit, finds each layer: born in a leaf by CLONE_INTO_CGROUP, cgroup.kill, memory.peak, …"
    text = sh("systemd-run", "--wait", "--pipe", "--quiet", "-p", "User=executor", "-p", "Delegate=cpu memory pids", "-p", "NoNewPrivileges=yes",
              "-p", "CapabilityBoundingSet=", "executor", "doctor", "--json", "--port", "4061", "--log-to-file", "false")
    report = json.loads(text[text.index("{"):text.rindex("}") + 1])
    states = {check["name"]: check["state"] for check in find_checks(report)}
    assert {states.get(name) for name in LOOKED_AT} == {"ok"}, states


def find_checks(value):
    """Every object with a name and a state, wherever it stands."""
    if isinstance(value, list):
        return [check for item in value for check in find_checks(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if "name" in value and "state" in value else []
    return own + [check for item in value.values() for check in find_checks(item)]


@proof
def settings():
    "a setting in /etc/executor/executor.env holds after a restart"
    status, answer = proving.ask("POST", "/execute", {"language": "python", "source": "import time", "tests": [{}]})
    assert (status, answer["error"]["code"]) == (400, "validation_failed"), answer
    proving.configure()
    sh("systemctl", "restart", "executor")
    proving.wait(proving.ready)
    assert proving.execute("import time")["verdict"] == "accepted"


@proof
def journal_fields():
    "the journal finds a job by its id"
    job = proving.sample()
    record, = proving.wait(lambda: proving.journal(f"JOB_ID={job}"))
    assert (record["EXECUTOR_EVENT"], record["PRIORITY"], record["_SYSTEMD_UNIT"]) == ("worker_job_completed", "6", "executor.service"), record
    assert json.loads(record["MESSAGE"])["jobId"] == job


@proof
def reload():
    "a reload takes over the log level without a restart"
    before = proving.main_pid()
    proving.configure(EXECUTOR_LOG_LEVEL="error")
    sh("systemctl", "reload", "executor")
    proving.wait(lambda: proving.journal("EXECUTOR_EVENT=settings_reloaded"))
    quiet = proving.sample()
    proving.configure()
    sh("systemctl", "reload", "executor")
    proving.wait(lambda: len(proving.journal("EXECUTOR_EVENT=settings_reloaded")) == 2)
    loud = proving.sample()
    proving.wait(lambda: proving.journal(f"JOB_ID={loud}"))
    assert not proving.journal(f"JOB_ID={quiet}")
    assert proving.main_pid() == before


@proof
def pages():
    "manual pages and completion are where they are looked for"
    for path in ("/usr/share/bash-completion/completions/executor", "/usr/lib/systemd/system/executor-worker.service"):
        assert Path(path).exists(), path
    shown = sh("bash", "-c", "source /usr/share/bash-completion/completions/executor; COMP_WORDS=(executor serve --que); COMP_CWORD=2; "
                             "_executor; echo ${COMPREPLY[@]}")
    assert shown.split() == ["--queue", "--queue-key", "--queue-limit"], shown


proving.main()
