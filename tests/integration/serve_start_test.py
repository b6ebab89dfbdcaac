"""How the service starts: with which rights, under which restrictions, with which settings; and what it says when it cannot."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import executor_service
import must_run
import serve_checks
from serve_checks import SAMPLE

NOBODY = 65534
WAIT_SECONDS = 10
CONTROLLERS_V1 = ("memory", "pids", "cpu", "cpuacct")
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=TERM"]
# a user namespace in which the same user may lower limits, and then has no right any more
OWN_USER_NAMESPACE = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c"]
WITHOUT_RIGHTS = 'exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$@"'
NO_CAPABILITIES = "0" * 16
# The configuration of a test is its own, not what the shell happens to have.
BASE = {name: value for name, value in os.environ.items() if not name.startswith(("EXECUTOR_", "LOG_", "DOCKER_", "MAX_", "SENTRY_"))}
BASE |= {"EXECUTOR_QUEUE": "embedded", "LOG_TO_FILE": "false", "EXECUTOR_PORT": "0", "EXECUTOR_BACKEND": "native"}


def setUpModule():
    must_run.need(os.environ.get("EXECUTOR_BINARY"), "EXECUTOR_BINARY")


def refused(*arguments, before=(), seconds=15, **settings):
    """A start that must fail: (exit status, what it said)."""
    done = subprocess.run([*before, os.environ["EXECUTOR_BINARY"], "serve", *arguments], env={**BASE, **settings}, timeout=seconds,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def cgroup_mounts():
    """{controller, or "" for the unified hierarchy: where it is mounted}."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, after = line.split(" - ")
        kind, _, options = after.split(" ", 2)
        for name in {"cgroup": options.split(","), "cgroup2": [""]}.get(kind, []):
            found.setdefault(name, Path(before.split()[4]))
    return found


class DelegatedGroups:
    """Control groups that belong to nobody, as a system manager gives them to a unit with User= and Delegate=."""

    def __init__(self):
        mounts = cgroup_mounts()
        unified = mounts.get("")
        controllers = (unified / "cgroup.controllers").read_text(encoding="utf-8").split() if unified else []
        if {"cpu", "memory", "pids"} <= set(controllers):
            parents = [unified]
            (unified / "cgroup.subtree_control").write_text("+cpu +memory +pids", encoding="utf-8")
        else:
            must_run.need(all(name in mounts for name in CONTROLLERS_V1), "cgroup controllers")
            parents = sorted({mounts[name] for name in CONTROLLERS_V1})
        self.folders = [parent / f"serve-start-test-{os.getpid()}" for parent in parents]
        for folder in self.folders:
            folder.mkdir()
            for path in (folder, *(folder / name for name in ("cgroup.procs", "cgroup.subtree_control", "tasks"))):
                if path.exists():
                    os.chown(path, NOBODY, NOBODY)

    def enter(self, *then):
        """A command that goes into the groups, becomes nobody and goes on with `then` and its arguments."""
        moves = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in self.folders)
        return ["sh", "-c", f'{moves}exec "$@"', "sh", *AS_NOBODY, *then]

    def left(self):
        return [str(path) for folder in self.folders for path in folder.iterdir() if path.is_dir() and path.name.startswith("executor.")]

    def remove(self):
        for folder in self.folders:
            for below, _, _ in os.walk(folder, topdown=False):
                executor_service.wait_until(lambda path=below: try_rmdir(path), WAIT_SECONDS)


def try_rmdir(path):
    try:
        os.rmdir(path)
    except OSError:
        return not os.path.exists(path)
    return True


class Started(unittest.TestCase):
    def start(self, before=(), **settings):
        service = executor_service.Service(before, EXECUTOR_MAX_CONCURRENCY="2", **settings)
        self.addCleanup(service.close)
        return service

    def assert_sample(self, service):
        status, answer = service.post(SAMPLE)
        self.assertEqual((status, answer.get("passed")), (200, 2), answer)
        self.assertEqual([(r["stdout"], r["verdict"], r["backend"]) for r in answer["results"]],
                         [("10\n", "accepted", "native"), ("4\n", "accepted", "native")])
        return answer

    def family(self, service):
        pids = [service.server.pid, *service.processes()]
        seen = {pid: (serve_checks.place(pid), executor_service.status_of(pid)) for pid in pids}
        return {pid: (place, status) for pid, (place, status) in seen.items() if "CapBnd" in status}  # others have just ended

    def need_root(self):
        must_run.need(os.geteuid() == 0, "root")


