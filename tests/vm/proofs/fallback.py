"""What the proofs of other backends share."""

import json

import proving
from proving import sh

IN_USE = 'executor_backend_in_use{{backend="{}"}} 1'


def restart(**settings):
    proving.configure(**settings)
    sh("systemctl", "reset-failed", "executor", check=False)
    sh("systemctl", "restart", "executor", check=False)


def falls_to(backend, not_before):
    """The service answers the sample job by this backend, says so everywhere, and says why not by those before it."""
    proving.sample(backend, 120)
    record = proving.journal("EXECUTOR_EVENT=backend_chosen", "-n", "1")[0]
    said = json.loads(record["MESSAGE"])
    assert (said["backend"], said["level"]) == (backend, 40), said
    assert all(word in said["reason"] for word in not_before), said
    assert IN_USE.format(backend) in proving.ask("GET", "/metrics")[1]
    health = proving.ask("GET", "/health")[1]
    assert health["nativeBackend"]["state"] != "up" and "not available" in health["nativeBackend"]["detail"], health
    return said["reason"][:200]


def native_again():
    sh("sysctl", "-qw", "user.max_user_namespaces=10000")
    restart()
    proving.sample()
