"""The service over a real redis-server: other programs' jobs, HTTP through the queue, roles apart, Redis that goes and comes."""

import contextlib
import json
import os
import signal
import time
import unittest
import uuid

import executor_service
import must_run
import redis_server
import serve_checks
from serve_checks import SAMPLE, Raw, metric, post_bytes

WAIT_SECONDS = 10 * executor_service.PATIENCE
POLICY = {"EXECUTOR_VALIDATION": "on", "EXECUTOR_ALLOWED_MODULES": '["math","random","statistics","time"]',
          "EXECUTOR_ALLOWED_BUILTINS": ""}
redis = None


def setUpModule():
    global redis
    redis_server.need()
    redis = redis_server.RedisServer()
    unittest.addModuleCleanup(redis.close)
    executor_service.start(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=redis.url, **POLICY)


def result_key(job_id):
    return f"executor:results:{job_id}"


def message(source, job_id=None, expected=None, **fields):
    test = {} if expected is None else {"expectedStdout": expected}
    return {"jobId": job_id or str(uuid.uuid4()), "language": "python", "source": source, "tests": [test], **fields}


def push(job, server=None):
    """As any program does it; returns the job's id."""
    (server or redis).cli("LPUSH", "executor:tasks", job if isinstance(job, str) else json.dumps(job))
    return None if isinstance(job, str) else job["jobId"]


def stored(job_id, server=None):
    """The result under its own key, waited for; None where there is none."""
    text = executor_service.wait_until(lambda: (server or redis).cli("GET", result_key(job_id)), WAIT_SECONDS)
    return json.loads(text) if text else None


class Producers(executor_service.HostCase):
    def dead_letters(self):
        return [json.loads(line) for line in redis.cli("LRANGE", "executor:dead", 0, -1).splitlines()]

    def test_a_pushed_job_is_run_and_its_result_is_where_it_was_asked_for(self):
        reply = "executor:results:reply-list"
        job_id = push(message("print(6 * 7)", expected="42\n", replyTo=reply))
        key, text = redis.cli("BLPOP", reply, WAIT_SECONDS).split("\n", 1)
        answer = json.loads(text)
        self.assertEqual((key, answer["jobId"], answer["ok"], answer["passed"], answer["total"]), (reply, job_id, True, 1, 1))
        self.assertEqual([(r["stdout"], r["verdict"], r["backend"]) for r in answer["results"]], [("42\n", "accepted", "native")])
        self.assertEqual(stored(job_id), answer)
        self.assertEqual(redis.cli("LLEN", reply), "0")

    def test_a_result_is_kept_for_an_hour_under_the_name_of_its_job(self):
        job_id = push(message("print(1)"))
        self.assertEqual(stored(job_id)["results"][0]["stdout"], "1\n")
        self.assertEqual(redis.cli("TYPE", result_key(job_id)), "string")
        self.assertTrue(3500 < int(redis.cli("TTL", result_key(job_id))) <= 3600)

    def test_nothing_stays_in_any_list(self):
        for job_id in [push(message(f"print({n})")) for n in range(5)]:
            self.assertIsNotNone(stored(job_id))

        def lists():
            keys = redis.cli("KEYS", "*").splitlines()
            return [key for key in keys if redis.cli("TYPE", key) == "list" and key != "executor:dead"]
        executor_service.wait_until(lambda: not lists(), WAIT_SECONDS)
        self.assertEqual(lists(), [])

    def test_every_one_of_many_jobs_has_its_own_right_result(self):
        jobs = [message(f"print({n} ** 3)", expected=f"{n ** 3}\n") for n in range(40)]
        redis.cli("LPUSH", "executor:tasks", *map(json.dumps, jobs))
        for n, job in enumerate(jobs):
            answer = stored(job["jobId"])
            self.assertEqual((answer["passed"], answer["results"][0]["stdout"]), (1, f"{n ** 3}\n"))

    def test_an_id_of_every_kind_that_is_documented(self):
        for job_id in ("a", "with-dash_and_underscore", "with.dots:and:colons", "x" * 64, "y" * 128):
            with self.subTest(job_id):
                push(message("print('here')", job_id))
                answer = stored(job_id)
                self.assertEqual((answer["jobId"], answer["ok"]), (job_id, True), answer)

    def test_the_policy_holds_for_pushed_jobs_too(self):
        answer = stored(push(message("import os")))
        self.assertEqual((answer["ok"], answer["error"]["code"]), (False, "validation_failed"))
        self.assertEqual([v["rule"] for v in answer["error"]["violations"]], ["module"])
        self.assertEqual(stored(push(message("print(")))["error"]["code"], "compile_error")

    def test_a_job_that_can_never_run_is_a_dead_letter_and_answered(self):
        job = message("print(1)")
        del job["language"]
        answer = stored(push(job))
        self.assertEqual((answer["ok"], answer["jobId"], answer["error"]["code"], answer["error"]["field"]),
                         (False, job["jobId"], "missing_field", "language"))
        letter, = [letter for letter in self.dead_letters() if letter["job"] == job]
        self.assertIn("language", letter["reason"])
        self.assertEqual(set(letter), {"reason", "job", "attempts", "time", "bytes"})

    def test_what_is_no_job_at_all_is_a_dead_letter(self):
        for text, reason in (("neither json nor job 1", "JSON"), ('{"language": "ruby 2"}', "jobId"), ('["a list 3"]', "object")):
            with self.subTest(text):
                push(text)

                def found(wanted=text):
                    return [dead for dead in self.dead_letters() if dead["job"] == wanted or json.dumps(dead["job"]) == wanted]
                executor_service.wait_until(found, WAIT_SECONDS)
                letter, = found()
                self.assertIn(reason, letter["reason"])
        self.assertIsNotNone(stored(push(message("print('after them')"))))

    def runs(self, job_id):
        return sum(job_id in line and "worker_job_completed" in line for line in executor_service.service.log_text().splitlines())

    def test_the_same_id_twice_is_one_run_and_one_result(self):
        job = message("import random, time\ntime.sleep(0.2)\nprint(random.random())")
        push(job)
        push(job)
        first = stored(job["jobId"])
        push(job)
        self.assertIsNotNone(stored(push(message("print('taken after the third')"))))
        self.assertEqual(stored(job["jobId"]), first)
        self.assertEqual(self.runs(job["jobId"]), 1)

    def test_the_same_id_with_another_body_is_refused(self):
        job = message("print('first')")
        push(job)
        first = stored(job["jobId"])
        push({**job, "source": "print('second')"})
        executor_service.wait_until(lambda: any(letter["job"].get("jobId") == job["jobId"] for letter in self.dead_letters()
                                                if isinstance(letter["job"], dict)), WAIT_SECONDS)
        self.assertEqual(stored(job["jobId"]), first)
        self.assertEqual(self.runs(job["jobId"]), 1)
        self.assertEqual([letter["job"]["source"] for letter in self.dead_letters()
                          if isinstance(letter["job"], dict) and letter["job"].get("jobId") == job["jobId"]], ["print('second')"])