class Rights(Started):
    @classmethod
    def setUpClass(cls):
        must_run.need(os.geteuid() == 0, "root")
        cls.service = executor_service.Service(EXECUTOR_MAX_CONCURRENCY="2", EXECUTOR_REDIS_URL="redis://:secret-5541@localhost:6379")
        cls.addClassCleanup(cls.service.close)
        cls.service.execute("print(1)")

    def of(self, *places):
        members = {pid: status for pid, (place, status) in self.family(self.service).items() if place in places}
        self.assertGreaterEqual(len(members), len(places))
        return members.items()

    def test_no_process_runs_as_root_of_the_host_but_the_janitor_of_cgroup_v1(self):
        roots = [place for place, status in self.family(self.service).values() if "0" in status["Uid"].split() + status["Gid"].split()]
        unified = "cgroup_v2" in self.service.execute("print(1)")[0]["isolation"]
        self.assertEqual(roots, [] if unified else ["executor-jantr"])

    def test_front_and_steward_hold_no_capability(self):
        for pid, status in self.of("executor", "executor-stewar"):
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(status[name], NO_CAPABILITIES, f"{name} of {status['Name']} ({pid})")
            self.assertEqual(status["NoNewPrivs"], "1", status["Name"])
            self.assertEqual(status["Groups"], "", status["Name"])

    def test_front_and_steward_can_never_get_a_capability_back(self):
        for pid, status in self.of("executor", "executor-stewar"):
            self.assertEqual(status["CapBnd"], NO_CAPABILITIES, f"{status['Name']} ({pid})")

    def test_the_janitor_holds_one_capability_at_most_and_a_filter(self):
        if "cgroup_v2" in self.service.execute("print(1)")[0]["isolation"]:
            self.assertNotIn("executor-jantr", [place for place, _ in self.family(self.service).values()])
            return
        (_, status), = self.of("executor-jantr")
        self.assertIn(int(status["CapEff"], 16), (0, 1 << 1))  # CAP_DAC_OVERRIDE
        self.assertEqual((status["CapPrm"], status["CapInh"], status["CapAmb"]), (status["CapEff"], NO_CAPABILITIES, NO_CAPABILITIES))
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def test_supervisor_and_zygote_are_root_of_another_user_namespace_only(self):
        for pid, status in self.of("supervisor", "zygote"):
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/user"), os.readlink("/proc/self/ns/user"))
            self.assertTrue(all(int(uid) >= 1_900_000_000 for uid in status["Uid"].split()), status["Uid"])

    def test_inits_and_payloads_hold_nothing(self):
        self.service.steady_level()  # none of them is being made
        for pid, status in self.of("init", "payload"):
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(status[name], NO_CAPABILITIES, f"{name} of {pid}")
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        ids = [status["Uid"] for _, status in self.of("init", "payload")]
        self.assertEqual(len(set(ids)), len(ids), "two sandboxes' processes share a host id")

    def test_no_secret_of_the_settings_is_in_the_environment_below_the_front(self):
        for pid, _ in self.of("supervisor", "zygote", "init", "payload"):
            try:
                self.assertNotIn(b"secret-5541", Path(f"/proc/{pid}/environ").read_bytes())
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has just ended


