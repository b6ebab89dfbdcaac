"""User namespaces switched off: the service takes Docker, without Docker the local runner, and where that is not allowed it refuses to start."""

import json
import subprocess

import proving
from proving import proof, sh

IMAGE = "executor-python:proof"
PATIENCE = proving.DROP_INS / "patience.conf"
EXECUTIONS = 'executor_backend_in_use{{backend="{}"}} 1'


def restart(**settings):
    proving.configure(EXECUTOR_DOCKER_IMAGE=IMAGE, **settings)
    sh("systemctl", "reset-failed", "executor", check=False)
    sh("systemctl", "restart", "executor", check=False)


def falls_to(backend, not_before):
    """The service runs programs by this backend, says so everywhere, and says why not by those before it."""
    proving.wait(proving.ready, 120)
    result = proving.execute("n = int(input())\nprint(n * 2)", stdin="21\n", expectedStdout="42\n", timeoutMs=30000)
    assert (result["verdict"], result["backend"]) == ("accepted", backend), result
    record = proving.journal("EXECUTOR_EVENT=backend_chosen", "-n", "1")[0]
    said = json.loads(record["MESSAGE"])
    assert (said["backend"], said["level"]) == (backend, 40), said
    assert all(word in said["reason"] for word in not_before), said
    assert EXECUTIONS.format(backend) in proving.ask("GET", "/metrics")[1]
    health = proving.ask("GET", "/health")[1]
    assert health["nativeBackend"]["state"] != "up" and "not available" in health["nativeBackend"]["detail"], health
    return said["reason"][:200]


@proof
def an_engine():
    "Docker runs beside the service, with the service's own root as its image; native sandboxes are preferred all the same"
    PATIENCE.parent.mkdir(exist_ok=True)
    PATIENCE.write_text("[Service]\nTimeoutStartSec=300\nWatchdogSec=300\n", encoding="utf-8")
    sh("systemctl", "daemon-reload")
    sh("systemctl", "start", "docker")
    with subprocess.Popen(["tar", "-C", "/var/lib/executor/rootfs/python", "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", IMAGE], stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)
    sh("usermod", "-aG", "docker", "executor")
    restart()
    proving.sample()


@proof
def docker_instead():
    "with user namespaces switched off the service takes Docker, and says so in its log, its metrics, its health and each result"
    sh("sysctl", "-qw", "user.max_user_namespaces=0")
    restart()
    return falls_to("docker", ["max_user_namespaces"])


@proof
def local_instead():
    "with Docker gone as well it takes the local runner, and says so"
    sh("systemctl", "stop", "docker.socket", "docker", "containerd")
    restart()
    return falls_to("local", ["max_user_namespaces", "docker"])


@proof
def refused():
    "where the local runner is not allowed it refuses to start, with status 3 and the name of each setting; nothing weaker runs"
    restart(EXECUTOR_LOCAL_FALLBACK="false")
    assert proving.unit("ActiveState") == "failed", proving.unit("ActiveState")
    assert proving.unit("ExecMainStatus") == "3", proving.unit("ExecMainStatus")
    said = " ".join(str(line.get("MESSAGE")) for line in proving.journal("-u", "executor.service", "-n", "20"))
    assert "max_user_namespaces" in said and "EXECUTOR_LOCAL_FALLBACK" in said, said
    report = json.loads(sh("executor", "doctor", "--json", check=False))
    assert "max_user_namespaces" in json.dumps(report)


@proof
def back():
    "with user namespaces there again it is native again"
    sh("sysctl", "-qw", "user.max_user_namespaces=10000")
    PATIENCE.unlink()
    sh("systemctl", "daemon-reload")
    restart()
    proving.sample()


proving.main()
