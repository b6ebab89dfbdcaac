"""POST /execute as its users see it: the sample, the source policy, connections of every kind, health and metrics."""

import json
import socket
import time
import unittest
from pathlib import Path

import executor_service
import must_run
import serve_checks
from serve_checks import SAMPLE, Raw, metric, post_bytes

POLICY = {"EXECUTOR_VALIDATION": "on", "EXECUTOR_ALLOWED_MODULES": "", "EXECUTOR_ALLOWED_BUILTINS": ""}  # empty: the default
SETTLE_SECONDS = 5


def setUpModule():
    executor_service.start(**POLICY)


def job(source, *tests, **fields):
    return {"language": "python", "source": source, "tests": list(tests) or [{}], **fields}


class Sample(executor_service.HostCase):
    def test_both_tests_of_the_sample_pass_in_the_native_backend(self):
        status, answer = executor_service.service.post(SAMPLE)
        self.assertEqual((status, answer["ok"], answer["passed"], answer["total"]), (200, True, 2, 2))
        self.assertRegex(answer["jobId"], r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
        wanted = {"stderr": "", "exitCode": 0, "timedOut": False, "signal": None, "passed": True, "verdict": "accepted",
                  "stdoutTruncated": False, "stderrTruncated": False, "backend": "native"}
        for result, text in zip(answer["results"], ("10\n", "4\n"), strict=True):
            self.assertEqual({key: result[key] for key in wanted}, wanted)
            self.assertEqual((result["stdout"], result["expectedStdout"]), (text, text))
            self.assertRegex(result["containerId"], r"\A[0-9a-f]{12}\Z")
            self.assertEqual(set(result["usage"]), {"cpuSeconds", "memoryBytes"})
            self.assertGreater(result["usage"]["memoryBytes"], 1 << 20)
            self.assertGreater(result["durationMs"], 0)
        self.assertGreaterEqual(answer["queueMs"], 0)
        self.assertGreaterEqual(answer["executeMs"], max(result["durationMs"] for result in answer["results"]))

    def test_each_job_has_an_id_of_its_own_whatever_the_client_says(self):
        answers = [executor_service.service.post({**SAMPLE, "jobId": "mine"})[1]["jobId"] for _ in range(3)]
        self.assertEqual(len(set(answers) - {"mine"}), 3)

    def test_a_finished_job_is_in_the_log_with_what_it_was_but_not_its_source(self):
        request = post_bytes(job("print('marker-7163')", {"expectedStdout": "marker-7163\n"}),
                             headers="x-user-id: ann\r\nx-trace-id: trace-5\r\n")
        answer = json.loads(serve_checks.ask_raw(executor_service.service.port, request)[2])
        line = executor_service.wait_until(lambda: next(
            (text for text in executor_service.service.log_text().splitlines() if answer["jobId"] in text), None), SETTLE_SECONDS)
        record = json.loads(line)
        self.assertEqual((record["level"], record["msg"], record["userId"], record["traceId"]),
                         (30, "worker_job_completed", "ann", "trace-5"))
        self.assertEqual(set(record), {"level", "time", "msg", "traceId", "userId", "jobId", "workerId", "durationMs", "tests"})
        self.assertEqual(set(record["tests"][0]), {"index", "exitCode", "timedOut", "durationMs", "passed", "cpuSeconds",
                                                   "memoryBytes", "containerId"})
        self.assertEqual(record["tests"][0]["containerId"], answer["results"][0]["containerId"])
        self.assertNotIn("marker-7163", executor_service.service.log_text())


class Policy(executor_service.HostCase):
    def assert_refused(self, source, code, violations):
        """400 with these (line, rule), and nothing has run."""
        ran = metric(executor_service.service, "executor_execution_seconds_count")
        status, answer = executor_service.service.post(job(source))
        error = answer["error"]
        self.assertEqual((status, answer["ok"], error["code"]), (400, False, code))
        self.assertEqual([(v["line"], v["rule"]) for v in error["violations"]], violations)
        for violation in error["violations"]:
            self.assertEqual(set(violation), {"line", "column", "rule", "message"})
            self.assertGreaterEqual(violation["column"], 1)
        self.assertEqual(metric(executor_service.service, "executor_execution_seconds_count"), ran)
        return error["violations"]

    def test_a_module_that_is_not_allowed_is_named_with_its_place(self):
        violation, = self.assert_refused("x = 1\nimport os", "validation_failed", [(2, "module")])
        self.assertEqual(violation["column"], 8)
        self.assertIn("'os'", violation["message"])

    def test_each_violation_has_a_line(self):
        self.assert_refused("import os\nfrom subprocess import run\nopen('x')\n", "validation_failed",
                            [(1, "module"), (2, "module"), (3, "builtin")])

    def test_a_syntax_error_is_a_compile_error(self):
        violation, = self.assert_refused("def f(:\n    pass", "compile_error", [(1, "syntax")])
        self.assertEqual((violation["column"], violation["message"]), (7, "invalid syntax"))

    def test_what_is_allowed_runs(self):
        results = executor_service.service.execute("import math, random, statistics\nprint(math.factorial(5))", [{"expectedStdout": "120"}])
        self.assertEqual(results[0]["verdict"], "accepted")


class Connections(executor_service.HostCase):
    def setUp(self):
        self.port = executor_service.service.port

    def test_a_connection_serves_many_requests(self):
        with Raw(self.port) as connection:
            for n in range(20):
                connection.send(post_bytes(job(f"print({n})")))
                status, headers, body = connection.response()
                self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, f"{n}\n"))
                self.assertNotIn("connection", headers)

    def test_an_error_of_the_request_leaves_the_connection_open(self):
        with Raw(self.port) as connection:
            for body, status in ((b"nonsense", 400), (SAMPLE, 200), ({}, 400), (SAMPLE, 200)):
                connection.send(post_bytes(body))
                self.assertEqual(connection.response()[0], status)

    def test_pipelined_requests_are_answered_in_their_order(self):
        slow = job("for _ in range(3_000_000): pass\nprint('slow')")
        with Raw(self.port) as connection:
            connection.send(post_bytes(slow) + b"GET /ready HTTP/1.1\r\nHost: t\r\n\r\n" + post_bytes(b"{") +
                            b"GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n" + post_bytes(job("print('last')")))
            answers = [connection.response() for _ in range(5)]
        self.assertEqual([status for status, _, _ in answers], [200, 200, 400, 404, 200])
        self.assertEqual([json.loads(answers[n][2])["results"][0]["stdout"] for n in (0, 4)], ["slow\n", "last\n"])
        self.assertTrue(json.loads(answers[1][2])["ready"])

    def test_a_body_in_chunks(self):
        data = json.dumps(SAMPLE).encode()
        head = b"POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        for size in (1, 7, len(data)):
            pieces = [data[n:n + size] for n in range(0, len(data), size)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            with self.subTest(size):
                status, _, answer = serve_checks.ask_raw(self.port, head + body)
                self.assertEqual((status, json.loads(answer)["passed"]), (200, 2))

    def test_bytes_that_come_one_by_one(self):
        with Raw(self.port) as connection:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in post_bytes(SAMPLE):
                connection.send(bytes([byte]))
            self.assertEqual(json.loads(connection.response()[2])["passed"], 2)

    def test_a_client_that_wants_no_keep_alive_is_closed(self):
        for request in (post_bytes(SAMPLE, headers="Connection: close\r\n"), post_bytes(SAMPLE).replace(b"HTTP/1.1", b"HTTP/1.0")):
            with Raw(self.port) as connection:
                connection.send(request)
                self.assertEqual(connection.response()[0], 200)
                self.assertTrue(connection.ended())

    def test_a_client_that_waits_for_continue_gets_it(self):
        head, _, body = post_bytes(SAMPLE, headers="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        with Raw(self.port) as connection:
            connection.send(head + b"\r\n\r\n")
            self.assertEqual([connection.input.readline(), connection.input.readline()], [b"HTTP/1.1 100 Continue\r\n", b"\r\n"])
            connection.send(body)
            self.assertEqual(json.loads(connection.response()[2])["passed"], 2)

    def test_many_clients_at_once_each_get_their_own_answer(self):
        results = executor_service.service.at_once([{"source": f"print({n} ** 2)"} for n in range(30)])
        self.assertEqual([r[0]["stdout"] for r in results], [f"{n * n}\n" for n in range(30)])

    def assert_live(self, count):
        executor_service.wait_until(lambda: metric(executor_service.service, "executor_sandboxes_live") == count, SETTLE_SECONDS)
        self.assertEqual(metric(executor_service.service, "executor_sandboxes_live"), count)

    def test_a_client_that_goes_away_ends_its_run(self):
        idle = executor_service.service.steady_level()["processes"]
        with Raw(self.port) as connection:
            connection.send(post_bytes(job("while True: pass", {"timeoutMs": 60_000})))
            running = executor_service.wait_until(lambda: len(executor_service.service.processes()) > idle, SETTLE_SECONDS)
            self.assertTrue(running)
        ended = executor_service.wait_until(lambda: len(executor_service.service.processes()) == idle, SETTLE_SECONDS)
        self.assertTrue(ended, "the run of a client that is gone goes on")
        self.assertEqual(executor_service.service.execute("print('on')")[0]["stdout"], "on\n")

    def test_the_live_gauge_counts_what_runs_a_program(self):
        self.assert_live(0)
        with Raw(self.port) as connection:
            connection.send(post_bytes(job("while True: pass", {"timeoutMs": 60_000}, {"timeoutMs": 60_000})))
            self.assert_live(2)
        self.assert_live(0)


class Endpoints(executor_service.HostCase):
    def ask(self, path):
        status, headers, body = serve_checks.ask_raw(executor_service.service.port, f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        return status, headers["content-type"], body.decode()

    def test_health_tells_the_state_of_each_part(self):
        status, kind, text = self.ask("/health")
        health = json.loads(text)
        self.assertEqual((status, kind, health["status"]), (200, "application/json", "up"))
        states = {part: health[part]["state"] for part in health if part not in ("status", "draining")}
        self.assertEqual(states, {"queue": "up", "supervisor": "up", "nativeBackend": "up", "dockerBackend": "not configured",
                                  "localFallback": "not configured"})
        self.assertTrue(all(health[part]["detail"] for part in states))

    def test_ready_says_so(self):
        status, kind, text = self.ask("/ready")
        self.assertEqual((status, kind, json.loads(text)), (200, "application/json", {"ready": True, "draining": False}))

    def test_metrics_are_prometheus_text_and_all_documented_ones_are_there(self):
        for source in ("print(1)", "import os", "print("):
            executor_service.service.post(job(source))
        status, kind, text = self.ask("/metrics")
        self.assertEqual((status, kind.split(";")[0]), (200, "text/plain"))
        families = serve_checks.metric_families(text)
        counters, gauges, histograms = (
            {name for name, (of, _) in families.items() if of == kind and name.startswith("executor_")}
            for kind in ("counter", "gauge", "histogram"))
        self.assertEqual(counters, {"executor_executions_total", "executor_rejected_total", "executor_warm_pool_hits_total",
                                    "executor_warm_pool_misses_total", "executor_leaked_resources_removed_total",
                                    "executor_error_reports_sent_total", "executor_error_reports_dropped_total",
                                    "executor_sandboxes_built_total", "executor_setup_seconds_total", "executor_sandboxes_ended_total",
                                    "executor_sandbox_cpu_seconds_total", "executor_sandbox_minor_faults_total"})
        self.assertEqual(gauges, {"executor_warm_pool_size", "executor_warm_pool_wanted", "executor_sandboxes_live", "executor_queue_depth",
                                  "executor_queue_oldest_seconds", "executor_http_connections", "executor_backend_in_use",
                                  "executor_private_memory_bytes"})
        self.assertEqual(histograms, {"executor_queue_wait_seconds", "executor_handover_seconds", "executor_execution_seconds",
                                      "executor_test_cpu_seconds"})
        for name in histograms:
            samples = families[name][1]
            buckets = [value for sample, value in samples.items() if "_bucket" in sample]
            self.assertEqual(buckets, sorted(buckets), name)
            self.assertEqual(buckets[-1], samples[f"{name}_count"], name)

    def test_counters_move_with_jobs(self):
        before = serve_checks.metrics(executor_service.service)
        executor_service.service.execute("print('a')", [{"expectedStdout": "a"}] * 3 + [{"expectedStdout": "b"}])
        for source in ("import os", "print("):
            self.assertEqual(executor_service.service.post(job(source))[0], 400)
        self.assertEqual(self.ask("/metrics")[0], 200)

        def moved():
            after = serve_checks.metrics(executor_service.service)
            found = {name: after[name] - before.get(name, 0) for name in after if name.endswith(("_total", "_count")) or "_total{" in name}
            pool = found.pop("executor_warm_pool_hits_total") + found.pop("executor_warm_pool_misses_total")
            of_jobs = {name: by for name, by in found.items() if not name.startswith(("executor_sandbox", "executor_setup"))}
            return {name: by for name, by in of_jobs.items() if by}, pool

        def verdict(name):
            return f'executor_executions_total{{backend="native",language="python",verdict="{name}"}}'
        wanted = ({verdict("accepted"): 3, verdict("wrong_answer"): 1, 'executor_rejected_total{reason="validation_failed"}': 1,
                   'executor_rejected_total{reason="compile_error"}': 1, "executor_queue_wait_seconds_count": 1,
                   "executor_handover_seconds_count": 4, "executor_execution_seconds_count": 4,
                   "executor_test_cpu_seconds_count": 4}, 4)
        executor_service.wait_until(lambda: moved() == wanted, SETTLE_SECONDS)
        self.assertEqual(moved(), wanted)

    def test_what_sandboxes_cost_is_counted(self):
        def ended():
            return serve_checks.metrics(executor_service.service)
        executor_service.service.steady_level()
        before = ended()
        executor_service.service.execute("x = bytearray(8 << 20)\nwhile True:\n    pass", [{"cpuTimeMs": 300 * executor_service.PATIENCE}] * 3)
        executor_service.wait_until(lambda: ended()["executor_sandboxes_ended_total"] >= before["executor_sandboxes_ended_total"] + 3
                                    and ended()["executor_warm_pool_size"] == executor_service.CONCURRENCY, SETTLE_SECONDS)
        after = ended()
        moved = {name: value - before[name] for name, value in after.items() if name in before}
        self.assertEqual((moved["executor_sandboxes_ended_total"], moved["executor_sandboxes_built_total"]), (3, 3))
        self.assertGreater(moved["executor_sandbox_cpu_seconds_total"], 0.9)   # what was burnt, and the set-up
        self.assertLess(moved["executor_sandbox_cpu_seconds_total"], 3 * executor_service.PATIENCE)
        huge = "[always]" in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()  # then the array is a few pages
        self.assertGreater(moved["executor_sandbox_minor_faults_total"], 3 * (100 if huge else 2048))
        for stage in ("namespaces", "init", "fork", "payload"):
            self.assertGreater(moved[f'executor_setup_seconds_total{{stage="{stage}"}}'], 0, stage)
        self.assertEqual(after['executor_setup_seconds_total{stage="interpreter"}'], 0)

    def test_private_memory_is_told_of_each_kind_of_process(self):
        self.assertTrue(executor_service.wait_until(
            lambda: metric(executor_service.service, 'executor_private_memory_bytes{process="warm_sandbox"}'), SETTLE_SECONDS))
        for process in ("front", "supervisor", "zygote", "warm_sandbox"):
            size = metric(executor_service.service, f'executor_private_memory_bytes{{process="{process}"}}')
            self.assertGreater(size, 20_000, process)
            self.assertLess(size, 100_000_000, process)
        self.assertLess(size, 8 << 20)  # of a sandbox that waits

    def test_open_connections_are_counted(self):
        with Raw(executor_service.service.port), Raw(executor_service.service.port):
            executor_service.wait_until(lambda: metric(executor_service.service, "executor_http_connections") == 3, SETTLE_SECONDS)
            self.assertEqual(metric(executor_service.service, "executor_http_connections"), 3)
        executor_service.wait_until(lambda: metric(executor_service.service, "executor_http_connections") == 1, SETTLE_SECONDS)
        self.assertEqual(metric(executor_service.service, "executor_http_connections"), 1)

    def test_the_pool_is_full_again_after_a_run(self):
        executor_service.service.execute("print(1)", [{}] * 8)
        size = lambda: metric(executor_service.service, "executor_warm_pool_size")
        self.assertTrue(executor_service.wait_until(lambda: size() == executor_service.CONCURRENCY, SETTLE_SECONDS), size())


class RestingPool(unittest.TestCase):
    """A server whose pool shrinks after three seconds without a job."""

    def test_half_of_the_pool_ends_at_rest_and_stands_again_after_a_job(self):
        service = executor_service.Service(EXECUTOR_WARM_POOL="4", EXECUTOR_WARM_POOL_IDLE="3")
        self.addCleanup(service.close)

        def pool():
            found = serve_checks.metrics(service)
            return found["executor_warm_pool_size"], found["executor_warm_pool_wanted"]

        self.assertTrue(executor_service.wait_until(lambda: pool() == (2, 2), 3 + SETTLE_SECONDS), pool())
        for tests in (1, 12):
            results = service.execute("print(6 * 7)", [{"expectedStdout": "42\n"}] * tests)
            self.assertEqual({result["verdict"] for result in results}, {"accepted"})
            self.assertTrue(executor_service.wait_until(lambda: pool() == (4, 4), SETTLE_SECONDS), pool())
        full = service.steady_level()["processes"]  # the figures of the pool may be those from before the run
        self.assertTrue(executor_service.wait_until(lambda: pool() == (2, 2), 3 + SETTLE_SECONDS), pool())
        self.assertTrue(executor_service.wait_until(lambda: len(service.processes()) <= full - 4, SETTLE_SECONDS))  # inits, payloads

    def test_the_last_one_stays(self):
        service = executor_service.Service(EXECUTOR_WARM_POOL="1", EXECUTOR_WARM_POOL_IDLE="1")
        self.addCleanup(service.close)
        time.sleep(1.5)
        self.assertTrue(executor_service.wait_until(lambda: metric(service, "executor_warm_pool_size") == 1, SETTLE_SECONDS))
        self.assertEqual(metric(service, "executor_warm_pool_wanted"), 1)


if __name__ == "__main__":
    must_run.main()
