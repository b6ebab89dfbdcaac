#!/usr/bin/python3
"""Bad days with Docker: an engine that is absent, stops, hangs, talks nonsense or comes back; our own kill -9; the choice."""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest

import docker_engine
import executor_service
import must_run

WAIT_SECONDS = 30
REFUSED = 3
engine = None


def setUpModule():
    global engine
    docker_engine.need()
    engine = docker_engine.DockerEngine()
    unittest.addModuleCleanup(engine.close)
    engine.import_root(docker_engine.rootfs())


def serve(**settings):
    return executor_service.Service(**{**docker_engine.settings(engine), **settings})


def refused(seconds=WAIT_SECONDS, **settings):
    """(status, what it said) of a start that must be refused."""
    chosen = {"EXECUTOR_PORT": "0", "EXECUTOR_QUEUE": "embedded", "LOG_TO_FILE": "false", "EXECUTOR_BACKEND": "docker",
              "DOCKER_SOCKET_PATH": engine.path, "EXECUTOR_DOCKER_IMAGE": docker_engine.IMAGE,
              "EXECUTOR_DOCKER_IMAGE_JAVASCRIPT": "none", **settings}
    done = subprocess.run([os.environ["EXECUTOR_BINARY"], "serve"], env={**os.environ, **chosen}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False)
    return done.returncode, done.stdout.decode()


class EngineSocket:
    """A Unix socket where an engine's is looked for, served by a handler."""

    def __init__(self, handler):
        self.folder = tempfile.mkdtemp(prefix="executor-engine-")
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "docker.sock")

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(self.path, handler)
        os.chmod(self.path, 0o777)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.folder)


class FakeEngine(EngineSocket):
    """Answers by a function from path to (status, bytes); None: never answers."""

    def __init__(self, answer):
        self.asked = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                fake.asked.append(f"{self.command} {self.path}")
                said = answer(self.path)
                if said is None:
                    time.sleep(60)
                    return
                if isinstance(said, bytes):
                    self.wfile.write(said)
                    self.close_connection = True
                    return
                self.send_response(said[0])
                self.send_header("Content-Length", str(len(said[1])))
                self.end_headers()
                self.wfile.write(said[1])

            do_GET = do_POST = do_DELETE = answer

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

        super().__init__(Handler)


class EnginePath(EngineSocket):
    """Passes all on to an engine and back."""

    def __init__(self, engine_path):
        path = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.asked = b""
                with socket.socket(socket.AF_UNIX) as upstream:
                    upstream.connect(engine_path)
                    answers = threading.Thread(target=self.pass_answers, args=(upstream,), daemon=True)
                    answers.start()
                    while data := self.request.recv(65536):
                        self.asked = path.to_engine(data)
                        upstream.sendall(self.asked)
                    upstream.shutdown(socket.SHUT_WR)
                    answers.join()

            def pass_answers(self, upstream):
                with contextlib.suppress(OSError):  # the client may have gone
                    while (data := upstream.recv(65536)) and path.passes(self.asked):
                        self.request.sendall(data)
                    self.request.shutdown(socket.SHUT_RDWR)

        super().__init__(Handler)

    def to_engine(self, data):
        return data

    def passes(self, _asked):
        """Whether the answer to this goes on."""
        return True


class LossyPath(EnginePath):
    """Loses the answers to creations while `loses` is set."""

    loses = False
    lost = 0

    def passes(self, asked):
        if not self.loses or b"/containers/create" not in asked.split(b"\r\n", 1)[0]:
            return True
        self.lost += 1
        return False


class TellTale(EnginePath):
    """Tells a program the first character of the nonce that it is handed over with."""

    HOLE = b"NONCE"
    told = 0

    def to_engine(self, data):
        nonce = re.search(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", data)
        if self.HOLE not in data or not nonce:
            return data
        self.told += 1
        return data.replace(self.HOLE, nonce[0][:1].ljust(len(self.HOLE)))


VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "fake"}
INFO = {"OSType": "linux", "Architecture": "x86_64", "MemoryLimit": True, "SwapLimit": True, "PidsLimit": True, "CpuCfsQuota": True,
        "SecurityOptions": ["name=seccomp,profile=default"]}