class OverHttp(executor_service.HostCase):
    def test_the_sample_goes_through_redis_and_comes_back(self):
        status, answer = executor_service.service.post(SAMPLE)
        self.assertEqual((status, answer["passed"], answer["total"]), (200, 2, 2))
        self.assertEqual([r["stdout"] for r in answer["results"]], ["10\n", "4\n"])
        self.assertEqual(stored(answer["jobId"]), answer)

    def test_what_the_policy_refuses_never_reaches_redis(self):
        keys = set(redis.cli("KEYS", "*").splitlines())
        status, answer = executor_service.service.post({**SAMPLE, "source": "import os"})
        self.assertEqual((status, answer["error"]["code"]), (400, "validation_failed"))
        self.assertEqual(set(redis.cli("KEYS", "*").splitlines()) - keys, set())

    def test_every_answer_of_many_clients_is_their_own(self):
        results = executor_service.service.at_once([{"source": f"print({n} ** 2)"} for n in range(30)])
        self.assertEqual([r[0]["stdout"] for r in results], [f"{n * n}\n" for n in range(30)])

    def test_health_names_the_server(self):
        health = json.loads(executor_service.service.ask("GET", "/health")[1])
        self.assertEqual((health["queue"]["state"], "connected" in health["queue"]["detail"], redis.path in health["queue"]["detail"]),
                         ("up", True, True))


class WithoutWaiting(executor_service.Service):
    """Started, and answering, but perhaps not ready."""

    def wait_until_ready(self):
        deadline = time.monotonic() + executor_service.START_SECONDS
        while self.server.poll() is None and time.monotonic() < deadline:
            try:
                self.ask("GET", "/ready")
                return
            except OSError:
                time.sleep(0.05)
        raise executor_service.ServiceError(f"the server does not answer:\n{self.log_tail()}")


