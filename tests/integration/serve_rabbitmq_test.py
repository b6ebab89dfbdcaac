"""The service over a real rabbitmq-server: messages of both forms, poison, lost connections, workers and servers that die.

The server takes long to start, so all share one. Every test leaves its queues empty.
"""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import amqp
import executor_service
import must_run
import rabbitmq_server
import serve_checks
from serve_checks import SAMPLE, Raw, metric, post_bytes

JOBS, RESULTS, DEAD = "execution_queue", "execution_results", "execution_queue.dead"
WAIT_SECONDS = 20
POLICY = {"EXECUTOR_VALIDATION": "on", "EXECUTOR_ALLOWED_MODULES": '["math","time","random"]', "MAX_EXECUTION_TIME": "2"}
EXECUTIONS = 'executor_executions_total{backend="native",language="python",verdict="accepted"}'
rabbit = certificates = tls_port = None


def setUpModule():
    global rabbit, certificates, tls_port
    rabbitmq_server.need()
    certificates = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(certificates.cleanup)
    make_certificates(certificates.name)
    tls_port = executor_service.free_port()
    at = lambda name: os.path.join(certificates.name, name)
    rabbit = rabbitmq_server.RabbitServer(f"listeners.ssl.default = 127.0.0.1:{tls_port}", f"ssl_options.cacertfile = {at('server.crt')}",
                                          f"ssl_options.certfile = {at('server.crt')}", f"ssl_options.keyfile = {at('server.key')}")
    unittest.addModuleCleanup(rabbit.close)


def make_certificates(folder):
    for name in ("server", "other"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt"],
                       check=True, capture_output=True)
    os.chmod(folder, 0o755)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)


def solution(code, *cases, **fields):
    """A message of the second form."""
    return {"code": code, "language": "python", "testCases": [{"input": i, "expectedOutput": o} for i, o in cases], **fields}


def sleeping(job_id, seconds=0.6):
    return solution(f"import time\ndef solution(n):\n    time.sleep({seconds})\n    return n", (job_id, job_id), jobId=job_id)


class RabbitCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.services = []
        self.rabbit = rabbit.connect()
        self.addCleanup(lambda: self.rabbit.close())

    def tearDown(self):
        for service in self.services:
            if service.server.poll() is None:
                self.assertEqual(service.close(), 0, service.log_tail())
        left = {queue: self.rabbit.declare(queue, passive=True) for queue in (JOBS, RESULTS, DEAD)}
        for queue in left:
            self.rabbit.purge(queue)
        self.assertEqual(left, {JOBS: 0, RESULTS: 0, DEAD: 0})

    def service(self, role="worker", url=None, **settings):
        service = executor_service.Service(EXECUTOR_QUEUE="rabbitmq", EXECUTOR_RABBITMQ_URL=url or rabbit.url, EXECUTOR_ROLE=role,
                                           **{"EXECUTOR_MAX_CONCURRENCY": "2", **POLICY, **settings})
        self.services.append(service)
        return service

    def publish(self, message, **properties):
        self.rabbit.publish(JOBS, message if isinstance(message, (str, bytes)) else json.dumps(message), **properties)

    def result(self, queue=RESULTS, seconds=WAIT_SECONDS):
        """(message, its body as JSON) of the next one."""
        message = self.rabbit.get(queue, seconds)
        self.assertIsNotNone(message, f"nothing came to {queue} within {seconds} s")
        return message, json.loads(message.body)

    def results(self, count):
        """The ids of so many results, and of those that come after them within a moment."""
        found = [self.result()[1]["jobId"] for _ in range(count)]
        extra = self.rabbit.get(RESULTS, 0.3)
        return sorted(found + ([json.loads(extra.body)["jobId"]] if extra else []))

    def assert_acknowledged(self):
        """Nothing waits and nothing is in anybody's hands: a queue without consumers would have it back."""
        # a job that was published anew after a fault may still come a second time, to be dropped
        executor_service.wait_until(lambda: self.rabbit.declare(JOBS, passive=True) == 0, WAIT_SECONDS)
        for service in self.services:
            service.close()
        executor_service.wait_until(lambda: self.rabbit.declare(JOBS, passive=True) == 0, 2)
        self.assertEqual(self.rabbit.declare(JOBS, passive=True), 0)