def sensible(path, version=(), info=(), image=None):
    """What a good engine says, up to its image."""
    if path == "/version":
        return 200, json.dumps({**VERSION, **dict(version)}).encode()
    if path.endswith("/info"):
        return 200, json.dumps({**INFO, **dict(info)}).encode()
    if "/containers/json" in path:
        return 200, b"[]"
    if "/images/" in path and path.endswith("/json"):
        return image or (404, b'{"message": "No such image"}')
    if "/images/create" in path:
        return 200, b'{"status": "Pulling"}\n{"error": "manifest unknown"}\n'
    return 500, b'{"message": "not this"}'


class Refusals(unittest.TestCase):
    def fake(self, answer):
        fake = FakeEngine(answer)
        self.addCleanup(fake.close)
        return fake

    def assert_refused(self, *words, **settings):
        status, said = refused(**settings)
        self.assertEqual(status, REFUSED, said)
        for word in words:
            self.assertIn(word, said)
        return said

    def test_an_engine_that_is_absent_is_named_with_what_provides_it(self):
        self.assert_refused("docker: ", "No such file or directory", "systemctl start docker", DOCKER_SOCKET_PATH="/nowhere/docker.sock")

    def test_a_socket_that_may_not_be_opened_is_named(self):
        fake = self.fake(sensible)
        os.chmod(fake.path, 0o700)
        self.assert_refused("Permission denied", "usermod -aG docker", DOCKER_SOCKET_PATH=fake.path)

    def test_a_path_that_is_too_long_is_named(self):
        self.assert_refused("File name too long", DOCKER_SOCKET_PATH="/tmp/" + "x" * 200)

    def test_engines_that_will_not_do_are_refused_with_the_layer(self):
        for words, parts in (("API version 1.39", {"version": {"ApiVersion": "1.39"}}),
                             ("asks for API version 1.99", {"version": {"ApiVersion": "1.120", "MinAPIVersion": "1.99"}}),
                             ("for windows", {"info": {"OSType": "windows"}}), ("limits for memory", {"info": {"MemoryLimit": False}}),
                             ("limits for processes", {"info": {"PidsLimit": False}}), ("CPU quota", {"info": {"CpuCfsQuota": False}}),
                             ("without seccomp", {"info": {"SecurityOptions": ["name=apparmor"]}}), ("without seccomp", {"info": {"SecurityOptions": 7}}),
                             ("declares volumes", {"image": (200, b'{"Id": "sha256:1", "Config": {"Volumes": {"/data": {}}}}')})):
            with self.subTest(words):
                fake = self.fake(lambda path, parts=parts: sensible(path, **parts))
                self.assert_refused(words, DOCKER_SOCKET_PATH=fake.path)

    def test_a_missing_image_is_pulled_once_and_refused_in_the_engines_words(self):
        fake = self.fake(sensible)
        self.assert_refused("manifest unknown", "docker pull registry:5000/some/image:tag", DOCKER_SOCKET_PATH=fake.path,
                            EXECUTOR_DOCKER_IMAGE="registry:5000/some/image:tag")
        pulls = [asked for asked in fake.asked if "/images/create" in asked]
        self.assertEqual(pulls, ["POST /v1.41/images/create?fromImage=registry%3A5000%2Fsome%2Fimage&tag=tag"])

    def test_an_image_without_python_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "etc"))
            engine.import_root(folder, "executor-empty:test")
        self.assert_refused("python3: No such file", "docker pull executor-empty:test", EXECUTOR_DOCKER_IMAGE="executor-empty:test")
        self.assertTrue(executor_service.wait_until(lambda: not engine.containers(), WAIT_SECONDS))

    def test_nonsense_is_refused_and_kills_nobody(self):
        for garbage in (b"\x00\xff" * 500, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
                        b'HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"ApiVersion": [1, {}]}', b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000):
            with self.subTest(garbage[:40]):
                fake = self.fake(lambda _, garbage=garbage: garbage)
                self.assert_refused("docker: ", DOCKER_SOCKET_PATH=fake.path)
        for body in (b"{}", b"[]", b"null", b'{"Id": 5}', b'[{"Id": 5, "Labels": {"io.executor.owner": []}}]', b'{"Id": "ab"}', b"\xff{"):
            with self.subTest(body):
                fake = self.fake(lambda path, body=body: sensible(path) if path == "/version" or path.endswith("/info") else (200, body))
                self.assert_refused("docker: ", DOCKER_SOCKET_PATH=fake.path)

    def test_an_engine_that_hangs_is_given_up(self):
        fake = self.fake(lambda _: None)
        self.assert_refused("ask the Docker engine", DOCKER_SOCKET_PATH=fake.path)

    def test_what_is_asked_for_alone_is_not_replaced(self):
        said = self.assert_refused(DOCKER_SOCKET_PATH="/nowhere/docker.sock", EXECUTOR_BACKEND="docker", EXECUTOR_LOCAL_FALLBACK="true")
        self.assertNotIn("native:", said)
        self.assertNotIn("local:", said)


