"""What the proofs share. A proof is a function with a sentence for a docstring that asserts what the sentence says.

    @proving.proof
    def delegated():
        "the unit's own group is empty: the service stands in a leaf of it"
        assert …

    proving.main()                         # runs them in the order in which they stand, one line each
"""

import glob
import http.client
import json
import subprocess
import sys
import time
import traceback
import uuid
from pathlib import Path

REBOOT = 64  # a status that asks for the machine to be started again before the next proof
SETTLE_SECONDS = 60  # emulated processors take their time
SAMPLE = {"language": "python", "source": "n = int(input())\nprint(n * 2)",
          "tests": [{"stdin": "5\n", "expectedStdout": "10\n"}, {"stdin": "2\n", "timeoutMs": 1500, "expectedStdout": "4\n"}]}
ENVIRONMENT = Path("/etc/executor/executor.env")
BY_A_PROOF = "# by a proof\n"
DROP_INS = Path("/etc/systemd/system/executor.service.d")

_proofs = []


def proof(function):
    _proofs.append(function)
    return function


def main(status=0):
    """Ends with 1 where a proof failed, else with `status`."""
    failed = False
    for function in _proofs:
        begin = time.monotonic()
        try:
            said = function()
            word = "held  "
        except Exception:  # whatever went wrong, the next proof is of interest all the same
            failed, said, word = True, None, "FAILED"
            traceback.print_exc(file=sys.stdout)
            print(sh("journalctl", "--no-pager", "-n", "8", "-o", "cat", "-u", "executor", "-u", "executor-rootfs", check=False))
        print(f"{word} {time.monotonic() - begin:5.1f} s  {function.__doc__}{f': {said}' if said else ''}", flush=True)
    sys.exit(1 if failed else status)


def sh(*words, check=True, stdin=None):
    """What a command prints on both of its outputs."""
    done = subprocess.run([str(word) for word in words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def wait(condition, seconds=SETTLE_SECONDS):
    """The first true value of condition(); an AssertionError where none comes."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return value


def ask(method, path, body=None, seconds=120):
    """(status, what the JSON or text says) of the service; (0, why) where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", 4060, timeout=seconds)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, json.loads(text) if text.startswith("{") else text
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()


def ready():
    return ask("GET", "/ready")[0] == 200


def post(body):
    """(status, answer) of POST /execute. On a starved machine a deadline of the service itself may pass: asked again for a while."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        status, answer = ask("POST", "/execute", body)
        if status not in (500, 503) or time.monotonic() > deadline:
            return status, answer
        time.sleep(0.5)


def execute(source, **test):
    """The one result of one program. Where the proof names no other time it has 20 s: an emulated processor can take three to fill 32 MiB."""
    status, answer = post({"language": "python", "source": source, "tests": [{"timeoutMs": 20000, "cpuTimeMs": 20000, **test}]})
    assert status == 200, (status, answer)
    return answer["results"][0]


def sample(backend="native", seconds=SETTLE_SECONDS):
    """The sample job is answered right, by this backend; its id. Where starting Python takes the emulated processor longer than the
    job's 1.5 s, it is asked again with more, and that is said."""
    wait(ready, seconds)
    status, answer = post(SAMPLE)
    if status == 200 and {"wall_time_limit", "cpu_time_limit"} & {result["verdict"] for result in answer["results"]}:
        print("       beyond 1.5 s: the sample job is asked again with 20 s", flush=True)
        status, answer = post({**SAMPLE, "tests": [{**test, "timeoutMs": 20000} for test in SAMPLE["tests"]]})
    assert status == 200 and answer["passed"] == 2, (status, answer)
    assert {result["backend"] for result in answer["results"]} == {backend}, answer
    assert {result["verdict"] for result in answer["results"]} == {"accepted"}, answer
    return answer["jobId"]


def unit(name, of="executor.service"):
    return sh("systemctl", "show", "--property", name, "--value", of).strip()


def main_pid():
    return int(unit("MainPID"))


def status_of(pid):
    """/proc/<pid>/status as a dict; empty where the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in lines if ":" in line}


def group():
    """The unit's own control group."""
    return Path("/sys/fs/cgroup" + unit("ControlGroup"))


def leaves():
    """Control groups of sandboxes."""
    return [Path(path) for path in glob.glob(f"{group()}/executor.*/sandbox-*")]


def payloads():
    """Pids of the processes that are third in line: not the supervisor's, not the init of a sandbox."""
    found = []
    for leaf in leaves():
        try:
            pids = (leaf / "cgroup.procs").read_text(encoding="ascii").split()
        except OSError:
            continue
        found += [int(pid) for pid in pids if status_of(pid).get("NSpid", "").split()[2:] not in ([], ["1"])]
    return found


def push(count, source="print(6 * 7)"):
    """So many jobs in the Redis queue; their ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    jobs = [json.dumps({"jobId": job, "language": "python", "source": source, "tests": [{"expectedStdout": "42\n"}]}) for job in ids]
    sh("redis-cli", "LPUSH", "executor:tasks", *jobs)
    return ids


def result_of(job):
    """The stored answer of a pushed job; None while there is none."""
    text = sh("redis-cli", "GET", f"executor:results:{job}").strip()
    return json.loads(text) if text.startswith("{") else None


def all_right(jobs, seconds=SETTLE_SECONDS):
    """Each of these jobs gets its result, and the right one."""
    wait(lambda: all(result_of(job) for job in jobs), seconds)
    for job in jobs:
        answer = result_of(job)
        assert answer["ok"] and answer["passed"] == 1, answer


def journal(*match):
    """Records of the journal as dicts."""
    lines = sh("journalctl", "--no-pager", "-o", "json", *match).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def configure(**settings):
    """Lines at the end of the environment file, which win; those of an earlier call go. Programs may always import time."""
    text = ENVIRONMENT.read_text(encoding="utf-8").split(BY_A_PROOF)[0]
    settings = {"EXECUTOR_ALLOWED_MODULES": '\'["time"]\'', **settings}
    ENVIRONMENT.write_text(text + BY_A_PROOF + "".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
