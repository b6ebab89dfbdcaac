"""Workers and a redis-server that are killed at each point in a job's life: every job has one result, and one reply.

One worker for each point, held there by its proxy; then all workers die at once, or Redis.
"""

import json
import threading
import unittest

import executor_service
import must_run
import redis_proxy
import redis_server
from serve_checks import metric

WAIT_SECONDS = 60  # a dead worker's lease ends after 15
EXECUTIONS = 'executor_executions_total{backend="native",language="python",verdict="accepted"}'

# What passes between a worker and Redis for one job, in this order: (from the worker, what it contains). An answer is whatever
# comes next on the connection of its question.
STEPS = {"taken": (False, b"jobId"), "claiming": (True, b":job:"), "claimed": (False, b""), "has run": (True, b"\r\nSET\r\n"), "stored": (False, b""),
         "replying": (True, b"reply-"), "replied": (False, b""), "finishing": (True, b":job:"), "finished": (False, b"")}
POINTS = [*STEPS, "running", "waiting"]


def setUpModule():
    redis_server.need()


def job_id(point):
    return "job-" + point.replace(" ", "-")


def reply_key(point):
    return f"executor:results:reply-{job_id(point)}"


class Held:
    """A worker that takes one job and is held up at this point of it until it is released."""

    def __init__(self, redis, point, released):
        self.point, self.released, self.reached = point, released, threading.Event()
        self.steps, self.question, self.lock = list(STEPS.items()), None, threading.Lock()
        self.proxy = redis_proxy.Proxy(redis.path)
        self.proxy.watch = self.watch
        self.service = worker(self.proxy.url, EXECUTOR_MAX_CONCURRENCY="1")

    def watch(self, connection, from_client, data):
        if self.released.is_set():
            return True
        with self.lock:
            step = self.passes(connection, from_client, data)
        if step == self.point:
            self.reached.set()
        if self.reached.is_set() or self.steps[0][0] != "taken" and b"BLMOVE" in data:  # no second job
            self.released.wait()
            return False
        return True

    def passes(self, connection, from_client, data):
        """The step that this piece is, if it is the next one."""
        if not self.steps:
            return None
        name, (asks, contains) = self.steps[0]
        if from_client != asks or contains not in data or not contains and connection is not self.question:
            return None
        self.question = connection
        del self.steps[0]
        return name

    def wait(self):
        if self.point == "running":
            return executor_service.wait_until(lambda: metric(self.service, "executor_sandboxes_live"), WAIT_SECONDS)
        return self.reached.wait(WAIT_SECONDS)

    def close(self):
        self.service.close()
        self.proxy.close()


def worker(url, **settings):
    return executor_service.Service(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=url, EXECUTOR_ROLE="worker", EXECUTOR_WARM_POOL="1", **settings)


class EveryPoint(unittest.TestCase):
    maxDiff = None

    def hold_all(self, durable):
        self.redis = redis_server.RedisServer(durable=durable)
        self.addCleanup(self.redis.close)
        self.released = threading.Event()
        self.addCleanup(self.released.set)
        self.held = {}
        for point in POINTS:
            if point != "waiting":  # all hands are full then
                self.held[point] = Held(self.redis, point, self.released)
                self.addCleanup(self.held[point].close)
            seconds = 5 if point == "running" else 0.1
            self.redis.cli("LPUSH", "executor:tasks", json.dumps({
                "jobId": job_id(point), "replyTo": reply_key(point), "language": "python", "source": f"import time\ntime.sleep({seconds})\nprint('{point}')",
                "tests": [{"expectedStdout": f"{point}\n", "timeoutMs": 20000}]}))
            if point != "waiting":
                self.assertTrue(self.held[point].wait(), f"{point}: {self.held[point].steps}")

    def results(self):
        """{point: what the job printed}, of those that have a result."""
        lines = self.redis.cli("MGET", *(f"executor:results:{job_id(point)}" for point in POINTS)).split("\n")
        return {point: json.loads(line)["results"][0]["stdout"] for point, line in zip(POINTS, lines, strict=True) if line}

    def assert_one_result_each(self, fault, points):
        replied = lambda: {point: int(self.redis.cli("LLEN", reply_key(point))) for point in POINTS}
        executor_service.wait_until(lambda: len(self.results()) == len(points), WAIT_SECONDS)
        executor_service.wait_until(lambda: sum(replied().values()) >= len(points), 5)
        print(f"{fault}: {len(POINTS)} jobs, {len(self.results())} results, {sum(replied().values())} replies", flush=True)
        self.assertEqual(self.results(), {point: f"{point}\n" for point in points})
        self.assertEqual(replied(), {point: int(point in points) for point in POINTS})
        self.assertEqual([self.redis.cli("LLEN", key) for key in ("executor:tasks", "executor:dead")], ["0", "0"])

    def test_workers_killed_at_every_point_leave_one_result_each(self):
        self.hold_all(durable=True)
        for held in self.held.values():
            held.service.server.kill()
            held.service.server.wait(WAIT_SECONDS)
        self.released.set()
        successor = worker(self.redis.url, EXECUTOR_MAX_CONCURRENCY="4")
        self.addCleanup(successor.close)
        self.assert_one_result_each("workers killed", POINTS)
        self.assertEqual(metric(successor, EXECUTIONS), 6)  # those whose results had been stored are not run again

    def kill_redis(self):
        self.redis.kill()
        self.released.set()
        self.redis.start()

    def test_redis_killed_at_every_point_leaves_one_result_each(self):
        self.hold_all(durable=True)
        self.kill_redis()
        self.assert_one_result_each("Redis killed", POINTS)

    def test_a_redis_that_forgets_what_it_had_has_the_results_of_all_that_was_in_hand(self):
        self.hold_all(durable=False)
        self.kill_redis()
        in_hand = [point for point in POINTS if point not in ("taken", "claiming", "claimed", "waiting")]
        self.assert_one_result_each("Redis killed without persistence", in_hand)


if __name__ == "__main__":
    must_run.main()