class OrdinaryUser(Started):
    def setUp(self):
        self.need_root()
        reachable = subprocess.run([*AS_NOBODY, "test", "-x", os.environ["EXECUTOR_BINARY"]], check=False).returncode == 0
        must_run.need(reachable, "an executable that other users may reach")
        self.groups = DelegatedGroups()
        self.addCleanup(self.groups.remove)

    def test_it_serves_the_sample_without_any_right_and_leaves_nothing(self):
        service = self.start(self.groups.enter())
        answer = self.assert_sample(service)
        self.assertNotIn("own_ids", answer["results"][0]["isolation"])
        for pid, (place, status) in self.family(service).items():
            self.assertEqual(set(status["Uid"].split()), {str(NOBODY)}, place)
            try:
                namespace = os.readlink(f"/proc/{pid}/ns/user")
            except FileNotFoundError:
                continue  # the sandbox of the sample, which has ended meanwhile
            if namespace == os.readlink("/proc/self/ns/user"):
                self.assertEqual((status["CapPrm"], status["CapEff"]), (NO_CAPABILITIES, NO_CAPABILITIES), place)
        family = serve_checks.identities(service.processes())
        self.assertEqual(service.close(), 0, service.log_tail())
        executor_service.wait_until(lambda: not serve_checks.alive(family) + self.groups.left(), WAIT_SECONDS)
        self.assertEqual((serve_checks.alive(family), self.groups.left()), ([], []))

    def test_it_recovers_from_the_death_of_its_supervisor(self):
        service = self.start(self.groups.enter())
        self.assert_sample(service)
        for pid in serve_checks.find(service, "supervisor"):
            os.kill(pid, signal.SIGKILL)
        self.assert_sample(service)

    def test_without_a_group_of_its_own_it_says_what_would_provide_one(self):
        status, said = refused(before=AS_NOBODY)
        self.assertEqual(status, 3, said)
        self.assertIn("cgroup", said)
        self.assertIn("Delegate=", said)
        self.assertIn("executor doctor", said)

    def test_a_user_namespace_around_it_changes_nothing(self):
        self.assert_sample(self.start(self.groups.enter(*OWN_USER_NAMESPACE, WITHOUT_RIGHTS, "sh")))

    def test_each_kind_of_namespace_that_is_not_available_is_named_and_nothing_weaker_runs(self):
        for kind, word in (("user", "user"), ("pid", "PID"), ("mnt", "mount"), ("net", "network"), ("ipc", "IPC"), ("uts", "UTS"),
                           ("cgroup", "cgroup")):
            with self.subTest(kind):
                before = self.groups.enter(*OWN_USER_NAMESPACE, f"echo 0 > /proc/sys/user/max_{kind}_namespaces && {WITHOUT_RIGHTS}", "sh")
                try:
                    status, said = refused(before=before, seconds=5)
                except subprocess.TimeoutExpired as running:
                    self.fail(f"it runs: {running.stdout}")
                self.assertEqual(status, 3, said)
                # several are made by one call, so that the kernel does not tell which of them it refused
                self.assertRegex(said, f"(?i){word}.* namespace|init: namespaces|max_{kind}_namespaces")
                self.assertIn("executor doctor", said)
                self.assertNotIn("server_listening", said)
                self.assertEqual(self.groups.left(), [])


class ContainerRoot(Started):
    def test_root_of_a_user_namespace_without_a_range_of_ids_serves_with_a_single_id(self):
        self.need_root()
        service = self.start(["unshare", "--user", "--map-root-user"])
        self.assertNotIn("own_ids", self.assert_sample(service)["results"][0]["isolation"])
        family = serve_checks.identities(service.processes())
        self.assertEqual(service.close(), 0, service.log_tail())
        gone = executor_service.wait_until(
            lambda: not serve_checks.alive(family) + serve_checks.group_folders(service.server.pid), WAIT_SECONDS)
        self.assertTrue(gone, "processes or control groups are left")


