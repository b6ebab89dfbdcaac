"""User namespaces switched off where no Docker runs: the local runner, and where that is not allowed the service refuses to start."""

import json

import fallback
import proving
from proving import proof, sh


@proof
def local_instead():
    "with user namespaces switched off and no Docker the service answers the sample job by the local runner, and says so"
    sh("sysctl", "-qw", "user.max_user_namespaces=0")
    fallback.restart()
    return fallback.falls_to("local", ["max_user_namespaces", "docker"])


@proof
def refused():
    "where the local runner is not allowed it refuses to start, with status 3 and the name of each setting; nothing weaker runs"
    fallback.restart(EXECUTOR_LOCAL_FALLBACK="false")
    assert proving.unit("ActiveState") == "failed", proving.unit("ActiveState")
    assert proving.unit("ExecMainStatus") == "3", proving.unit("ExecMainStatus")
    said = " ".join(str(line.get("MESSAGE")) for line in proving.journal("-u", "executor.service", "-n", "20"))
    assert "max_user_namespaces" in said and "EXECUTOR_LOCAL_FALLBACK" in said, said
    report = json.loads(sh("executor", "doctor", "--json", check=False))
    assert "max_user_namespaces" in json.dumps(report)


@proof
def back():
    "with user namespaces there again it is native again"
    fallback.native_again()


proving.main()