class Messages(RabbitCase):
    @classmethod
    def setUpClass(cls):
        cls.running = executor_service.Service(EXECUTOR_QUEUE="rabbitmq", EXECUTOR_RABBITMQ_URL=rabbit.url, EXECUTOR_MAX_CONCURRENCY="4", **POLICY)

    @classmethod
    def tearDownClass(cls):
        status = cls.running.close()
        if status:
            raise AssertionError(f"the service ended with {status}:\n{cls.running.log_tail()}")

    def test_a_message_of_the_second_form_has_its_result_in_that_form(self):
        self.publish(solution("def solution(n): return n * 2", ("5", "10"), ("0", "0"), jobId="job-1"), correlation_id="c-1")
        message, result = self.result()
        self.assertEqual((result["jobId"], result["status"], list(result)), ("job-1", "pass", ["jobId", "status", "results", "totalTime"]))
        self.assertEqual([(r["passed"], r["output"]) for r in result["results"]], [(True, "10"), (True, "0")])
        self.assertEqual(result["totalTime"], sum(r["executionTime"] for r in result["results"]))
        self.assertEqual((message.properties["correlation_id"], message.properties["message_id"], message.properties["delivery_mode"],
                          message.properties["content_type"]), ("c-1", "job-1", 2, "application/json"))

    def test_a_result_goes_where_the_message_says(self):
        self.rabbit.declare("mine", durable=False)
        self.publish(solution("def solution(n): return n", ("1", "2"), jobId="job-2"), reply_to="mine", correlation_id="c-2")
        message, result = self.result("mine")
        self.assertEqual((message.properties["correlation_id"], result["jobId"], result["status"]), ("c-2", "job-2", "fail"))
        self.assertIsNone(self.rabbit.get(RESULTS, 0.2))

    def test_a_result_that_nobody_waits_for_holds_up_nothing(self):
        self.publish(solution("def solution(n): return n", ("1", "1"), jobId="lonely"), reply_to="no.such.queue")
        self.publish(solution("def solution(n): return n", ("1", "1"), jobId="next"))
        self.assertEqual(self.results(1), ["next"])

    def test_Q06_an_answer_goes_to_no_queue_that_the_service_works_by(self):
        for queue in (JOBS, DEAD, "executor.sent.tried", "executor.sent." + "0" * 64):
            with self.subTest(queue):
                self.publish(solution("def solution(n): return n", ("1", "1"), jobId="misdirected"), reply_to=queue, message_id="m-1")
                letter = self.rabbit.get(DEAD, WAIT_SECONDS)
                self.assertTrue(letter.headers["x-reason"].startswith("reply_to: "), letter.headers)
                answer, result = self.result()
                self.assertEqual((answer.properties["message_id"], result["error"]["code"], result["error"]["field"]), ("m-1", "bad_value", "reply_to"))
        self.publish(solution("def solution(n): return n", ("1", "1"), jobId="after-those"))
        self.assertEqual(self.results(1), ["after-those"])
        self.assertIsNone(self.rabbit.get(DEAD, 0.2))

    def test_fail_and_timeout_are_told_apart(self):
        code = "import time\ndef solution(n):\n    if n > 1: time.sleep(30)\n    return n // n"
        for case, status in ((("1", "1"), "pass"), (("0", "0"), "fail"), (("2", "1"), "timeout")):
            self.publish(solution(code, case, jobId=status))
            result = self.result()[1]
            self.assertEqual((result["jobId"], result["status"]), (status, status))

    def test_a_message_of_the_first_form_has_its_result_in_that_form(self):
        self.publish({**SAMPLE, "jobId": "first"}, reply_to=RESULTS, correlation_id="c-3")
        message, result = self.result()
        self.assertEqual((message.properties["correlation_id"], result["jobId"], result["ok"], result["passed"], result["total"]),
                         ("c-3", "first", True, 2, 2))
        self.assertEqual([r["stdout"] for r in result["results"]], ["10\n", "4\n"])

    def test_the_id_may_stand_in_the_properties(self):
        self.publish(solution("def solution(n): return n", ("1", "1")), message_id="from-message")
        self.publish(solution("def solution(n): return n", ("1", "1")), correlation_id="from-correlation")
        self.assertEqual(self.results(2), ["from-correlation", "from-message"])

    def test_the_source_policy_holds_for_messages(self):
        for code, error in (("import socket\ndef solution(n): return n", "validation_failed"), ("def solution(n", "compile_error")):
            self.publish(solution(code, ("1", "1"), jobId=error))
            result = self.result()[1]
            self.assertEqual((result["status"], result["error"]["code"], result["results"][0]["passed"]), ("fail", error, False))

    def test_what_can_be_no_job_is_a_dead_letter_with_its_reason_and_answered(self):
        good = solution("def solution(n): return n", ("1", "1"), jobId="poison")
        for message, reason, code in (
                ("not json", "JSON", "bad_json"), (b"\xff\xfe", "JSON", "bad_json"), ("[1]", "object", "wrong_type"), ("{}", "language", "missing_field"),
                ("[" * 100, "32", "too_deep"), ({**good, "testCases": []}, "testCases", "out_of_range"), ({**good, "code": 5}, "code", "wrong_type"),
                ({**good, "language": "ruby"}, "language", "unknown_language"), ('{"code": "", "code": ""}', "twice", "duplicate_key")):
            with self.subTest(str(message)[:60]):
                self.publish(message, correlation_id="c-9")
                letter, = [self.rabbit.get(DEAD, WAIT_SECONDS)]
                self.assertEqual(letter.body, message if isinstance(message, bytes) else message.encode() if isinstance(message, str) else json.dumps(message).encode())
                self.assertIn(reason, letter.headers["x-reason"])
                answer, result = self.result()
                self.assertEqual((answer.properties["correlation_id"], result["error"]["code"]), ("c-9", code))
                self.assertEqual(result.get("status", "fail"), "fail")
        self.publish(good)
        self.assertEqual(self.results(1), ["poison"])

    def test_forty_messages_have_forty_results(self):
        for n in range(40):
            self.publish(solution("def solution(n): return n ** 3", (str(n), str(n ** 3)), jobId=f"many-{n}"))
        self.assertEqual(self.results(40), sorted(f"many-{n}" for n in range(40)))

    def test_the_same_message_again_is_one_run_and_one_result(self):
        job = solution("import random\ndef solution(): return random.random()", ("", "x"), jobId="twice")
        self.publish(job)
        self.assertEqual(self.results(1), ["twice"])
        self.publish(job)
        self.publish(solution("def solution(n): return n", ("1", "1"), jobId="after"))
        self.assertEqual(self.results(1), ["after"])

    def test_messages_alike_that_have_no_id_are_jobs_of_their_own(self):
        for _ in range(3):
            self.publish(solution("def solution(n): return n", ("1", "1")))
        self.assertEqual(len(set(self.results(3))), 3)

    def test_another_job_under_a_known_id_is_refused(self):
        job = solution("def solution(n): return n", ("1", "1"), jobId="known")
        self.publish(job)
        self.assertEqual(self.results(1), ["known"])
        self.publish({**job, "code": "def solution(n): return 2"})
        self.assertIn("another job", self.rabbit.get(DEAD, WAIT_SECONDS).headers["x-reason"])
        self.assertIsNone(self.rabbit.get(RESULTS, 0.2))

    def test_requests_over_http_go_through_and_each_gets_its_own_answer(self):
        status, answer = self.running.post(SAMPLE)
        self.assertEqual((status, answer["passed"]), (200, 2))
        results = self.running.at_once([{"source": f"print({n} ** 2)"} for n in range(20)])
        self.assertEqual([r[0]["stdout"] for r in results], [f"{n * n}\n" for n in range(20)])

    def test_health_names_the_server_and_metrics_count_what_waits(self):
        health = json.loads(self.running.ask("GET", "/health")[1])
        self.assertEqual((health["queue"]["state"], health["queue"]["detail"]), ("up", f"{rabbit.url}: connected"))
        for n in range(12):  # the depth is asked for every second: some wait for four
            self.publish(sleeping(f"wait-{n}", 1))
        deepest = 0
        def seen():
            nonlocal deepest
            deepest = max(deepest, metric(self.running, "executor_queue_depth"))
            return deepest
        self.assertTrue(executor_service.wait_until(seen, 5 * executor_service.PATIENCE))
        self.assertTrue(1 <= deepest <= 8, deepest)
        self.assertEqual(self.results(12), sorted(f"wait-{n}" for n in range(12)))


