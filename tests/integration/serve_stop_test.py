"""A full queue, and the way out: SIGTERM drains, a second one ends at once."""

import json
import signal
import unittest

import executor_service
import must_run
import serve_checks
from serve_checks import Raw, metric, post_bytes

WAIT_SECONDS = 10 * executor_service.PATIENCE


def setUpModule():
    executor_service.start(EXECUTOR_QUEUE_LIMIT="2", EXECUTOR_MAX_CONCURRENCY="1")


def sleep_job(seconds, text="slept", name=None):
    take_name = serve_checks.NAMED.format(name=name) if name else "import time\n"
    return {"language": "python", "source": f"{take_name}time.sleep({seconds})\nprint('{text}')", "tests": [{}]}


class FullQueue(executor_service.HostCase):
    def test_what_does_not_fit_the_queue_gets_503_and_a_time_to_try_again(self):
        service = executor_service.service
        connections = [Raw(service.port) for _ in range(4)]
        try:
            connections[0].send(post_bytes(sleep_job(0.6 * executor_service.PATIENCE, 0, "busy-first")))
            self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(service, "busy-first"), WAIT_SECONDS))
            for n in (1, 2):
                connections[n].send(post_bytes(sleep_job(0, n)))
            executor_service.wait_until(lambda: metric(service, "executor_queue_depth") == 2, WAIT_SECONDS)
            self.assertEqual(metric(service, "executor_queue_depth"), 2)
            self.assertGreater(metric(service, "executor_queue_oldest_seconds"), 0)
            connections[3].send(post_bytes(sleep_job(0, 3)))
            status, headers, body = connections[3].response()
            error = json.loads(body)["error"]
            self.assertEqual((status, error["code"]), (503, "queue_full"))
            self.assertGreaterEqual(int(headers["retry-after"]), 1)
            for n in range(3):
                status, _, body = connections[n].response()
                self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, f"{n}\n"))
            connections[3].send(post_bytes(sleep_job(0, 3)))  # the connection is good for another try
            self.assertEqual(connections[3].response()[0], 200)
        finally:
            for connection in connections:
                connection.close()
        self.assertEqual(metric(service, "executor_queue_depth"), 0)

    def test_a_waiting_job_whose_client_goes_away_makes_room(self):
        service = executor_service.service
        with Raw(service.port) as runs, Raw(service.port) as other:
            runs.send(post_bytes(sleep_job(0.6 * executor_service.PATIENCE, "first", "busy-now")))
            self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(service, "busy-now"), WAIT_SECONDS))
            with Raw(service.port) as waits, Raw(service.port) as waits_too:
                waits.send(post_bytes(sleep_job(30)))
                waits_too.send(post_bytes(sleep_job(30)))
                executor_service.wait_until(lambda: metric(service, "executor_queue_depth") == 2, WAIT_SECONDS)
                self.assertEqual(metric(service, "executor_queue_depth"), 2)
            executor_service.wait_until(lambda: metric(service, "executor_queue_depth") == 0, WAIT_SECONDS)
            other.send(post_bytes(sleep_job(0, "second")))
            for connection, text in ((runs, "first\n"), (other, "second\n")):
                status, _, body = connection.response()
                self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, text))


class Stop(unittest.TestCase):
    def start(self, **settings):
        service = executor_service.Service(**settings)
        self.addCleanup(service.close)
        self.family = serve_checks.identities([service.server.pid, *service.processes()])
        return service

    def begin(self, service, connection, seconds):
        connection.send(post_bytes(sleep_job(seconds, name="lasting")))
        self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(service, "lasting"), WAIT_SECONDS))
        self.family |= serve_checks.identities(service.processes())

    def assert_gone(self, service, status):
        self.assertEqual(service.server.wait(WAIT_SECONDS), status, service.log_tail())
        executor_service.wait_until(lambda: not self.left(service), WAIT_SECONDS)
        self.assertEqual(self.left(service), [])

    def left(self, service):
        return serve_checks.alive(self.family) + serve_checks.group_folders(service.server.pid)

    def assert_running_job_finishes(self, stop_signal):
        service = self.start()
        with Raw(service.port) as connection:
            self.begin(service, connection, 0.8)
            service.server.send_signal(stop_signal)
            status, _, body = connection.response()
            self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, "slept\n"))
            self.assertTrue(connection.ended())
        self.assert_gone(service, 0)

    def test_sigterm_lets_the_running_job_finish_and_ends_with_0(self):
        self.assert_running_job_finishes(signal.SIGTERM)

    def test_sigint_does_the_same(self):
        self.assert_running_job_finishes(signal.SIGINT)

    def test_while_it_drains_new_work_is_refused_and_ready_says_so(self):
        service = self.start()
        with Raw(service.port) as connection:
            self.begin(service, connection, 1.5)
            service.server.send_signal(signal.SIGTERM)
            executor_service.wait_until(lambda: "server_stopping" in service.log_text(), WAIT_SECONDS)
            status, headers, body = serve_checks.ask_raw(service.port, b"GET /ready HTTP/1.1\r\nHost: t\r\n\r\n")
            self.assertEqual((status, json.loads(body)), (503, {"ready": False, "draining": True}))
            self.assertEqual(headers["connection"], "close")
            status, headers, body = serve_checks.ask_raw(service.port, post_bytes(sleep_job(0)))
            self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "stopping"))
            self.assertGreaterEqual(int(headers["retry-after"]), 1)
            self.assertEqual(connection.response()[0], 200)
        self.assert_gone(service, 0)
        with self.assertRaises(ConnectionRefusedError):
            Raw(service.port)

    def test_what_waits_in_the_embedded_queue_is_finished_too(self):
        service = self.start(EXECUTOR_MAX_CONCURRENCY="1")
        with Raw(service.port) as runs, Raw(service.port) as waits:
            self.begin(service, runs, 0.5)
            waits.send(post_bytes(sleep_job(0, "waited")))
            executor_service.wait_until(lambda: metric(service, "executor_queue_depth") == 1, WAIT_SECONDS)
            service.disconnect()
            service.server.send_signal(signal.SIGTERM)
            for connection, text in ((runs, "slept\n"), (waits, "waited\n")):
                status, _, body = connection.response()
                self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, text))
        self.assert_gone(service, 0)

    def test_a_job_that_outlasts_the_grace_time_is_ended_and_its_client_told(self):
        service = self.start(EXECUTOR_DRAIN_TIME="0.3")
        with Raw(service.port) as connection:
            self.begin(service, connection, 30)
            service.server.send_signal(signal.SIGTERM)
            status, _, body = connection.response()
            self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "stopping"))
        self.assert_gone(service, 0)

    def test_a_second_sigterm_ends_at_once_with_1(self):
        service = self.start(EXECUTOR_DRAIN_TIME="60")
        with Raw(service.port) as connection:
            self.begin(service, connection, 30)
            service.server.send_signal(signal.SIGTERM)
            self.assertTrue(executor_service.wait_until(lambda: "server_stopping" in service.log_text(), WAIT_SECONDS))
            service.server.send_signal(signal.SIGTERM)
            self.assertIsNone(connection.response())
        self.assert_gone(service, 1)

    def test_an_idle_keep_alive_connection_does_not_hold_the_stop_up(self):
        service = self.start()
        with Raw(service.port) as connection:
            connection.send(b"GET /ready HTTP/1.1\r\nHost: t\r\n\r\n")
            self.assertEqual(connection.response()[0], 200)
            service.server.send_signal(signal.SIGTERM)
            self.assertTrue(connection.ended())
        self.assert_gone(service, 0)


if __name__ == "__main__":
    must_run.main()
