"""Errors of the service are reported to a Sentry server, here one of the test's own; nothing of programs goes along."""

import json
import os
import queue
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import executor_service
import must_run
import serve_checks

WAIT_SECONDS = 20
KEY = "0123456789abcdef0123456789abcdef"
SENT, DROPPED = "executor_error_reports_sent_total", "executor_error_reports_dropped_total"


class Sentry:
    """Keeps what is posted to it; answers with the next of `answers`, (status, headers), else with 200."""

    def __init__(self, certificate=None):
        self.arrived, self.answers = queue.Queue(), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.arrived.put((time.monotonic(), self.path, dict(self.headers), body))
                status, headers = outer.answers.pop(0) if outer.answers else (200, {})
                self.send_response(status)
                for name, value in {"Content-Length": "2", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a client that breaks off is what a test wants
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # the handshake is the handler's: in accept() a client that breaks off could hold the server up
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.dsn = f"http{'s' if certificate else ''}://{KEY}@127.0.0.1:{self.server.server_port}/prefix/42"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def next(self):
        """(when, event) of the next report, whose frame is looked at."""
        when, path, headers, body = self.arrived.get(timeout=WAIT_SECONDS)
        first, item, event = (json.loads(line) for line in body.split(b"\n")[:3])
        assert path == "/prefix/api/42/envelope/", path
        assert headers["Content-Type"] == "application/x-sentry-envelope", headers
        assert f"sentry_key={KEY}" in headers["X-Sentry-Auth"] and "sentry_version=7" in headers["X-Sentry-Auth"], headers
        assert item["type"] == "event" and item["length"] == len(body.split(b"\n")[2]), item
        assert first["event_id"] == event["event_id"] and len(event["event_id"]) == 32, (first, event)
        return when, event


class Reports(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(self.folder, 0o755)  # the service may be another user
        self.settings = Path(self.folder, "settings")
        self.settings.write_text("EXECUTOR_PORT=nonsense\n", encoding="utf-8")

    def start(self, certificate=None, **settings):
        self.sentry = Sentry(certificate)
        self.addCleanup(self.sentry.close)
        dsn = settings.pop("SENTRY_DSN", self.sentry.dsn).format(port=self.sentry.server.server_port)
        self.service = executor_service.Service(SENTRY_DSN=dsn, EXECUTOR_ENVIRONMENT_FILE=str(self.settings), **settings)
        self.addCleanup(self.service.close)

    def make_errors(self, count):
        """A reload with a wrong setting is an error each time."""
        before = self.service.log_text().count("settings_refused")
        for number in range(count):
            self.service.server.send_signal(signal.SIGHUP)
            self.assertTrue(executor_service.wait_until(
                lambda wanted=before + number + 1: self.service.log_text().count("settings_refused") >= wanted, WAIT_SECONDS))

    def counted(self, sent, dropped):
        """Both counters come to these values."""
        def now():
            return serve_checks.metric(self.service, SENT), serve_checks.metric(self.service, DROPPED)
        self.assertTrue(executor_service.wait_until(lambda: now() == (sent, dropped), WAIT_SECONDS), now())

    def make_certificate(self):
        path = os.path.join(self.folder, "certificate")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path, "-out",
                        path + ".pem", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        with open(path, "a", encoding="ascii") as both, open(path + ".pem", encoding="ascii") as public:
            both.write(public.read())
        os.chmod(path + ".pem", 0o644)
        return path, path + ".pem"

    def test_an_error_arrives_with_its_name_and_who_says_it(self):
        self.start()
        self.make_errors(1)
        event = self.sentry.next()[1]
        self.assertEqual((event["logentry"]["formatted"], event["level"], event["tags"]["role"]), ("settings_refused", "error", "all"))
        self.assertRegex(event["release"], r"^executor@[0-9.]+$")
        self.assertEqual(event["server_name"], os.uname().nodename)
        self.assertLess(abs(event["timestamp"] - time.time()), 60)
        # the wrong value stands in quotes in the log, and nowhere else
        self.assertIn("EXECUTOR_PORT", event["extra"]["detail"])
        self.assertNotIn("nonsense", json.dumps(event))
        self.assertIn("nonsense", self.service.log_text())
        self.counted(1, 0)
        self.assertNotIn(KEY, self.service.log_text())

    def test_a_server_is_found_by_its_name(self):
        # by a thread that the confined front makes, with what the host's resolver loads
        self.start(SENTRY_DSN=f"http://{KEY}@localhost:{{port}}/prefix/42")
        self.make_errors(1)
        self.assertEqual(self.sentry.next()[1]["logentry"]["formatted"], "settings_refused")
        self.counted(1, 0)

    def test_a_name_that_nobody_has_is_an_error_of_the_resolver(self):
        self.start(SENTRY_DSN=f"http://{KEY}@nobody.invalid:{{port}}/prefix/42")
        self.make_errors(1)
        self.assertTrue(executor_service.wait_until(lambda: "error_report_dropped" in self.service.log_text(), WAIT_SECONDS))
        # the second is what a host without a name server has to say
        self.assertRegex(self.service.log_text(), "resolve: Host not found|no answer within 5 s")

    def test_the_last_error_of_a_service_still_leaves_and_has_nothing_of_programs_in_it(self):
        self.start(EXECUTOR_DRAIN_TIME="0")
        source = "SECRET_SOURCE = 1\nimport time\nprint('SECRET_OUTPUT', flush=True)\ntime.sleep(20)"
        body = {"language": "python", "source": source, "tests": [{"stdin": "SECRET_INPUT"}]}
        threading.Thread(target=serve_checks.ask_raw, args=(self.service.port, serve_checks.post_bytes(body)), daemon=True).start()
        self.assertTrue(executor_service.wait_until(lambda: serve_checks.metric(self.service, "executor_sandboxes_live") == 1, WAIT_SECONDS))
        steward = next(pid for pid in self.service.processes() if executor_service.status_of(pid).get("Name", "").startswith("executor-stew"))
        os.kill(steward, signal.SIGKILL)
        self.assertEqual(self.service.server.wait(WAIT_SECONDS), 1)
        events = [self.sentry.next()[1]]
        while not self.sentry.arrived.empty():
            events.append(self.sentry.next()[1])
        self.assertIn("sandboxes_lost", {event["logentry"]["formatted"] for event in events})
        self.assertNotIn("SECRET", json.dumps(events))

    def test_a_server_that_has_enough_is_left_alone_for_as_long_as_it_says(self):
        self.start()
        self.sentry.answers.append((429, {"Retry-After": "2"}))
        self.make_errors(3)
        refused, following = self.sentry.next()[0], self.sentry.next()[0]
        self.assertGreaterEqual(following - refused, 1.9)
        self.sentry.next()
        self.counted(2, 1)

    def test_more_than_can_wait_is_dropped_and_counted_and_the_service_goes_on(self):
        self.start()
        self.sentry.answers.append((429, {"Retry-After": "600"}))
        self.make_errors(1)
        self.sentry.next()
        self.make_errors(35)
        self.counted(0, 4)
        self.assertEqual(self.service.execute("print(1)", [{"expectedStdout": "1\n"}])[0]["verdict"], "accepted")
        begin = time.monotonic()
        self.assertEqual(self.service.close(), 0)
        self.assertLess(time.monotonic() - begin, WAIT_SECONDS)

    def test_a_server_that_is_away_costs_the_report_alone(self):
        self.start()
        self.sentry.close()
        self.make_errors(1)
        self.counted(0, 1)
        self.assertIn("error_report_dropped", self.service.log_text())
        self.assertEqual(self.service.execute("print(1)", [{"expectedStdout": "1\n"}])[0]["verdict"], "accepted")

    def test_over_https_with_a_certificate_that_is_trusted(self):
        certificate, public = self.make_certificate()
        self.start(certificate, SSL_CERT_FILE=public)
        self.make_errors(1)
        self.assertEqual(self.sentry.next()[1]["logentry"]["formatted"], "settings_refused")
        self.counted(1, 0)

    def test_over_https_a_certificate_that_nobody_vouches_for_gets_nothing(self):
        self.start(self.make_certificate()[0])
        self.make_errors(1)
        self.counted(0, 1)
        self.assertTrue(self.sentry.arrived.empty())
        self.assertIn("certificate verify failed", self.service.log_text())

    def test_an_address_without_a_key_stops_the_start_with_its_name(self):
        done = subprocess.run([os.environ["EXECUTOR_BINARY"], "serve", "--queue", "embedded"], capture_output=True, text=True, check=False,
                              env={**os.environ, "SENTRY_DSN": "https://sentry.example/7"}, timeout=WAIT_SECONDS)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("SENTRY_DSN", done.stderr)


if __name__ == "__main__":
    must_run.main()
