"""What a service manager and the service say to each other: sockets handed over, readiness, reloads, the watchdog."""

import os
import signal
import socket
import tempfile
import unittest

import executor_service
import must_run
import serve_checks
from serve_checks import Raw, post_bytes

WAIT_SECONDS = 10
# The shell's process becomes the server's, so its number is the one that LISTEN_PID has to name.
HAND_OVER = ("sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh")
FIRST_HANDED = 3


class Manager(unittest.TestCase):
    """Plays systemd: the notification socket, a file of settings, a listening socket."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        os.chmod(cls.folder.name, 0o755)  # the service may be another user
        cls.settings = os.path.join(cls.folder.name, "settings")
        cls.write_settings("EXECUTOR_LOG_LEVEL=info")
        cls.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = os.path.join(cls.folder.name, "notify")
        cls.notices.bind(address)
        os.chmod(address, 0o777)
        cls.notices.settimeout(WAIT_SECONDS)
        cls.service = executor_service.Service(NOTIFY_SOCKET=address, WATCHDOG_USEC="400000",
                                               EXECUTOR_ENVIRONMENT_FILE=cls.settings)

    @classmethod
    def tearDownClass(cls):
        cls.service.close()
        cls.notices.close()
        cls.folder.cleanup()

    @classmethod
    def write_settings(cls, text):
        with open(cls.settings, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def told(self, wanted):
        """Waits for a notice that begins so; returns it."""
        while True:
            notice = self.notices.recv(4096).decode()
            if notice.startswith(wanted):
                return notice

    def reload(self, settings):
        """What was logged of a reload of these settings."""
        self.write_settings(settings)
        before = len(self.service.log_text())
        self.service.server.send_signal(signal.SIGHUP)
        self.assertRegex(self.told("RELOADING=1"), r"\nMONOTONIC_USEC=[0-9]+$")
        self.told("READY=1")
        return self.service.log_text()[before:]

    def logged(self, source):
        """Whether a job leaves its record in the log."""
        before = len(self.service.log_text())
        self.service.execute(source)
        return bool(executor_service.wait_until(lambda: "worker_job_completed" in self.service.log_text()[before:], 1))

    def test_1_the_start_is_told_and_the_watchdog_is_fed(self):
        self.told("READY=1")
        self.told("WATCHDOG=1")
        self.told("WATCHDOG=1")

    def test_2_a_reload_takes_over_the_log_level(self):
        self.assertTrue(self.logged("print(1)"))
        self.assertIn('"logLevel":"warn"', self.reload("# quiet\nEXECUTOR_LOG_LEVEL='warn'"))
        self.assertFalse(self.logged("print(1)"))
        self.assertIn('"logLevel":"info"', self.reload("EXECUTOR_LOG_LEVEL=info"))
        self.assertTrue(self.logged("print(1)"))

    def test_3_wrong_settings_are_named_and_change_nothing(self):
        for text, named in (("EXECUTOR_LOG_LEVEL=loud", "EXECUTOR_LOG_LEVEL"), ("nonsense", "line 1"), ("EXECUTOR_PORT=x", "EXECUTOR_PORT")):
            with self.subTest(text):
                said = self.reload(text)
                self.assertIn("settings_refused", said)
                self.assertIn(named, said)
                self.assertTrue(self.logged("print(1)"))

    def test_4_a_stop_is_told(self):
        self.service.server.send_signal(signal.SIGTERM)
        self.told("STOPPING=1")
        self.assertEqual(self.service.server.wait(WAIT_SECONDS), 0)


class HandedOver(unittest.TestCase):
    def start(self, listening):
        # the number that the protocol wants, whatever this process has there
        saved = os.dup(FIRST_HANDED) if os.path.exists(f"/proc/self/fd/{FIRST_HANDED}") else None
        os.dup2(listening.fileno(), FIRST_HANDED)
        try:
            return executor_service.Service(before=HAND_OVER, pass_fds=(FIRST_HANDED,), EXECUTOR_PORT=str(listening.getsockname()[1]))
        finally:
            if saved is None:
                os.close(FIRST_HANDED)
            else:
                os.dup2(saved, FIRST_HANDED)
                os.close(saved)

    def test_a_client_that_comes_between_two_instances_is_answered_by_the_second(self):
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
            first = self.start(listening)
            self.addCleanup(first.close)
            first.execute("print(1)")
            with Raw(first.port) as busy:
                busy.send(post_bytes({"language": "python", "source": serve_checks.NAMED.format(name="lasting") + "time.sleep(1)\nprint('done')",
                                      "tests": [{}]}))
                self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(first, "lasting"), WAIT_SECONDS))
                first.disconnect()
                first.server.send_signal(signal.SIGTERM)
                self.assertTrue(executor_service.wait_until(lambda: "server_stopping" in first.log_text(), WAIT_SECONDS))
                with Raw(first.port) as waiting:
                    waiting.send(post_bytes({"language": "python", "source": "print('right')", "tests": [{}]}))
                    self.assertEqual(busy.response()[0], 200)
                    self.assertEqual(first.server.wait(WAIT_SECONDS), 0)
                    second = self.start(listening)
                    self.addCleanup(second.close)
                    status, _, body = waiting.response()
                    self.assertEqual(status, 200, body)
                    self.assertIn(b'"right\\n"', body)

    def test_a_socket_that_does_not_listen_stops_the_start(self):
        with socket.socket() as idle:
            idle.bind(("127.0.0.1", 0))
            with self.assertRaisesRegex(executor_service.ServiceError, "ended with 1 at its start:[^$]*LISTEN_FDS"):
                self.start(idle)


if __name__ == "__main__":
    must_run.main()