class Settings(Started):
    def test_a_value_that_is_not_allowed_ends_the_start_with_its_name(self):
        for name, value in (("EXECUTOR_PORT", "70000"), ("EXECUTOR_PORT", "http"), ("EXECUTOR_QUEUE", "kafka"), ("EXECUTOR_ROLE", "boss"),
                            ("EXECUTOR_TIMEOUT", "-1"), ("EXECUTOR_TIMEOUT", "nan"), ("EXECUTOR_MAX_TIMEOUT", "1"),
                            ("EXECUTOR_ALLOWED_MODULES", "os"), ("EXECUTOR_ALLOWED_BUILTINS", "[1]"), ("EXECUTOR_MAX_CONCURRENCY", "0"),
                            ("EXECUTOR_WARM_POOL", "99999"), ("EXECUTOR_MEM_LIMIT", "1"), ("EXECUTOR_NANO_CPUS", "1e9"),
                            ("EXECUTOR_VALIDATION", "perhaps"), ("LOG_TO_FILE", "2"), ("EXECUTOR_DRAIN_TIME", "-1"),
                            ("EXECUTOR_REDIS_URL", "http://localhost"), ("EXECUTOR_BACKEND", "podman"), ("EXECUTOR_QUEUE", "rabbit"),
                            ("EXECUTOR_QUEUE_LIMIT", "0"), ("EXECUTOR_MAX_BODY", "12"), ("EXECUTOR_MAX_CONNECTIONS", "")):
            with self.subTest(name, value=value):
                if not value:
                    continue  # counts as unset
                status, said = refused(**{name: value})
                self.assertEqual(status, 2, said)
                self.assertIn(name, said)
                self.assertEqual(len(said.splitlines()), 1, said)

    def test_a_flag_that_is_not_allowed_is_named_as_it_was_given(self):
        status, said = refused("--port", "70000", EXECUTOR_PORT="0")
        self.assertEqual((status, "--port" in said), (2, True), said)
        status, said = refused("--bogus")
        self.assertEqual((status, "--bogus" in said), (2, True), said)

    def test_a_password_is_never_repeated(self):
        status, said = refused(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL="redis://user:secret-77@host:port")
        self.assertEqual((status, "EXECUTOR_REDIS_URL" in said), (2, True), said)
        self.assertNotIn("secret-77", said)

    def test_the_embedded_queue_cannot_be_shared_by_roles(self):
        for role in ("api", "worker"):
            status, said = refused(EXECUTOR_ROLE=role)
            self.assertEqual((status, "EXECUTOR_QUEUE" in said, role in said), (2, True, True), said)

    def test_a_port_in_use(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            status, said = refused(EXECUTOR_PORT=str(port))
        self.assertEqual((status, "EXECUTOR_PORT" in said, str(port) in said, "in use" in said), (1, True, True, True), said)

    def test_a_root_file_system_that_is_missing(self):
        status, said = refused(EXECUTOR_ROOTFS_DIR="/nonexistent")
        self.assertEqual((status, "executor rootfs build" in said, "/nonexistent" in said), (3, True, True), said)

    def test_a_log_file_that_cannot_be_written(self):
        status, said = refused(LOG_TO_FILE="true", LOG_FILE="/proc/nowhere/executor.log")
        self.assertEqual((status, "LOG_FILE" in said), (1, True), said)

    def test_the_log_file_has_the_same_lines_as_standard_output(self):
        folder = tempfile.mkdtemp(prefix="executor-log-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o777)
        file = Path(folder, "logs", "executor.log")
        service = self.start(LOG_TO_FILE="true", LOG_FILE=str(file))
        self.assert_sample(service)
        self.assertEqual(service.close(), 0, service.log_tail())
        self.assertEqual(file.read_text(encoding="utf-8"), service.log_text())
        self.assertEqual([json.loads(line)["msg"] for line in service.log_text().splitlines()],
                         ["backend_chosen", "server_listening", "worker_job_completed", "server_stopping", "server_stopped"])

    def test_a_log_file_in_a_directory_of_roots_is_written_by_the_user_that_the_service_becomes(self):
        must_run.need(os.geteuid() == 0, "root, to give up")
        folder = tempfile.mkdtemp(prefix="executor-log-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        file = Path(folder, "executor.log")
        service = self.start(LOG_TO_FILE="true", LOG_FILE=str(file))
        self.assert_sample(service)
        user = int(executor_service.status_of(service.server.pid)["Uid"].split()[0])
        self.assertEqual((file.stat().st_uid, user == 0), (user, False))
        self.assertEqual(service.close(), 0, service.log_tail())
        self.assertIn("worker_job_completed", file.read_text(encoding="utf-8"))


class ColdPath(Started):
    def test_without_a_pool_the_answers_are_the_same(self):
        service = self.start(EXECUTOR_WARM_POOL="0")
        self.assert_sample(service)
        service.execute("print(1)")
        executor_service.wait_until(lambda: serve_checks.metric(service, "executor_warm_pool_misses_total") >= 3, WAIT_SECONDS)
        time.sleep(0.3)  # figures are told a fifth of a second after they change
        before = serve_checks.metrics(service)
        results = service.execute("import sys\nn = int(input())\nprint(1 // n, file=sys.stderr if n > 1 else sys.stdout)",
                                  [{"stdin": f"{n}\n", "expectedStdout": "1\n"} for n in (0, 1, 2)])
        self.assertEqual([(r["verdict"], r["stdout"], r["exitCode"]) for r in results],
                         [("runtime_error", "", 1), ("accepted", "1\n", 0), ("wrong_answer", "", 0)])
        self.assertEqual(service.execute("while True: pass", [{"cpuTimeMs": 100}])[0]["verdict"], "cpu_time_limit")

        def counted():
            now = serve_checks.metrics(service)
            return [now["executor_warm_pool_size"]] + [now[name] - before[name] for name in
                                                       ("executor_warm_pool_hits_total", "executor_warm_pool_misses_total")]
        executor_service.wait_until(lambda: counted()[2] >= 4, WAIT_SECONDS)
        self.assertEqual(counted(), [0, 0, 4])


if __name__ == "__main__":
    must_run.main()
