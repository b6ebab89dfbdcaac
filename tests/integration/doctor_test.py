"""`executor doctor` for real: on this host as it is, and under restrictions made for each test.

The executable is found in EXECUTOR_BINARY. Some tests need root, to become somebody else; a skip names what is missing
and is a failure where EXECUTOR_TESTS_MUST_RUN=1.
"""

import ctypes
import hashlib
import http.server
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

EXECUTOR = os.environ.get("EXECUTOR_BINARY", "")
LAYERS = ["kernel", "namespaces", "cgroup", "seccomp", "host", "installation", "service"]
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
OWN_USER_NAMESPACE = ["unshare", "--user", "--map-root-user"]

# The configuration of a test must be its own, not what the shell happens to have.
BASE = {name: value for name, value in os.environ.items()
        if not name.startswith(("EXECUTOR_", "LOG_", "DOCKER_", "MAX_", "SENTRY_"))}
BASE |= {"EXECUTOR_QUEUE": "embedded", "LOG_TO_FILE": "false", "EXECUTOR_PORT": "0"}


def start(*arguments, before=(), environment=None, **options):
    return subprocess.Popen([*before, EXECUTOR, "doctor", *map(str, arguments)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={**BASE, **(environment or {})}, **options)


def doctor(*arguments, **options):
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def in_shell(prelude):
    """Runs the prelude as root of a user namespace of its own, then the doctor."""
    return [*OWN_USER_NAMESPACE, "sh", "-c", f'{prelude} && exec "$@"', "sh"]


def need(test, condition, capability):
    if condition:
        return
    if os.environ.get("EXECUTOR_TESTS_MUST_RUN") == "1":
        test.fail(f"missing: {capability}")
    test.skipTest(f"missing: {capability}")


def deny_clone3():
    """As containers' filters do: ENOSYS, so that the C library falls back to clone."""
    def instruction(code, yes, no, value):
        return struct.pack("HBBI", code, yes, no, value)
    filter_ = (instruction(0x20, 0, 0, 0) + instruction(0x15, 0, 1, 435) +      # load the number; is it clone3
               instruction(0x06, 0, 0, 0x00050000 | 38) + instruction(0x06, 0, 0, 0x7FFF0000))
    buffer = ctypes.create_string_buffer(filter_)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:  # no_new_privs, filter
        os._exit(99)


def own_unified_group():
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            for mount in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
                if " - cgroup2 " in mount:
                    return pathlib.Path(mount.split()[4] + line[3:])
    return None


def traces(pid=None):
    """What a doctor (with this pid) could leave: groups, controllers that it switched on, mounts."""
    group = own_unified_group()
    seen = {"mounts": pathlib.Path("/proc/self/mountinfo").read_text()}
    if group is not None and (group / "cgroup.subtree_control").exists():
        seen["controllers"] = (group / "cgroup.subtree_control").read_text()
        seen["service"] = (group / "service").exists()
    if pid is not None:
        seen["groups"] = [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if f"/executor.{pid}." in folder]
    return seen


def session_members(session):
    """Each as the number, name and state of its stat file and where it waits."""
    members = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == session:
                    stat, place = (entry / "stat").read_text(), (entry / "wchan").read_text()
                    members.append(" ".join([*stat.split()[:3], place]))
            except (ProcessLookupError, FileNotFoundError):
                pass
    return members


class DoctorTest(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="executor-doctor-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def report(self, *arguments, **options):
        """The JSON report; exit status and "ok" must tell the same."""
        ran = doctor("--json", *arguments, **options)
        self.assertEqual(ran.stderr, "")
        report = json.loads(ran.stdout)
        self.assertEqual(ran.returncode, 0 if report["ok"] else 1)
        report["by_name"] = {check["name"]: check for check in report["checks"]}
        return report

    def assert_missing(self, report, name, remedy, needed=True):
        check = report["by_name"][name]
        self.assertEqual((check["state"], check["needed"]), ("missing", needed), check)
        self.assertIn(remedy, check["remedy"])
        self.assertEqual(name in report["missing"], needed)
        if needed:
            self.assertFalse(report["ok"])

    def assert_ok(self, report, name):
        self.assertEqual(report["by_name"][name]["state"], "ok", report["by_name"][name])

    def need_root(self):
        need(self, os.geteuid() == 0, "root, to run as somebody else")

    def need_user_namespaces(self):
        tried = subprocess.run([*OWN_USER_NAMESPACE, "true"], capture_output=True)
        need(self, tried.returncode == 0, "user namespaces")

    def serve(self, server):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    # -- this host as it is

    def test_every_layer_is_looked_at_and_every_line_says_what_to_do(self):
        report = self.report()
        layers = [check["layer"] for check in report["checks"]]
        self.assertEqual(sorted(set(layers), key=layers.index), LAYERS)
        for check in report["checks"]:
            self.assertIn(check["state"], ("ok", "degraded", "missing"))
            self.assertTrue(check["meaning"], check)
            self.assertEqual(check["remedy"] is None, check["state"] == "ok", check)

    def test_what_it_says_agrees_with_what_can_be_seen_otherwise(self):
        report = self.report()
        self.assertEqual(report["by_name"]["kernel version"]["meaning"], f"Linux {platform.release()}")
        group = own_unified_group()
        controllers = (group / "cgroup.controllers").read_text().split() if group else []
        unified = {"cpu", "memory", "pids"} <= set(controllers)
        self.assertIn(report["cgroupVersion"], (2, None) if unified else (1, None))
        swaps = len(pathlib.Path("/proc/swaps").read_text().splitlines()) - 1
        self.assertEqual("there is none" in report["by_name"]["swap"]["meaning"], swaps == 0)

    def test_root_with_a_cgroup_of_its_own_can_run_native_sandboxes(self):
        self.need_root()
        need(self, os.access("/sys/fs/cgroup", os.W_OK), "writable cgroups")
        ran = doctor()
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, r"\nbackend: native   ids: range   cgroup: v[12]\n")

    def test_the_table_is_plain_when_it_goes_to_a_pipe(self):
        ran = doctor(environment={"TERM": "xterm-256color"})
        self.assertTrue(ran.stdout.isascii())
        self.assertNotIn("\x1b", ran.stdout)
        states = [line for line in ran.stdout.splitlines() if line.startswith(("  ok ", "  missing ", "  degraded "))]
        self.assertGreater(len(states), 30)
        self.assertEqual({line[12] for line in states}, {" "})
        self.assertNotIn(" ", {line[13] for line in states})

    def test_nothing_is_left_behind(self):
        before = traces()
        process = start(start_new_session=True)
        process.communicate(timeout=120)
        self.assertEqual(traces(process.pid), {**before, "groups": []})
        self.assertEqual(session_members(process.pid), [])

    def test_nothing_is_left_behind_when_it_is_ended_half_way(self):
        before = traces()
        for delay in range(0, 60, 3):
            process = start(start_new_session=True)
            time.sleep(delay / 1000)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=120)
            deadline = time.monotonic() + 5
            while session_members(process.pid) and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(session_members(process.pid), [], f"ended after {delay} ms")
            self.assertEqual(traces(process.pid), {**before, "groups": []}, f"ended after {delay} ms")

    # -- restrictions

    def test_an_ordinary_user_without_a_delegated_group_is_told_how_to_get_one(self):
        self.need_root()
        tried = subprocess.run([*NOBODY, "test", "-x", EXECUTOR])
        need(self, tried.returncode == 0, "an executable that others may reach")
        report = self.report(before=NOBODY, environment={"EXECUTOR_LOCAL_FALLBACK": "false"})
        unified = report["by_name"]["cgroup mode"]["meaning"].startswith("v2")
        self.assert_missing(report, "cgroup delegation",
                            "Delegate=cpu memory pids" if unified else "start it as root")
        self.assertEqual((report["backend"], report["idMode"], report["cgroupVersion"]), ("none", "single", None))
        self.assertEqual(report["by_name"]["host ids"]["state"], "degraded")
        self.assertIn("start it as root", report["by_name"]["host ids"]["remedy"])

    def test_user_namespaces_that_are_switched_off_name_the_switch(self):
        self.need_user_namespaces()
        report = self.report(before=in_shell("echo 0 > /proc/sys/user/max_user_namespaces"),
                             environment={"EXECUTOR_LOCAL_FALLBACK": "false"})
        self.assert_missing(report, "user namespaces", "sysctl -w user.max_user_namespaces=65536")
        self.assertEqual(report["by_name"]["user namespaces"]["meaning"],
                         "switched off by user.max_user_namespaces=0")
        self.assertEqual(report["backend"], "none")
        self.assertIn("user namespaces", report["missing"])
        self.assertNotIn("mount namespaces", report["missing"])

    def test_one_kind_of_namespace_that_is_switched_off_names_its_switch(self):
        self.need_user_namespaces()
        report = self.report(before=in_shell("echo 0 > /proc/sys/user/max_net_namespaces"))
        self.assert_ok(report, "user namespaces")
        self.assert_ok(report, "mount namespaces")
        self.assert_missing(report, "network namespaces", "sysctl -w user.max_net_namespaces=65536")

    def test_a_single_level_of_user_namespaces_is_not_enough(self):
        self.need_user_namespaces()
        report = self.report(before=in_shell("echo 1 > /proc/sys/user/max_user_namespaces"))
        self.assert_ok(report, "user namespaces")
        self.assert_missing(report, "all seven at once", "sysctl -w user.max_user_namespaces=65536")

    def test_capabilities_over_ids_that_cannot_be_mapped_mean_a_single_id(self):
        self.need_user_namespaces()
        report = self.report(before=OWN_USER_NAMESPACE)
        self.assertEqual(report["by_name"]["host ids"]["state"], "degraded")
        self.assertEqual(report["idMode"], "single")

    def test_a_filter_as_containers_have_it_is_named(self):
        report = self.report(preexec_fn=deny_clone3)
        self.assert_missing(report, "clone3", "--security-opt seccomp=")
        self.assert_missing(report, "user namespaces", "--security-opt seccomp=")

    # -- the installation

    def test_a_rootfs_directory_that_points_nowhere(self):
        report = self.report(environment={"EXECUTOR_ROOTFS_DIR": str(self.scratch / "nowhere")})
        self.assert_missing(report, "rootfs", "executor rootfs build")
        self.assertEqual(report["backend"], "none")

    def small_root(self):
        """A root of one file, with its manifest."""
        root = self.scratch / "roots/python"
        root.mkdir(parents=True)
        root.chmod(0o755)
        (root / "file").write_text("as recorded")
        (root / "file").chmod(0o644)
        record = {"type": "file", "mode": "0644", "size": 11, "sha256": hashlib.sha256(b"as recorded").hexdigest()}
        manifest = {**json.loads(self.shipped_manifest().read_text()), "packages": [], "paths": {"file": record},
                    "size": 11}
        pathlib.Path(f"{root}.manifest.json").write_text(json.dumps(manifest))
        self.scratch.chmod(0o755)
        (self.scratch / "roots").chmod(0o755)
        return root

    def shipped_manifest(self):
        """That of the root which this build would use."""
        report = self.report()
        where = report["by_name"]["rootfs"]["meaning"].split('"')[1]
        need(self, os.path.exists(f"{where}.manifest.json"), "a rootfs (executor rootfs build)")
        return pathlib.Path(f"{where}.manifest.json")

    def test_a_rootfs_is_held_against_its_manifest(self):
        root = self.small_root()
        environment = {"EXECUTOR_ROOTFS_DIR": str(root.parent)}
        self.assert_ok(self.report(environment=environment), "rootfs")
        (root / "file").write_text("AS RECORDED")
        self.assert_ok(self.report(environment=environment), "rootfs")
        full = self.report("--full", environment=environment)
        self.assert_missing(full, "rootfs", "executor rootfs check")
        self.assertIn("content: file", full["by_name"]["rootfs"]["meaning"])
        (root / "more").write_text("")
        quick = self.report(environment=environment)
        self.assertIn("first extra: more", quick["by_name"]["rootfs"]["meaning"])
        (root / "more").unlink()
        (root / "file").write_text("longer than recorded")
        quick = self.report(environment=environment)
        self.assertIn("first size: file", quick["by_name"]["rootfs"]["meaning"])
        os.unlink(f"{root}.manifest.json")
        self.assert_missing(self.report(environment=environment), "rootfs", "executor rootfs build --force")

    def test_profiles_that_are_not_there_or_do_not_parse(self):
        report = self.report(environment={"EXECUTOR_DATA_DIR": str(self.scratch)})
        self.assert_missing(report, "seccomp profiles", "EXECUTOR_DATA_DIR")

    def test_helper_programs_are_expected_beside_the_program(self):
        alone = self.scratch / "executor"
        shutil.copy(EXECUTOR, alone)
        ran = subprocess.run([alone, "doctor", "--json"], capture_output=True, text=True, env=BASE)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("helper programs", json.loads(ran.stdout)["missing"])

    # -- what the service talks to

    def test_a_port_that_somebody_has(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            report = self.report("--port", port)
            self.assert_missing(report, "port", f'ss -ltnp "sport = :{port}"')
        self.assert_ok(self.report("--port", port), "port")

    def test_an_address_that_is_not_ours(self):
        self.assert_missing(self.report("--host", "192.0.2.1"), "port", "EXECUTOR_HOST=127.0.0.1")

    def test_a_log_file_that_cannot_be_written(self):
        wanted = {"LOG_TO_FILE": "true", "LOG_FILE": str(self.scratch / "file/executor.log")}
        (self.scratch / "file").write_text("no directory")
        self.assert_missing(self.report(environment=wanted), "log file", "LOG_TO_FILE=false")
        wanted["LOG_FILE"] = str(self.scratch / "new/executor.log")
        self.assert_ok(self.report(environment=wanted), "log file")
        self.assertEqual(os.listdir(self.scratch), ["file"])

    def test_a_log_file_that_the_services_user_cannot_rotate(self):
        need(self, os.geteuid() == 0, "root, which is given up")
        folder = self.scratch / "of-root"
        folder.mkdir(mode=0o755)
        wanted = {"LOG_TO_FILE": "true", "LOG_FILE": str(folder / "executor.log")}
        self.assertEqual(self.report(environment=wanted)["by_name"]["log file"]["state"], "degraded")
        folder.chmod(0o777)
        self.assert_ok(self.report(environment=wanted), "log file")

    def test_redis_is_asked_and_needed_only_as_the_queue(self):
        need(self, shutil.which("redis-server"), "redis-server")
        path = self.scratch / "redis.sock"
        url = f"unix://{path}"
        self.assert_missing(self.report("--redis-url", url, "--queue", "redis"), "Redis", "EXECUTOR_QUEUE=embedded")
        self.assert_missing(self.report("--redis-url", url), "Redis", "EXECUTOR_QUEUE=embedded", needed=False)
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir",
                                   str(self.scratch), "--requirepass", "secret"], stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        for _ in range(500):
            if path.exists():
                break
            time.sleep(0.01)
        self.assert_missing(self.report("--redis-url", url, "--queue", "redis"), "Redis", "USER:PASSWORD")
        self.assert_ok(self.report("--redis-url", f"{url}?password=secret", "--queue", "redis"), "Redis")

    def test_rabbitmq_is_a_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assert_ok(self.report("--rabbitmq-url", f"amqp://127.0.0.1:{port}"), "RabbitMQ")
        report = self.report("--rabbitmq-url", f"amqp://127.0.0.1:{port}")
        self.assert_missing(report, "RabbitMQ", "systemctl start rabbitmq-server", needed=False)

    def test_docker_is_asked_by_its_socket(self):
        path = str(self.scratch / "docker.sock")
        self.assert_missing(self.report("--docker-socket", path), "Docker", "systemctl start docker", needed=False)
        asked = []

        class Engine(http.server.BaseHTTPRequestHandler):
            status = 200

            def do_GET(self):
                asked.append(self.path)
                self.send_response(self.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"OK")

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

        self.serve(socketserver.ThreadingUnixStreamServer(path, Engine))
        self.assert_ok(self.report("--docker-socket", path), "Docker")
        self.assertEqual(asked, ["/_ping"])
        Engine.status = 500
        report = self.report("--docker-socket", path)
        self.assertEqual(report["by_name"]["Docker"]["meaning"], "HTTP status 500")

    def test_servers_that_never_answer_do_not_hold_it_up(self):
        silent = socket.socket(socket.AF_UNIX)
        self.addCleanup(silent.close)
        silent.bind(str(self.scratch / "silent.sock"))
        silent.listen()
        path = self.scratch / "silent.sock"
        started = time.monotonic()
        report = self.report("--docker-socket", path, "--redis-url", f"unix://{path}")
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual(report["by_name"]["Docker"]["state"], "missing")
        self.assertEqual(report["by_name"]["Redis"]["state"], "missing")

    # -- the command line

    def test_a_wrong_command_line_or_setting_is_status_two(self):
        for arguments in (["--what"], ["extra"], ["--queue", "kafka"]):
            ran = doctor(*arguments)
            self.assertEqual((ran.returncode, ran.stdout), (2, ""), arguments)
            self.assertIn(arguments[0].lstrip("-"), ran.stderr)
        ran = doctor(environment={"EXECUTOR_PORT": "many"})
        self.assertEqual(ran.returncode, 2)
        self.assertIn("EXECUTOR_PORT", ran.stderr)

    def test_help_tells_the_exit_statuses(self):
        ran = doctor("--help")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("Exit status: 0", ran.stdout)
        self.assertIn("--json", ran.stdout)


if __name__ == "__main__":
    if not EXECUTOR:
        sys.exit("EXECUTOR_BINARY names no executable")
    unittest.main()
