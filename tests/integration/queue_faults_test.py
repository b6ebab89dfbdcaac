"""Bad days of the queues' servers: cut off from a worker, at another time, full, read-only, unable to save.

Every job prints a random number: two results of one job that differ are two runs that were both told.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import unittest.mock

import executor_service
import must_run
import partition
import rabbitmq_server
import redis_server
import serve_checks
from serve_checks import SAMPLE, metric, post_bytes

WAIT_SECONDS = 20
LEASE_SECONDS = 15
CLOCK = os.path.join(os.path.dirname(executor_service.__file__), "moved_clock.cpp")


def setUpModule():
    redis_server.need()
    rabbitmq_server.need()
    partition.need()
    must_run.need(shutil.which("c++"), "c++")


def source(seconds):
    return f"import random, time\ntime.sleep({seconds})\nprint(random.random())"


def reply_key(job_id):
    return f"executor:results:reply-{job_id}"


class FaultCase(unittest.TestCase):
    maxDiff = None

    def service(self, queue, url, role="worker", before=(), **settings):
        service = executor_service.Service(before=before, EXECUTOR_QUEUE=queue, **{f"EXECUTOR_{queue.upper()}_URL": url}, EXECUTOR_ROLE=role,
                                           EXECUTOR_MAX_CONCURRENCY="2", **settings)
        self.addCleanup(service.close)
        return service

    def push(self, redis, job_id, seconds):
        redis.cli("LPUSH", "executor:tasks", json.dumps({"jobId": job_id, "replyTo": reply_key(job_id), "language": "python",
                                                         "source": source(seconds), "tests": [{}]}))

    def stored(self, redis, job_ids):
        """{id: what its program printed}, of those that have a result."""
        lines = redis.cli("MGET", *(f"executor:results:{job_id}" for job_id in job_ids)).split("\n")
        return {job_id: json.loads(line)["results"][0]["stdout"] for job_id, line in zip(job_ids, lines, strict=True) if line}

    def replies(self, redis, job_ids):
        """{id: what each reply says that its program printed}"""
        found = {}
        for job_id in job_ids:
            lines = redis.cli("LRANGE", reply_key(job_id), "0", "-1").split("\n")
            found[job_id] = [json.loads(line)["results"][0]["stdout"] for line in lines if line]
        return found

    def assert_one_result_each(self, redis, job_ids, fault):
        results, replies = self.stored(redis, job_ids), self.replies(redis, job_ids)
        print(f"{fault}, Redis: {len(job_ids)} jobs, {len(results)} results, {sum(map(len, replies.values()))} replies", flush=True)
        self.assertEqual(sorted(results), sorted(job_ids))
        self.assertEqual(replies, {job_id: [printed] for job_id, printed in results.items()})
        self.assertEqual([redis.cli("LLEN", "executor:tasks"), redis.cli("LLEN", "executor:dead")], ["0", "0"])

    def assert_live(self, service, count, seconds=WAIT_SECONDS):
        executor_service.wait_until(lambda: metric(service, "executor_sandboxes_live") == count, seconds)
        self.assertEqual(metric(service, "executor_sandboxes_live"), count, service.log_tail())

    def assert_ready(self, service, status=200):
        executor_service.wait_until(lambda: service.ask("GET", "/ready")[0] == status, WAIT_SECONDS)
        self.assertEqual(service.ask("GET", "/ready")[0], status, service.log_tail())


class Partition(FaultCase):
    def test_a_worker_that_is_cut_off_runs_nothing_for_ever_and_no_job_has_two_results(self):
        redis, rabbit, network = redis_server.RedisServer(), rabbitmq_server.RabbitServer(), partition.Network()
        for each in (redis, rabbit, network):
            self.addCleanup(each.close)
        ways = [f"redis://{network.address}:{network.way_to(socket.AF_UNIX, redis.path)}",
                f"amqp://{network.address}:{network.way_to(socket.AF_INET, ('127.0.0.1', rabbit.port))}?heartbeat=1"]
        behind = [self.service("redis", ways[0]), self.service("rabbitmq", ways[1])]
        here = [self.service("redis", redis.url), self.service("rabbitmq", rabbit.url)]
        jobs = [f"job-{n}" for n in range(4)]
        with rabbit.connect() as connection:
            def send(job_id):
                self.push(redis, job_id, 2)
                connection.publish("execution_queue", json.dumps({"jobId": job_id, "language": "python", "source": source(2), "tests": [{}]}))
            for job_id in jobs:
                send(job_id)
            for service in (*behind, *here):
                self.assert_live(service, 2)
            network.cut()
            jobs += ["later-1", "later-2"]
            for job_id in jobs[4:]:
                send(job_id)
            for service in behind:
                self.assert_live(service, 0, 5)
            executor_service.wait_until(lambda: len(self.stored(redis, jobs)) == len(jobs), LEASE_SECONDS + WAIT_SECONDS)
            before = self.stored(redis, jobs)
            found = [connection.get("execution_results", WAIT_SECONDS) for _ in jobs]
            network.heal()
            for service in behind:
                self.assert_ready(service)
            time.sleep(1)  # for what comes late
            self.assert_one_result_each(redis, jobs, "partition")
            self.assertEqual(self.stored(redis, jobs), before)
            found = [message for message in (*found, *connection.all("execution_results")) if message]
            print(f"partition, RabbitMQ: {len(jobs)} jobs, {len(found)} results", flush=True)
            self.assertEqual(sorted(message.properties["message_id"] for message in found), sorted(jobs))
            self.assertEqual(connection.declare("execution_queue", passive=True), 0)
        for service in (*behind, *here):
            self.assert_live(service, 0)
            self.assertEqual(service.close(), 0)


class Clock(FaultCase):
    """redis-server and the workers see a clock that jumps, all the same one."""

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="executor-clock-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        self.library, self.file = os.path.join(folder, "moved_clock.so"), os.path.join(folder, "ahead")
        subprocess.run(["c++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", self.library, CLOCK], check=True)
        with open(self.file, "wb") as file:
            file.write(bytes(8))

    def jump(self, seconds):
        with open(self.file, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", seconds))

    def test_a_clock_that_jumps_forth_and_back_doubles_and_loses_nothing(self):
        moved = {"LD_PRELOAD": self.library, "MOVED_CLOCK": self.file}
        with unittest.mock.patch.dict(os.environ, moved):
            redis = redis_server.RedisServer()
        self.addCleanup(redis.close)
        before = ["env", *(f"{name}={value}" for name, value in moved.items())]
        workers = [self.service("redis", redis.url, before=before) for _ in range(2)]
        jobs = []
        for ahead in (0, 3000, -3000, 0):
            self.jump(ahead)
            self.assertAlmostEqual(int(redis.cli("TIME").split("\n")[0]) - time.time(), ahead, delta=5)
            more = [f"job-{len(jobs) + n}" for n in range(5)]
            for job_id in more:
                self.push(redis, job_id, 0.5)
            jobs += more
            for worker in workers:
                self.assert_live(worker, 2)  # the next jump comes while they run
        executor_service.wait_until(lambda: len(self.stored(redis, jobs)) == len(jobs), WAIT_SECONDS)
        time.sleep(0.5)
        self.assert_one_result_each(redis, jobs, "clock jumps")
        times = [json.loads(line)["durationMs"] for worker in workers for line in worker.log_text().splitlines() if "worker_job_completed" in line]
        self.assertEqual(len(times), len(jobs))
        self.assertTrue(all(500 <= each < 60_000 for each in times), times)
        for worker in workers:
            self.assertEqual(worker.close(), 0)


class NoWrites(FaultCase):
    """Redis takes nothing while a job runs: it is answered once it does again, and new ones are refused until then."""

    def setUp(self):
        self.redis = redis_server.RedisServer()
        self.addCleanup(self.redis.close)
        self.service_ = self.service("redis", self.redis.url, "all")

    def test_full_read_only_or_unable_to_save_it_keeps_what_it_has_and_takes_nothing_new(self):
        os.mkdir(os.path.join(self.redis.folder, "dump.rdb"))  # no file can have that name
        faults = {
            "out of memory": ([("maxmemory", "1")], [("maxmemory", "0")], "OOM"),
            "unable to save": ([("save", "3600 1")], [("save", ""), ("stop-writes-on-bgsave-error", "no")], "MISCONF"),
            "read-only": ([("replicaof", "127.0.0.1 1")], [("replicaof", "no one")], "READONLY"),
        }
        for number, (fault, (begin, end, code)) in enumerate(faults.items()):
            with self.subTest(fault):
                job_id = f"job-{number}"
                self.push(self.redis, job_id, 2)
                self.assert_live(self.service_, 1)
                self.set(begin)
                try:
                    if code == "MISCONF":
                        self.redis.cli("BGSAVE")
                        failed = lambda: "rdb_last_bgsave_status:err" in self.redis.cli("INFO", "persistence")
                        self.assertTrue(executor_service.wait_until(failed, WAIT_SECONDS))
                    self.assert_live(self.service_, 0)
                    status, headers, body = serve_checks.ask_raw(self.service_.port, post_bytes(SAMPLE))
                    self.assertEqual((status, json.loads(body)["ok"], "retry-after" in headers), (503, False, True), body)
                    self.assertEqual(self.stored(self.redis, [job_id]), {})
                    executor_service.wait_until(lambda: code in self.health(), WAIT_SECONDS)
                    self.assertIn(code, self.health())
                finally:
                    self.set(end)
                executor_service.wait_until(lambda: self.stored(self.redis, [job_id]), WAIT_SECONDS)
                self.assert_one_result_each(self.redis, [job_id], fault)
                self.assert_ready(self.service_)
                self.assertEqual(self.service_.post(SAMPLE)[1]["passed"], 2)

    def health(self):
        return self.service_.ask("GET", "/health")[1].decode()

    def set(self, settings):
        for name, value in settings:
            self.redis.cli(*(("REPLICAOF", *value.split()) if name == "replicaof" else ("CONFIG", "SET", name, value)))


if __name__ == "__main__":
    must_run.main()