class LostConnections(RabbitCase):
    """A worker behind a proxy that cuts its connection at one point, once."""

    def proxy(self):
        proxy = amqp.Proxy(rabbit.port)
        self.addCleanup(proxy.close)
        return proxy

    def at(self, point, act):
        """A watcher that calls `act` when this passes for the first time: its return value says whether it goes on."""
        from_client, method = {"deliver": (False, amqp.DELIVER), "result": (True, amqp.PUBLISH), "confirmation": (False, amqp.ACK),
                               "acknowledgement": (True, amqp.ACK)}[point]
        self.acted = False

        def watch(client, seen):
            if self.acted or (client, seen) != (from_client, method):
                return True
            self.acted = True
            return act()
        return watch

    def test_a_connection_that_is_lost_at_any_point_doubles_nothing(self):
        proxy = self.proxy()
        worker = self.service(url=f"amqp://127.0.0.1:{proxy.port}")
        for point in ("deliver", "result", "confirmation", "acknowledgement"):
            with self.subTest(point):
                proxy.watch = self.at(point, lambda: False)
                self.publish(sleeping(point, 0.2))
                self.assertEqual(self.results(1), [point])
                self.assertTrue(self.acted)
        self.publish(sleeping("running", 1))
        self.assertTrue(executor_service.wait_until(lambda: metric(worker, "executor_sandboxes_live"), WAIT_SECONDS))
        proxy.cut()
        self.assertEqual(self.results(1), ["running"])
        self.assertEqual(metric(worker, EXECUTIONS), 5)  # one run each, the results of the first were kept
        self.assert_acknowledged()

    def test_a_job_that_takes_three_workers_with_it_is_a_dead_letter_and_hurts_nobody(self):
        self.publish(sleeping("deadly", 30))
        for _ in range(3):
            worker = self.service(EXECUTOR_MAX_CONCURRENCY="1")
            self.assertTrue(executor_service.wait_until(lambda: metric(worker, "executor_sandboxes_live"), WAIT_SECONDS))
            worker.server.kill()
            worker.server.wait(WAIT_SECONDS)
            self.services.remove(worker)
        self.publish(sleeping("harmless", 0.1))
        self.service()
        self.assertEqual(self.results(2), ["deadly", "harmless"])
        letter = self.rabbit.get(DEAD, WAIT_SECONDS)
        self.assertEqual((json.loads(letter.body)["jobId"], letter.headers["x-attempt"]), ("deadly", 3))
        self.assertIn("taken 3 times", letter.headers["x-reason"])
        self.assert_acknowledged()

    def test_two_workers_share_the_work_and_one_that_stops_leaves_what_waits(self):
        first, second = self.service(), self.service()
        for n in range(12):
            self.publish(sleeping(f"n{n:02}", 0.3))
        self.assertTrue(executor_service.wait_until(lambda: metric(first, EXECUTIONS) and metric(second, EXECUTIONS), WAIT_SECONDS))
        self.assertEqual(first.close(), 0, first.log_tail())
        self.assertEqual(self.results(12), [f"n{n:02}" for n in range(12)])
        self.assert_acknowledged()


