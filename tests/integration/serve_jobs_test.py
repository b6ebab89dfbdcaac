"""Jobs that outlive their request: accepted with 202, asked about, listened to, cancelled; and how much one sender may have."""

import http.client
import json
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import executor_service
import must_run
import redis_server
import serve_checks
from serve_checks import SAMPLE, Raw, metric, post_bytes

WAIT_SECONDS = 10
TOKEN = "one-token"


def setUpModule():
    executor_service.start(EXECUTOR_USER_JOBS="2", EXECUTOR_USER_WAITING="1")


def ask(method, path, body=None, service=None, headers=None):
    """(status, headers, answer as JSON) over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", (service or executor_service.service).port, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(response.read())
    finally:
        connection.close()


def submit(body, service=None, **headers):
    status, _, answer = ask("POST", "/execute?wait=false", body, service, headers)
    assert (status, answer["ok"], answer["state"]) == (202, True, "queued"), (status, answer)
    return answer["jobId"]


def job(source, *tests, **fields):
    return {"language": "python", "source": source, "tests": list(tests) or [{}], **fields}


def state(job_id, service=None):
    return ask("GET", f"/jobs/{job_id}", service=service)[2]


def ended(job_id, service=None):
    """The job as it is once it has ended."""
    executor_service.wait_until(lambda: state(job_id, service)["state"] not in ("queued", "running"), WAIT_SECONDS)
    return state(job_id, service)


class Stream:
    """The events of one job, as (name, id, data)."""

    def __init__(self, job_id, service=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", (service or executor_service.service).port, timeout=60)
        self.connection.request("GET", f"/jobs/{job_id}/events")
        self.response = self.connection.getresponse()

    def __iter__(self):
        fields = {}
        for line in self.response:
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields["event"], fields.get("id"), json.loads(fields["data"])
                fields = {}

    def close(self):
        self.response.close()
        self.connection.close()


class Later(executor_service.HostCase):
    def test_a_job_is_accepted_at_once_and_its_result_is_that_of_a_request_that_waits(self):
        status, headers, answer = ask("POST", "/execute?wait=false", SAMPLE)
        self.assertEqual((status, headers["location"]), (202, f"/jobs/{answer['jobId']}"))
        found = ended(answer["jobId"])
        self.assertEqual((found["state"], found["tests"], found["testsDone"]), ("done", 2, 2))
        self.assertEqual((found["result"]["jobId"], found["result"]["passed"], found["result"]["total"]), (answer["jobId"], 2, 2))
        waited = ask("POST", "/execute?wait=true", SAMPLE)[2]
        self.assertEqual(set(found["result"]), set(waited))
        self.assertEqual([set(result) for result in found["result"]["results"]], [set(result) for result in waited["results"]])

    def test_a_job_runs_on_when_its_client_has_gone(self):
        with Raw(executor_service.service.port) as connection:
            connection.send(post_bytes(job("import time\ntime.sleep(0.5)\nprint('done')"), "/execute?wait=false"))
            job_id = json.loads(connection.response()[2])["jobId"]
        self.assertEqual(ended(job_id)["result"]["results"][0]["stdout"], "done\n")

    def test_what_is_no_job_is_refused_and_known_to_nobody(self):
        self.assertEqual(ask("POST", "/execute?wait=false", {})[0], 400)
        self.assertEqual(ask("POST", "/execute?wait=false", job("print("))[0], 400)
        for query in ("wait=maybe", "wait", "nowait", "wait=false&x=1"):
            status, _, answer = ask("POST", f"/execute?{query}", SAMPLE)
            self.assertEqual((status, answer["error"]["field"]), (400, "wait"))
        for method, path in (("GET", "/jobs/none"), ("DELETE", "/jobs/none"), ("GET", "/jobs/none/events")):
            status, _, answer = ask(method, path)
            self.assertEqual((status, answer["error"]["code"]), (404, "unknown_job"))
        self.assertEqual([ask("GET", path)[0] for path in ("/jobs/", "/jobs", "/jobs/a/b", "/jobs/a/b/events", "/jobs//events")], [404] * 5)
        self.assertEqual(ask("POST", "/jobs/none")[0], 405)

    def test_each_verdict_comes_as_it_falls(self):
        job_id = submit(job("import time\nn = float(input())\ntime.sleep(n)\nprint(n)", {"stdin": "0.1", "expectedStdout": "0.1"},
                            {"stdin": "0.5", "expectedStdout": "no", "name": "second"}, {"stdin": "1.2"}))
        stream = Stream(job_id)
        self.assertEqual((stream.response.status, stream.response.getheader("content-type")), (200, "text/event-stream"))
        seen = []
        for event, number, data in stream:
            seen.append((event, number, data, state(job_id)["state"]))
        self.assertEqual([(e, n) for e, n, _, _ in seen], [("started", None), ("test", "1"), ("test", "2"), ("test", "3"), ("end", None)])
        tests = [data for event, _, data, _ in seen if event == "test"]
        self.assertEqual([(t["index"], t["verdict"], t["passed"], t.get("name")) for t in tests],
                         [(0, "accepted", True, None), (1, "wrong_answer", False, "second"), (2, "accepted", None, None)])
        self.assertEqual([s for event, _, _, s in seen if event == "test"][:2], ["running", "running"])
        self.assertEqual(seen[-1][2], {"jobId": job_id, "state": "done", "passed": 1, "total": 3})
        self.assertEqual([data for event, _, data in Stream(job_id) if event == "test"], tests)  # told again to who comes later

    def test_several_may_listen_and_leave(self):
        job_id = submit(job("import time\ntime.sleep(0.6)", {}, {}))
        first, second = Stream(job_id), Stream(job_id)
        first.close()
        self.assertEqual([event for event, _, _ in second], ["started", "test", "test", "end"])

    def test_cancelling_kills_what_runs(self):
        job_id = submit(job("while True: pass", *[{"timeoutMs": 60_000}] * 3))
        self.assertTrue(executor_service.wait_until(lambda: metric(executor_service.service, "executor_sandboxes_live") == 3, WAIT_SECONDS))
        stream = Stream(job_id)
        self.assertEqual(ask("DELETE", f"/jobs/{job_id}")[2], {"ok": True, "jobId": job_id, "state": "cancelled"})
        self.assertEqual([(event, data.get("state")) for event, _, data in stream][-1], ("end", "cancelled"))
        executor_service.wait_until(lambda: metric(executor_service.service, "executor_sandboxes_live") == 0, 2)
        self.assertEqual(metric(executor_service.service, "executor_sandboxes_live"), 0)
        self.assertEqual((state(job_id)["state"], "result" in state(job_id)), ("cancelled", False))
        self.assertEqual(ask("DELETE", f"/jobs/{job_id}")[2]["state"], "cancelled")

    def test_a_job_that_has_ended_stays_as_it_is(self):
        job_id = submit(SAMPLE)
        before = ended(job_id)
        self.assertEqual(ask("DELETE", f"/jobs/{job_id}")[2]["state"], "done")
        self.assertEqual(state(job_id), before)


class Shares(executor_service.HostCase):
    """Two jobs of one user at once, one more held back."""

    def test_one_job_too_many_is_429_with_a_time_and_others_are_let_in(self):
        spin = job("import time\ntime.sleep(30)", {"timeoutMs": 60_000})
        with ThreadPoolExecutor(1) as pool:
            inside = [submit(spin, **{"x-user-id": "ann"}) for _ in range(2)]
            third = pool.submit(submit, SAMPLE, **{"x-user-id": "ann"})
            time.sleep(0.2)
            status, headers, answer = ask("POST", "/execute?wait=false", SAMPLE, headers={"x-user-id": "ann"})
            self.assertEqual((status, answer["error"]["code"]), (429, "too_many_jobs"))
            self.assertGreaterEqual(int(headers["retry-after"]), 1)
            self.assertEqual(ask("POST", "/execute", {**SAMPLE, "userId": "ann"})[0], 429)
            self.assertEqual(ask("POST", "/execute", {**SAMPLE, "userId": "ben"})[0], 200)
            self.assertEqual(ask("POST", "/execute", SAMPLE)[0], 200)
            self.assertFalse(third.done())
            ask("DELETE", f"/jobs/{inside[0]}")
            self.assertEqual(ended(third.result(WAIT_SECONDS))["state"], "done")
        ask("DELETE", f"/jobs/{inside[1]}")
        self.assertEqual(ask("POST", "/execute", {**SAMPLE, "userId": "ann"})[0], 200)

    def test_a_client_that_leaves_the_line_frees_its_place(self):
        inside = [submit(job("import time\ntime.sleep(30)", {"timeoutMs": 60_000}), **{"x-user-id": "cid"}) for _ in range(2)]
        with Raw(executor_service.service.port) as waiting:
            waiting.send(post_bytes({**SAMPLE, "userId": "cid"}))
            refused = lambda: ask("POST", "/execute", {**SAMPLE, "userId": "cid"})[0] == 429
            self.assertTrue(executor_service.wait_until(refused, 2))
        ask("DELETE", f"/jobs/{inside[0]}")
        self.assertEqual(ask("POST", "/execute", {**SAMPLE, "userId": "cid"})[0], 200)
        ask("DELETE", f"/jobs/{inside[1]}")

    def test_one_users_long_job_leaves_the_workers_to_others_too(self):
        """All slots are taken by one user's tests; another's finish meanwhile, long before the rest of those."""
        long = submit(job("import time\ntime.sleep(0.3)", *[{}] * 40), **{"x-user-id": "greedy"})
        other = submit(job("import time\ntime.sleep(0.3)", *[{}] * 40), **{"x-user-id": "greedy"})
        self.assertEqual(ask("POST", "/execute", {**SAMPLE, "userId": "modest"})[0], 200)
        self.assertEqual([state(job_id)["state"] for job_id in (long, other)], ["running"] * 2)
        for job_id in (long, other):
            ask("DELETE", f"/jobs/{job_id}")


class Surplus(unittest.TestCase):
    """Nothing is kept ready here: every sandbox is made for the test that waits for it."""

    def test_what_was_being_made_for_a_cancelled_job_does_not_stay(self):
        service = executor_service.Service(EXECUTOR_WARM_POOL="0", EXECUTOR_MAX_CONCURRENCY="16")
        try:
            service.execute("print(1)")  # its policy is checked in a sandbox that stays
            before = service.steady_level()
            for processes in (False, True):
                source = f"import time\ntime.sleep(30) # {processes}"
                job_id = submit(job(source, *[{}] * 16, processes=processes), service)
                ask("DELETE", f"/jobs/{job_id}", service=service)
                self.assertEqual(ended(job_id, service)["state"], "cancelled")
            executor_service.wait_until(lambda: service.level() == before, executor_service.SETTLE_SECONDS)
            self.assertEqual(service.level(), before)
        finally:
            self.assertEqual(service.close(), 0)


class OverRedis(unittest.TestCase):
    """Two fronts and a worker apart: what one front accepted, the other answers for as well."""

    SPIN = job("while True: pass", {"timeoutMs": 60_000})

    @classmethod
    def setUpClass(cls):
        redis_server.need()
        cls.redis = redis_server.RedisServer()
        cls.addClassCleanup(cls.redis.close)
        cls.api, cls.other, cls.worker = (cls.service(role) for role in ("api", "api", "worker"))

    @classmethod
    def service(cls, role):
        return executor_service.Service(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=cls.redis.url, EXECUTOR_ROLE=role, EXECUTOR_MAX_CONCURRENCY="2")

    @classmethod
    def tearDownClass(cls):
        statuses = [service.close() for service in (cls.api, cls.other, cls.worker)]
        if statuses != [0, 0, 0]:
            raise AssertionError(f"the services ended with {statuses}")

    def assert_live(self, count):
        executor_service.wait_until(lambda: metric(self.worker, "executor_sandboxes_live") == count, WAIT_SECONDS)
        self.assertEqual(metric(self.worker, "executor_sandboxes_live"), count)

    def assert_cancelled_everywhere(self, job_id):
        for service in (self.api, self.other):
            executor_service.wait_until(lambda: state(job_id, service)["state"] == "cancelled", 2)
            found = state(job_id, service)
            self.assertEqual((found["state"], found["tests"], "result" in found), ("cancelled", 1, False))
            self.assertEqual(ask("DELETE", f"/jobs/{job_id}", service=service)[2]["state"], "cancelled")

    def test_either_front_tells_state_verdicts_and_result(self):
        job_id = submit(job("import time\ntime.sleep(0.5)\nprint(1)", {"expectedStdout": "1"}, {"expectedStdout": "2"}, {}), self.api)
        streams = [Stream(job_id, service) for service in (self.api, self.other)]
        heard = [[(event, number, data) for event, number, data in stream] for stream in streams]
        self.assertEqual([event for event, _, _ in heard[1]], ["started", "test", "test", "test", "end"])
        self.assertEqual(heard[0], heard[1])
        found = state(job_id, self.api)
        self.assertEqual((found["state"], found["testsDone"], found["result"]["passed"], found["result"]["total"]), ("done", 3, 1, 3))
        self.assertEqual(state(job_id, self.other), found)

    def test_one_that_nobody_has_listened_to_is_known_to_the_other_front_from_first_to_last(self):
        job_id = submit(job("import time\ntime.sleep(0.6)", {}), self.api)
        self.assertIn(state(job_id, self.other)["state"], ("queued", "running"))
        self.assertEqual(ended(job_id, self.other)["state"], "done")
        self.assertEqual(state(job_id, self.other), state(job_id, self.api))
        self.assertEqual([event for event, _, _ in Stream(job_id, self.other)], ["started", "test", "end"])
        self.assertEqual(ask("DELETE", f"/jobs/{job_id}", service=self.other)[2]["state"], "done")

    def test_either_front_cancels_what_runs(self):
        for canceller in (self.api, self.other):
            spin = submit(self.SPIN, self.api)
            self.assert_live(1)
            streams = [Stream(spin, service) for service in (self.api, self.other)]
            self.assertEqual(ask("DELETE", f"/jobs/{spin}", service=canceller)[2], {"ok": True, "jobId": spin, "state": "cancelled"})
            self.assert_live(0)
            self.assertEqual([[(event, data.get("state")) for event, _, data in stream][-1] for stream in streams], [("end", "cancelled")] * 2)
            self.assert_cancelled_everywhere(spin)

    def test_what_waits_and_is_cancelled_at_the_other_front_never_runs(self):
        spinning = [submit(self.SPIN, self.api) for _ in range(2)]
        self.assert_live(2)
        many = [submit(self.SPIN, self.api) for _ in range(6)]
        for job_id in (*many, *spinning):
            self.assertEqual(ask("DELETE", f"/jobs/{job_id}", service=self.other)[2]["state"], "cancelled")
        self.assert_live(0)
        self.assertEqual(ended(submit(SAMPLE, self.other), self.api)["state"], "done")  # it waited behind them
        self.assert_live(0)
        for job_id in (*many, *spinning):
            self.assert_cancelled_everywhere(job_id)

    def test_a_job_outlives_the_front_that_accepted_it(self):
        short_lived = self.service("api")
        job_id = submit(job("import time\ntime.sleep(0.5)\nprint('outlived')"), short_lived)
        short_lived.server.kill()
        short_lived.server.wait()
        self.assertEqual(ended(job_id, self.other)["result"]["results"][0]["stdout"], "outlived\n")

    def test_jobs_that_somebody_waits_for_or_that_were_pushed_are_nobody_elses(self):
        waited = ask("POST", "/execute", SAMPLE, self.api)[2]["jobId"]
        self.redis.cli("LPUSH", "executor:tasks", json.dumps({**SAMPLE, "jobId": "pushed", "replyTo": "executor:results:reply"}))
        self.assertTrue(self.redis.cli("BLPOP", "executor:results:reply", "10"))
        for job_id in (waited, "pushed", "none"):
            for method, path in (("GET", f"/jobs/{job_id}"), ("DELETE", f"/jobs/{job_id}"), ("GET", f"/jobs/{job_id}/events")):
                status, _, answer = ask(method, path, service=self.other)
                self.assertEqual((status, answer["error"]["code"]), (404, "unknown_job"))

    def test_without_redis_what_another_front_accepted_cannot_be_told(self):
        job_id = submit(SAMPLE, self.api)
        self.assertEqual(ended(job_id, self.other)["state"], "done")
        self.redis.kill()
        try:
            self.assertEqual(state(job_id, self.api)["state"], "done")
            status, headers, answer = ask("GET", f"/jobs/{job_id}", service=self.other)
            self.assertEqual((status, answer["error"]["code"]), (503, "queue_unavailable"))
            self.assertGreaterEqual(int(headers["retry-after"]), 1)
        finally:
            self.redis.start()
        executor_service.wait_until(lambda: ask("GET", f"/jobs/{job_id}", service=self.other)[0] == 200, WAIT_SECONDS)
        self.assertEqual(state(job_id, self.other), state(job_id, self.api))
        executor_service.wait_until(lambda: self.worker.ask("GET", "/ready")[0] == 200, WAIT_SECONDS)


if __name__ == "__main__":
    must_run.main()