class OwnServers(unittest.TestCase):
    def setUp(self):
        self.services = []

    def tearDown(self):
        """All at once, and each of them in good order."""
        for service in self.services:
            service.server.terminate()
        for service in self.services:
            self.assertEqual(service.server.wait(executor_service.STOP_SECONDS), 0, service.log_tail())

    def redis_server(self, started=True):
        server = redis_server.RedisServer(started)
        self.addCleanup(server.close)
        return server

    def service(self, server, role, kind=executor_service.Service, **settings):
        service = kind(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=server.url, EXECUTOR_ROLE=role, EXECUTOR_MAX_CONCURRENCY="2", **settings)
        self.addCleanup(service.close)
        self.services.append(service)
        return service

    def assert_sample(self, service):
        status, answer = service.post(SAMPLE)
        self.assertEqual((status, answer.get("passed")), (200, 2), answer)
        return answer

    def assert_status(self, service, path, status):
        executor_service.wait_until(lambda: service.ask("GET", path)[0] == status, WAIT_SECONDS)
        self.assertEqual(service.ask("GET", path)[0], status)

    def assert_unavailable(self, service):
        status, headers, body = serve_checks.ask_raw(service.port, post_bytes(SAMPLE))
        self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "queue_unavailable"))
        self.assertGreaterEqual(int(headers["retry-after"]), 1)


class Roles(OwnServers):
    def test_api_and_worker_are_two_processes_over_one_redis(self):
        server = self.redis_server()
        api, worker = self.service(server, "api"), self.service(server, "worker")
        answer = self.assert_sample(api)
        executions = 'executor_executions_total{backend="native",language="python",verdict="accepted"}'
        self.assertEqual((metric(api, executions), metric(worker, executions)), (0, 2))
        executor_service.wait_until(lambda: answer["jobId"] in worker.log_text(), WAIT_SECONDS)
        self.assertIn(answer["jobId"], worker.log_text())
        self.assertNotIn("worker_job_completed", api.log_text())
        self.assertEqual(worker.ask("POST", "/execute", json.dumps(SAMPLE).encode())[0], 404)
        self.assertEqual(worker.ask("GET", "/ready")[0], 200)

    def test_the_health_of_an_api_host_shows_the_supervisor_that_parses_its_sources(self):
        api = self.service(self.redis_server(), "api")

        def shown():
            status, text = api.ask("GET", "/health")
            return status, json.loads(text)["supervisor"]["state"]
        self.assertEqual(shown(), (200, "up"))
        steward = next(pid for pid in api.processes() if executor_service.status_of(pid).get("Name", "").startswith("executor-stew"))
        supervisor, = serve_checks.find(api, "supervisor")
        os.kill(steward, signal.SIGSTOP)  # which would start another one
        os.kill(supervisor, signal.SIGKILL)
        self.assertTrue(executor_service.wait_until(lambda: shown() == (503, "down"), WAIT_SECONDS), shown())
        self.assertEqual(api.ask("GET", "/ready")[0], 503)
        os.kill(steward, signal.SIGCONT)
        self.assertTrue(executor_service.wait_until(lambda: shown() == (200, "up"), WAIT_SECONDS), shown())

    def test_a_job_waits_for_a_worker_that_comes_later(self):
        server = self.redis_server()
        api = self.service(server, "api")
        with Raw(api.port) as connection:
            connection.send(post_bytes(SAMPLE))
            executor_service.wait_until(lambda: server.cli("LLEN", "executor:tasks") == "1", WAIT_SECONDS)
            self.assertEqual(server.cli("LLEN", "executor:tasks"), "1")
            self.service(server, "worker")
            status, _, body = connection.response()
        self.assertEqual((status, json.loads(body)["passed"]), (200, 2))

    def test_two_workers_share_the_work_and_do_each_job_once(self):
        server = self.redis_server()
        api, workers = self.service(server, "api"), [self.service(server, "worker") for _ in range(2)]
        results = api.at_once([{"source": f"import time\ntime.sleep(0.1)\nprint({n})"} for n in range(16)])
        self.assertEqual([r[0]["stdout"] for r in results], [f"{n}\n" for n in range(16)])
        executions = 'executor_executions_total{backend="native",language="python",verdict="accepted"}'
        counts = [metric(worker, executions) for worker in workers]
        self.assertEqual(sum(counts), 16)
        self.assertGreater(min(counts), 0)

    def test_a_worker_that_stops_leaves_what_waits_to_the_next(self):
        server = self.redis_server()
        first = self.service(server, "worker")
        messages = [message(f"import time\ntime.sleep(0.6)\nprint({n})") for n in range(6)]
        jobs = [each["jobId"] for each in messages]
        server.cli("LPUSH", "executor:tasks", *map(json.dumps, messages))  # at once: the worker is not to be done with the first before the last
        executor_service.wait_until(lambda: int(server.cli("LLEN", "executor:tasks")) <= 4, WAIT_SECONDS)
        self.assertEqual(first.close(), 0, first.log_tail())
        self.assertLess(sum(bool(server.cli("EXISTS", result_key(job)) == "1") for job in jobs), 6)
        self.service(server, "worker")
        self.assertEqual([stored(job, server)["results"][0]["stdout"] for job in jobs], [f"{n}\n" for n in range(6)])

    def test_a_service_that_stops_runs_what_its_own_clients_wait_for(self):
        server = self.redis_server()
        service = self.service(server, "all")
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Raw(service.port)) for _ in range(4)]
            for number, client in enumerate(clients):
                client.send(post_bytes({"language": "python", "source": f"import time\ntime.sleep(1)\nprint({number})", "tests": [{}]}))
            self.assertTrue(executor_service.wait_until(lambda: server.cli("LLEN", "executor:tasks") == "2", WAIT_SECONDS))
            service.server.send_signal(signal.SIGTERM)
            answers = [client.response() for client in clients]
        self.assertEqual(service.server.wait(WAIT_SECONDS), 0, service.log_tail())
        self.assertEqual([(status, json.loads(body).get("results", [{}])[0].get("stdout")) for status, _, body in answers],
                         [(200, f"{number}\n") for number in range(4)])