def without_namespaces():
    """A command before the service: in a user namespace of its own, where no further one may be made."""
    return ["unshare", "--user", "--map-root-user", "--", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]


class Choice(unittest.TestCase):
    def test_without_namespaces_auto_takes_docker_and_says_why(self):
        service = serve(before=without_namespaces(), EXECUTOR_BACKEND="auto", EXECUTOR_VALIDATION="on", EXECUTOR_ALLOWED_MODULES='["math"]')
        self.addCleanup(service.close)
        results = service.execute("n = int(input())\nprint(n * 2)", [{"stdin": "5\n", "expectedStdout": "10\n"}, {"stdin": "2\n", "expectedStdout": "4\n"}])
        self.assertEqual([(result["verdict"], result["backend"]) for result in results], [("accepted", "docker")] * 2)
        health = json.loads(service.ask("GET", "/health")[1])
        self.assertIn("not available at the start", health["nativeBackend"]["detail"])
        self.assertIn("max_user_namespaces", health["nativeBackend"]["detail"])
        self.assertEqual(health["dockerBackend"]["state"], "up")
        self.assertIn('"msg":"backend_chosen","backend":"docker"', service.log_text())
        status, answer = service.post({"language": "python", "source": "import os", "tests": [{}]})
        self.assertEqual((status, answer["error"]["code"]), (400, "validation_failed"))

    def test_with_neither_and_no_fallback_the_start_is_refused_with_both_reasons(self):
        done = subprocess.run([*without_namespaces(), os.environ["EXECUTOR_BINARY"], "serve"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=WAIT_SECONDS, check=False,
                              env={**os.environ, "EXECUTOR_BACKEND": "auto", "EXECUTOR_LOCAL_FALLBACK": "false", "EXECUTOR_PORT": "0",
                                   "EXECUTOR_QUEUE": "embedded", "LOG_TO_FILE": "false", "DOCKER_SOCKET_PATH": "/nowhere/docker.sock"})
        said = done.stdout.decode()
        self.assertEqual(done.returncode, REFUSED, said)
        for words in ("native: ", "max_user_namespaces", "docker: ", "No such file", "local: not allowed by EXECUTOR_LOCAL_FALLBACK"):
            self.assertIn(words, said)


class Warm(unittest.TestCase):
    """Containers that are made ahead."""

    def made(self, count, parsers=(1,)):
        """The ids of the containers that are not running, once there are so many, and so many that parse run."""
        def waiting():
            return set(engine.containers()) - set(engine.running())
        self.assertTrue(executor_service.wait_until(lambda: len(engine.running()) in parsers and len(waiting()) == count, WAIT_SECONDS), engine.containers())
        return {name[:12] for name in waiting()}

    def test_each_is_used_once_and_another_takes_its_place(self):
        service = serve(EXECUTOR_DOCKER_WARM="2")
        self.addCleanup(service.close)
        used = set()
        for _ in range(3):
            ahead = self.made(2)
            result = service.execute("import os\nprint(os.listdir('/tmp'))\nopen('/tmp/x', 'w').close()")[0]
            self.assertEqual((result["verdict"], result["stdout"]), ("accepted", "['main.py']\n"))
            self.assertIn(result["containerId"], ahead)
            used.add(result["containerId"])
        self.assertEqual(len(used), 3)
        self.made(2)
        service.close()
        self.assertEqual(engine.containers(), {})

    def test_a_test_with_limits_of_its_own_has_a_container_of_its_own(self):
        service = serve(EXECUTOR_DOCKER_WARM="1")
        self.addCleanup(service.close)
        ahead = self.made(1)
        result = service.execute("x = bytearray(200 << 20)", [{"memoryBytes": 64 << 20}])[0]
        self.assertEqual(result["verdict"], "memory_limit")
        self.assertNotIn(result["containerId"], ahead)
        self.assertEqual(self.made(1), ahead)

    def test_an_engine_that_comes_back_gets_new_ones_and_keeps_no_old_one(self):
        service = serve(EXECUTOR_DOCKER_WARM="2")
        self.addCleanup(service.close)
        before = self.made(2)
        engine.kill()
        self.assertTrue(executor_service.wait_until(lambda: service.ask("GET", "/ready")[0] == 503, WAIT_SECONDS))
        engine.start()
        self.assertTrue(executor_service.wait_until(lambda: service.ask("GET", "/ready")[0] == 200, WAIT_SECONDS))
        self.assertTrue(executor_service.wait_until(lambda: not before & {name[:12] for name in engine.containers()}, WAIT_SECONDS))
        ahead = self.made(2, parsers=(0, 1))  # whether that connection was lost as well, and when, is chance
        self.assertIn(service.execute("print(1)")[0]["containerId"], ahead)


class FullDisk(unittest.TestCase):
    def test_an_engine_without_space_is_told_of_and_goes_on_when_there_is_some(self):
        full = docker_engine.DockerEngine(disk_bytes=400 << 20)
        self.addCleanup(full.close)
        full.import_root(docker_engine.rootfs())
        service = executor_service.Service(**docker_engine.settings(full))
        self.addCleanup(service.close)
        self.assertEqual(service.execute("print(1)", [{"expectedStdout": "1\n"}])[0]["verdict"], "accepted")
        parser = set(full.containers())
        filler = os.path.join(full.data, "filler")
        with open(filler, "wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * (1 << 20))
                file.flush()
        status, answer = service.post({"language": "python", "source": "print(2)", "tests": [{}]})
        self.assertEqual((status, answer["error"]["code"]), (500, "internal_error"))
        self.assertIn("no space left on device", service.log_text())
        os.unlink(filler)
        self.assertEqual(service.execute("print(3)", [{"expectedStdout": "3\n"}])[0]["verdict"], "accepted")
        self.assertTrue(executor_service.wait_until(lambda: set(full.containers()) == parser, WAIT_SECONDS), full.containers())
        service.close()
        self.assertEqual(full.containers(), {})


class Faults(unittest.TestCase):
    def assert_tidy(self, where=None):
        """Every container but the parser's is gone."""
        where = where or engine
        left = executor_service.wait_until(lambda: len(where.containers()) <= 1, WAIT_SECONDS)
        self.assertTrue(left, where.containers())

    def test_our_own_kill_leaves_containers_that_the_next_start_removes(self):
        service = serve()
        self.addCleanup(service.close)
        asking = threading.Thread(target=self.ask_quietly, args=(service, "import time\ntime.sleep(20)"))
        asking.start()
        self.assertTrue(executor_service.wait_until(lambda: len(engine.containers()) == 2, WAIT_SECONDS))
        its_own = set(engine.containers())
        other = serve()
        self.addCleanup(other.close)
        self.assertTrue(executor_service.wait_until(lambda: len(engine.containers()) == 3, WAIT_SECONDS), engine.containers())
        self.assertLessEqual(its_own, set(engine.containers()), "a living service's containers are left alone")
        service.server.kill()
        service.server.wait()
        asking.join()
        third = serve()
        self.addCleanup(third.close)
        self.assertTrue(executor_service.wait_until(lambda: len(engine.containers()) == 2, WAIT_SECONDS), engine.containers())
        third.close()
        other.close()
        self.assertTrue(executor_service.wait_until(lambda: not engine.containers(), WAIT_SECONDS), engine.containers())

    @staticmethod
    def ask_quietly(service, source):
        try:
            service.execute(source)
        except (OSError, executor_service.ServiceError):
            pass

    def test_an_engine_that_is_killed_and_comes_back_loses_no_job(self):
        killed = docker_engine.DockerEngine()  # its own: what a killed one cannot take away would stand in the way of others
        self.addCleanup(killed.close)
        killed.import_root(docker_engine.rootfs())
        service = executor_service.Service(**docker_engine.settings(killed))
        self.addCleanup(service.close)
        answers = []
        asking = threading.Thread(target=lambda: answers.extend(service.execute("import time\ntime.sleep(1)\nprint(1)", [{}, {}])))
        asking.start()
        self.assertTrue(executor_service.wait_until(lambda: len(killed.containers()) == 3, WAIT_SECONDS))
        killed.kill()
        self.assertTrue(executor_service.wait_until(lambda: service.ask("GET", "/ready")[0] == 503, WAIT_SECONDS))
        killed.start()
        asking.join(2 * WAIT_SECONDS)
        self.assertEqual([answer["verdict"] for answer in answers], ["accepted"] * 2, service.log_tail())
        self.assertTrue(executor_service.wait_until(lambda: service.ask("GET", "/ready")[0] == 200, WAIT_SECONDS))
        self.assert_tidy(killed)

    def test_a_container_that_was_made_unheard_does_not_stay(self):
        lossy = LossyPath(engine.path)
        self.addCleanup(lossy.close)
        service = serve(DOCKER_SOCKET_PATH=lossy.path)
        self.addCleanup(service.close)
        self.assertTrue(executor_service.wait_until(lambda: len(engine.running()) == 1, WAIT_SECONDS), "the parser's")
        lossy.loses = True
        answers = []
        asking = threading.Thread(target=lambda: answers.extend(service.execute("print(1)", [{}])))
        asking.start()
        self.assertTrue(executor_service.wait_until(lambda: lossy.lost > 0, WAIT_SECONDS))
        lossy.loses = False
        asking.join(2 * WAIT_SECONDS)
        self.assertEqual([answer["verdict"] for answer in answers], ["accepted"], service.log_tail())
        self.assert_tidy()
        service.close()
        self.assertTrue(executor_service.wait_until(lambda: not engine.containers(), WAIT_SECONDS), engine.containers())

    def test_an_engine_that_hangs_for_a_while_is_waited_for(self):
        service = serve()
        self.addCleanup(service.close)
        engine.pause()
        self.addCleanup(engine.resume)
        answers = []
        asking = threading.Thread(target=lambda: answers.extend(service.execute("print(1)")))
        asking.start()
        time.sleep(2)
        self.assertEqual(answers, [])
        self.assertEqual(service.ask("GET", "/health")[0], 200, "the front answers while the engine hangs")
        engine.resume()
        asking.join(WAIT_SECONDS)
        self.assertEqual([answer["verdict"] for answer in answers], ["accepted"])
        self.assert_tidy()

    def test_one_byte_too_many_that_looks_like_a_report_ends_a_program(self):
        path = TellTale(engine.path)
        self.addCleanup(path.close)
        service = serve(DOCKER_SOCKET_PATH=path.path)
        self.addCleanup(service.close)
        source = "import sys, time\nsys.stderr.write('e' * 262144 + 'NONCE'.strip())\nsys.stderr.flush()\ntime.sleep(9)\nprint('alive')"
        answer = service.execute(source, [{"timeoutMs": 9900}])[0]
        self.assertEqual(path.told, 1)
        self.assertEqual((answer["verdict"], answer["signal"], answer["stdout"]), ("output_limit", "SIGKILL", ""))
        self.assertEqual(answer["stderr"], "e" * 262144)
        self.assert_tidy()

    def test_a_client_that_goes_takes_its_container_along(self):
        service = serve()
        self.addCleanup(service.close)
        asking = threading.Thread(target=self.ask_quietly, args=(service, "while True: pass"))
        asking.start()
        self.assertTrue(executor_service.wait_until(lambda: len(engine.containers()) == 2, WAIT_SECONDS))
        for connection in list(service.connections):
            if connection.sock:
                connection.sock.shutdown(2)
        asking.join(WAIT_SECONDS)
        self.assert_tidy()

    def test_a_stop_leaves_nothing(self):
        service = serve()
        service.execute("print(1)")
        self.assertEqual(service.close(), 0, service.log_tail())
        self.assertTrue(executor_service.wait_until(lambda: not engine.containers(), WAIT_SECONDS), engine.containers())


if __name__ == "__main__":
    must_run.main()
