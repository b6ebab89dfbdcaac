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


class OverRedis(unittest.TestCase):
    def test_a_front_and_a_worker_apart_tell_each_verdict_and_cancel(self):
        redis_server.need()
        server = redis_server.RedisServer()
        self.addCleanup(server.close)
        api, worker = (executor_service.Service(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=server.url, EXECUTOR_ROLE=role,
                                                EXECUTOR_MAX_CONCURRENCY="2") for role in ("api", "worker"))
        try:
            job_id = submit(job("import time\ntime.sleep(0.3)", {}, {}, {}), api)
            self.assertEqual([event for event, _, _ in Stream(job_id, api)], ["started", "test", "test", "test", "end"])
            self.assertEqual(state(job_id, api)["result"]["total"], 3)
            spin = submit(job("while True: pass", {"timeoutMs": 60_000}), api)
            self.assertTrue(executor_service.wait_until(lambda: metric(worker, "executor_sandboxes_live") == 1, WAIT_SECONDS))
            self.assertEqual(ask("DELETE", f"/jobs/{spin}", service=api)[2]["state"], "cancelled")
            executor_service.wait_until(lambda: metric(worker, "executor_sandboxes_live") == 0, 2)
            self.assertEqual(metric(worker, "executor_sandboxes_live"), 0)
        finally:
            self.assertEqual([service.close() for service in (api, worker)], [0, 0])


if __name__ == "__main__":
    must_run.main()