class RedisAway(OwnServers):
    def test_away_at_the_start_both_roles_start_say_so_and_serve_once_it_comes(self):
        server = self.redis_server(started=False)
        api, worker = (self.service(server, role, WithoutWaiting) for role in ("api", "worker"))
        for service in (api, worker):
            self.assertEqual(service.ask("GET", "/ready")[0], 503)
            status, body = service.ask("GET", "/health")
            self.assertEqual((status, json.loads(body)["queue"]["state"]), (503, "down"))
        self.assert_unavailable(api)
        server.start()
        for service in (api, worker):
            self.assert_status(service, "/ready", 200)
        self.assert_sample(api)

    def test_the_log_says_when_redis_is_away_and_when_it_is_back(self):
        server = self.redis_server(started=False)
        service = self.service(server, "all", WithoutWaiting)

        def lines():
            return [record for record in map(json.loads, service.log_text().splitlines()) if server.path in json.dumps(record)]
        executor_service.wait_until(lines, WAIT_SECONDS)
        self.assertTrue([record for record in lines() if record["level"] >= 40], service.log_text())
        server.start()
        self.assert_status(service, "/ready", 200)
        self.assertTrue([record for record in lines() if record["level"] == 30], service.log_text())

    def test_killed_midway_it_is_503_until_it_is_back_and_what_runs_is_answered(self):
        server = self.redis_server()
        service = self.service(server, "all")
        with Raw(service.port) as connection:
            connection.send(post_bytes(message(serve_checks.NAMED.format(name="midway") + "time.sleep(0.5)\nprint('kept')")))
            self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(service, "midway"), WAIT_SECONDS))
            server.kill()
            self.assert_status(service, "/health", 503)
            self.assert_status(service, "/ready", 503)
            self.assert_unavailable(service)
            executor_service.wait_until(lambda: not serve_checks.named(service, "midway"), WAIT_SECONDS)
            server.start()
            status, _, body = connection.response()
            self.assertEqual((status, json.loads(body)["results"][0]["stdout"]), (200, "kept\n"))
        self.assert_status(service, "/ready", 200)
        self.assert_sample(service)
        executor_service.wait_until(lambda: service.log_text().count("worker_job_completed") >= 2, WAIT_SECONDS)
        self.assertEqual(service.log_text().count("worker_job_completed"), 2)

    def test_jobs_that_wait_in_redis_survive_its_death(self):
        server = self.redis_server()
        api = self.service(server, "api")
        with Raw(api.port) as connection:
            connection.send(post_bytes(SAMPLE))
            jobs = [push(message(f"print({n})"), server) for n in range(10)]
            executor_service.wait_until(lambda: server.cli("LLEN", "executor:tasks") == "11", WAIT_SECONDS)
            server.kill()
            self.assert_status(api, "/ready", 503)
            server.start()
            self.service(server, "worker")
            status, _, body = connection.response()
            self.assertEqual((status, json.loads(body)["passed"]), (200, 2))
        self.assertEqual([stored(job, server)["results"][0]["stdout"] for job in jobs], [f"{n}\n" for n in range(10)])

    def test_a_redis_that_hangs_for_a_moment_loses_nothing_and_doubles_nothing(self):
        server = self.redis_server()
        service = self.service(server, "all")
        connections = [Raw(service.port) for _ in range(6)]
        try:
            for n, connection in enumerate(connections):
                connection.send(post_bytes(message(f"import time\ntime.sleep(0.2)\nprint({n})")))
                if n == 2:
                    server.pause()
            time.sleep(1)  # this long Redis hangs
            server.resume()
            answers = [connection.response() for connection in connections]
        finally:
            for connection in connections:
                connection.close()
        self.assertEqual([(status, json.loads(body)["results"][0]["stdout"]) for status, _, body in answers],
                         [(200, f"{n}\n") for n in range(6)])
        executor_service.wait_until(lambda: service.log_text().count("worker_job_completed") == 6, WAIT_SECONDS)
        self.assertEqual(service.log_text().count("worker_job_completed"), 6)


if __name__ == "__main__":
    must_run.main()
