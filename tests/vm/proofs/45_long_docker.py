"""User namespaces switched off where Docker runs: the service takes Docker, and without it the local runner."""

import shutil
import subprocess

import fallback
import proving
from proving import proof, sh

IMAGE = "executor-python:proof"
PATIENCE = proving.DROP_INS / "patience.conf"


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
    fallback.restart(EXECUTOR_DOCKER_IMAGE=IMAGE)
    proving.sample()


@proof
def docker_instead():
    "with user namespaces switched off the packaged service answers the sample job by Docker, and says so in its log, its metrics, its health and each result"
    sh("sysctl", "-qw", "user.max_user_namespaces=0")
    fallback.restart(EXECUTOR_DOCKER_IMAGE=IMAGE)
    return fallback.falls_to("docker", ["max_user_namespaces"])


@proof
def local_instead():
    "with Docker removed as well it answers the sample job by the local runner, and says so"
    sh("dpkg", "--remove", "docker.io")
    assert not shutil.which("dockerd")
    fallback.restart(EXECUTOR_DOCKER_IMAGE=IMAGE)
    return fallback.falls_to("local", ["max_user_namespaces", "docker"])


@proof
def back():
    "with user namespaces there again it is native again"
    PATIENCE.unlink()
    sh("systemctl", "daemon-reload")
    fallback.native_again()


proving.main()
