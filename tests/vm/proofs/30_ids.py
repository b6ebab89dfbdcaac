"""With CAP_SETUID and CAP_SETGID alone each sandbox has a host id of its own."""

import shutil
import threading

import proving
from proving import proof, sh

FIRST_ID = 1_900_000_000


@proof
def id_map():
    "the drop-in gives each sandbox another id on the host, and the service has no capability left"
    proving.DROP_INS.mkdir(exist_ok=True)
    shutil.copy("/usr/share/executor/systemd/id-map.conf", proving.DROP_INS)
    sh("systemctl", "daemon-reload")
    sh("systemctl", "restart", "executor")
    proving.sample()
    status = proving.status_of(proving.main_pid())
    assert {status[name] for name in ("CapPrm", "CapEff", "CapAmb", "CapInh")} == {"0000000000000000"}, status
    assert status["Uid"].split() == [sh("id", "-u", "executor").strip()] * 4, status
    sleepers = [threading.Thread(target=proving.execute, args=("import time\ntime.sleep(4)",), kwargs={"timeoutMs": 20000}) for _ in range(2)]
    for thread in sleepers:
        thread.start()
    uids = proving.wait(two_ids, 20)
    for thread in sleepers:
        thread.join()
    assert all(uid >= FIRST_ID for uid in uids), uids
    return sorted(uids)


def two_ids():
    uids = {int(proving.status_of(pid).get("Uid", "0").split()[0]) for pid in proving.payloads()}
    return uids if len(uids) >= 2 else None


@proof
def memory_and_time():
    "limits hold in this mode too"
    assert proving.execute("x = bytearray(1 << 30)", memoryBytes=64 << 20)["verdict"] == "memory_limit"
    assert proving.execute("while True: pass", timeoutMs=300, cpuTimeMs=20000)["verdict"] == "wall_time_limit"


@proof
def a_stop_leaves_nothing():
    "a stop leaves no control group behind"
    group = proving.group()
    sh("systemctl", "stop", "executor")
    assert not group.exists(), sh("find", group)


@proof
def back():
    "without the drop-in the unit is as before"
    shutil.rmtree(proving.DROP_INS)
    sh("systemctl", "daemon-reload")
    sh("systemctl", "start", "executor")
    assert proving.status_of(proving.main_pid())["CapBnd"] == "0000000000000000"
    proving.sample()


proving.main()
