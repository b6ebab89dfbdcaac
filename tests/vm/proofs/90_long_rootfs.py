"""The root file system made on the host itself, and a package that goes without residue."""

import shutil
from pathlib import Path

import proving
from proving import proof, sh


@proof
def first_start():
    "where no root file system stands, the first start makes one from packages, owned by root, as its manifest says"
    sh("systemctl", "stop", "executor", "executor-rootfs")
    shutil.rmtree("/var/lib/executor/rootfs")
    shutil.copytree("build/cache/debs", "/var/cache/executor/debs", dirs_exist_ok=True)  # there is no network here
    sh("systemctl", "start", "executor")
    assert "as recorded" in sh("executor", "rootfs", "check")
    assert Path("/var/lib/executor/rootfs/python").stat().st_uid == 0
    proving.sample()


@proof
def changed():
    "a root file system that was changed is made anew before the service runs on it"
    Path("/var/lib/executor/rootfs/python/usr/lib/python3.11/abc.py").write_text("raise SystemExit(7)\n", encoding="utf-8")
    sh("systemctl", "stop", "executor", "executor-rootfs")
    sh("systemctl", "start", "executor")
    assert "as recorded" in sh("executor", "rootfs", "check")
    proving.sample()


@proof
def hung():
    "a service that no longer answers is found by the watchdog and started again"
    before = proving.main_pid()
    sh("kill", "-STOP", before)
    proving.wait(lambda: proving.main_pid() not in (0, before), 150)
    proving.sample()


@proof
def purge():
    "a purge leaves no file, no user, no unit and no process"
    sh("dpkg", "--purge", "executor")
    left = [path for path in ("/usr/bin/executor", "/usr/lib/executor", "/usr/share/executor", "/etc/executor", "/var/lib/executor",
                              "/var/cache/executor", "/var/log/executor", "/sys/fs/cgroup/executor.slice",
                              "/etc/systemd/system/multi-user.target.wants/executor.service") if Path(path).exists()]
    assert not left, left
    assert "executor" not in sh("getent", "passwd", check=False)
    assert "executor" not in sh("ps", "-eo", "comm")
    assert not list(Path("/etc/systemd/system").rglob("executor*"))


proving.main()