class EveryPoint(RabbitCase):
    """One worker for each point in a job's life, held there by its proxy; then all workers die at once, or the server."""

    # name: what passes there, from the worker or to it, and is held up; "running" is held up by nobody
    POINTS = {"taken": (False, amqp.DELIVER), "has run": (True, amqp.PUBLISH), "published": (False, amqp.ACK), "confirmed": (True, amqp.ACK),
              "running": None, "acknowledged": (True, amqp.QUEUE_DECLARE)}

    def job_id(self, point):
        return f"{self.fault}-{point}".replace(" ", "-")

    def hold(self, point):
        """A worker that has one job, and is held up at this point."""
        proxy, reached = amqp.Proxy(rabbit.port), threading.Event()
        self.addCleanup(proxy.close)
        worker = self.service(url=f"amqp://127.0.0.1:{proxy.port}", EXECUTOR_MAX_CONCURRENCY="1", MAX_EXECUTION_TIME="10")
        acknowledged = threading.Event()

        def watch(client, method):
            if (client, method) != self.POINTS[point] or self.released.is_set() or point == "acknowledged" and not acknowledged.is_set():
                if (client, method) == (True, amqp.ACK):
                    acknowledged.set()
                return True
            reached.set()
            self.released.wait()
            return False
        proxy.watch = watch
        self.publish(sleeping(self.job_id(point), 5 if point == "running" else 0.1))
        if point == "running":
            self.assertTrue(executor_service.wait_until(lambda: metric(worker, "executor_sandboxes_live"), WAIT_SECONDS))
        else:
            self.assertTrue(reached.wait(WAIT_SECONDS), point)
        return worker

    def hold_all(self, fault):
        self.fault = fault
        self.released = threading.Event()
        self.addCleanup(self.released.set)
        workers = [self.hold(point) for point in self.POINTS]
        # all hands are full; that it waits through whatever happens is nobody's attempt, and it has but one left
        self.publish(sleeping(self.job_id("waiting"), 0.1), headers={"x-attempt": 3})
        time.sleep(0.2)
        return workers

    def assert_one_result_each(self):
        jobs = sorted(map(self.job_id, ("waiting", *self.POINTS)))
        found = self.results(len(jobs))
        print(f"{self.fault}: {len(jobs)} jobs, {len(found)} results, {len(set(found))} jobs with one", flush=True)
        self.assertEqual(found, jobs)

    def test_workers_killed_at_every_point_leave_one_result_each(self):
        workers = self.hold_all("workers killed")
        for worker in workers:
            worker.server.kill()
            worker.server.wait(WAIT_SECONDS)
            self.services.remove(worker)
        self.released.set()
        successor = self.service(EXECUTOR_MAX_CONCURRENCY="4", MAX_EXECUTION_TIME="10")
        self.assert_one_result_each()
        # those whose results had been published are not run again
        executor_service.wait_until(lambda: metric(successor, EXECUTIONS) >= 4, 2)
        self.assertEqual(metric(successor, EXECUTIONS), 4)
        self.assert_acknowledged()

    def test_the_server_killed_at_every_point_leaves_one_result_each(self):
        self.hold_all("server killed")
        rabbit.kill()
        self.released.set()
        rabbit.start()
        self.rabbit.close()
        self.rabbit = rabbit.connect()
        self.assert_one_result_each()
        self.assert_acknowledged()


class Server(RabbitCase):
    def assert_status(self, service, path, status):
        executor_service.wait_until(lambda: service.ask("GET", path)[0] == status, WAIT_SECONDS)
        self.assertEqual(service.ask("GET", path)[0], status)

    def test_over_tls_the_server_is_verified(self):
        at = lambda name: os.path.join(certificates.name, name)
        self.assertEqual(self.service("all", f"amqps://localhost:{tls_port}?ca={at('server.crt')}").post(SAMPLE)[1]["passed"], 2)
        with self.assertRaises(executor_service.ServiceError) as failure:
            executor_service.START_SECONDS, before = 2, executor_service.START_SECONDS
            try:
                self.service("worker", f"amqps://localhost:{tls_port}?ca={at('other.crt')}")
            finally:
                executor_service.START_SECONDS = before
        self.assertIn("SSL", str(failure.exception))

    def test_a_wrong_password_is_told_and_not_shown(self):
        with self.assertRaises(executor_service.ServiceError) as failure:
            executor_service.START_SECONDS, before = 2, executor_service.START_SECONDS
            try:
                self.service("worker", f"amqp://guest:wrong-pass-5@127.0.0.1:{rabbit.port}")
            finally:
                executor_service.START_SECONDS = before
        self.assertIn("away", str(failure.exception))
        self.assertNotIn("wrong-pass-5", str(failure.exception))

    def test_a_server_that_hangs_for_longer_than_its_heartbeat_loses_and_doubles_nothing(self):
        worker = self.service(url=rabbit.url + "?heartbeat=1")
        for n in range(4):
            self.publish(sleeping(f"hang-{n}", 0.8))
        self.assertTrue(executor_service.wait_until(lambda: metric(worker, "executor_sandboxes_live"), WAIT_SECONDS))
        rabbit.signal(signal.SIGSTOP)
        self.assert_status(worker, "/ready", 503)
        rabbit.signal(signal.SIGCONT)
        found = []
        while (message := self.rabbit.get(RESULTS, 3)) is not None:
            found.append((message.properties["message_id"], json.loads(message.body)["results"][0]["output"]))
        self.assertEqual(sorted(found), [(f"hang-{n}", f"hang-{n}") for n in range(4)])

    def test_out_of_memory_or_disk_it_keeps_what_it_has_and_takes_nothing_new(self):
        both = self.service("all", MAX_EXECUTION_TIME="10")
        alarms = {"memory": (("set_vm_memory_high_watermark", "absolute", "1MB"), ("set_vm_memory_high_watermark", "absolute", "1GB")),
                  "disk": (("set_disk_free_limit", "1000000GB"), ("set_disk_free_limit", "1MB"))}
        for name, (begin, end) in alarms.items():
            with self.subTest(name):
                ran = metric(both, EXECUTIONS)
                for n in range(3):
                    self.publish(sleeping(f"{name}-{n}", 9))  # rabbitmqctl takes seconds on a busy machine
                self.assertTrue(executor_service.wait_until(lambda: metric(both, "executor_sandboxes_live") == 2, WAIT_SECONDS))
                rabbit.control(*begin)
                try:
                    # those that ran have ended, and their results cannot be told
                    self.assert_status(both, "/ready", 503)
                    self.assertIn("low on", both.ask("GET", "/health")[1].decode())
                    status, headers, body = serve_checks.ask_raw(both.port, post_bytes(SAMPLE))
                    self.assertEqual((status, json.loads(body)["error"]["code"], "retry-after" in headers), (503, "queue_unavailable", True))
                    self.assertEqual(self.rabbit.declare(RESULTS, passive=True), 0)
                finally:
                    rabbit.control(*end)
                self.assertEqual(self.results(3), [f"{name}-{n}" for n in range(3)])
                self.assertEqual(metric(both, EXECUTIONS) - ran, 3)
                self.assert_status(both, "/ready", 200)
                self.assertEqual(both.post(SAMPLE)[1]["passed"], 2)
        self.assert_acknowledged()

    def test_killed_and_back_it_has_lost_no_job_and_no_answer(self):
        both, api = self.service("all"), self.service("api")
        for n in range(6):
            self.publish(sleeping(f"kept-{n}", 0.5))
        with Raw(api.port) as connection:
            connection.send(post_bytes({"language": "python", "source": "import time\ntime.sleep(0.5)\nprint('kept')", "tests": [{}]}))
            self.assertTrue(executor_service.wait_until(lambda: metric(both, "executor_sandboxes_live"), WAIT_SECONDS))
            time.sleep(0.2)
            rabbit.kill()
            self.assert_status(both, "/ready", 503)
            status, headers, body = serve_checks.ask_raw(api.port, post_bytes(SAMPLE))
            self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "queue_unavailable"))
            self.assertGreaterEqual(int(headers["retry-after"]), 1)
            rabbit.start()
            self.rabbit.close()
            self.rabbit = rabbit.connect()
            status, _, body = connection.response()
            self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, "kept\n"))
        self.assertEqual(self.results(6), [f"kept-{n}" for n in range(6)])
        for service in (both, api):
            self.assert_status(service, "/ready", 200)
        self.assertEqual(api.post(SAMPLE)[1]["passed"], 2)
        self.assert_acknowledged()


if __name__ == "__main__":
    must_run.main()
