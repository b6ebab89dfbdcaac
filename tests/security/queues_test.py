"""Cases Q: whoever can write to the queue, and a broker that lies, are as little trusted as a client."""

import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
import unittest
import uuid

import executor_service
import must_run
import redis_server
import serve_checks
from serve_checks import post_bytes

WAIT_SECONDS = 15 * executor_service.PATIENCE
MIB = 1 << 20
redis = None


def setUpModule():
    global redis
    redis_server.need()
    redis = redis_server.RedisServer(durable=False)
    unittest.addModuleCleanup(redis.close)
    executor_service.start(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=redis.url)


def message(source="print(6 * 7)", **fields):
    return {"jobId": str(uuid.uuid4()), "language": "python", "source": source, "tests": [{}], **fields}


def push(job):
    redis.cli("LPUSH", "executor:tasks", job if isinstance(job, str) else json.dumps(job))


def stored(job_id, seconds=WAIT_SECONDS):
    text = executor_service.wait_until(lambda: redis.cli("GET", f"executor:results:{job_id}"), seconds)
    return json.loads(text) if text else None


def dead_letters():
    return [json.loads(line) for line in redis.cli("LRANGE", "executor:dead", 0, -1).splitlines()]


class Messages(executor_service.HostCase):
    def alive(self):
        job = message()
        push(job)
        self.assertEqual(stored(job["jobId"])["results"][0]["stdout"], "42\n")

    def test_Q01_what_is_no_job_is_a_dead_letter_once_and_never_comes_back(self):
        texts = ["no json", "", "null", "7", '"text"', "[]", "[" * 100_000, '{"a":' * 10_000, "{}", '{"jobId": 7}', '{"jobId": ""}', '{"jobId": "a b"}', '{"jobId": "*"}',
                 '{"jobId": "' + "x" * 129 + '"}', '{"jobId": "../x"}', '{"jobId": "a", "jobId": "a"}', "\ufeff{}", '{"jobId": "\\ud800"}']
        before = len(dead_letters())
        for text in texts:
            push(text)
        self.assertTrue(executor_service.wait_until(lambda: len(dead_letters()) >= before + len(texts), WAIT_SECONDS), dead_letters())
        self.alive()
        self.assertEqual(len(dead_letters()), before + len(texts))
        self.assertEqual(redis.cli("LLEN", "executor:tasks"), "0")
        self.assertLessEqual({letter["attempts"] for letter in dead_letters()}, {0, 1})

    def test_Q01_a_job_that_names_itself_is_told_what_is_wrong_with_it(self):
        for fields, code, field in (({"language": 1}, "wrong_type", "language"), ({"tests": []}, "out_of_range", "tests"), ({"tests": [{"timeoutMs": -1}]}, "out_of_range", "tests[0].timeoutMs"),
                                    ({"source": None}, "wrong_type", "source"), ({"files": [{"path": "../x", "content": ""}]}, "bad_value", "files[0].path")):
            job = message(**fields)
            push(job)
            answer = stored(job["jobId"])
            self.assertEqual((answer["ok"], answer["error"]["code"], answer["error"]["field"]), (False, code, field))
        self.alive()

    def test_Q01_a_message_beyond_every_limit_is_not_taken_for_a_job(self):
        before = len(dead_letters())
        with tempfile.NamedTemporaryFile("w", suffix=".redis") as file:
            text = json.dumps(message("#" * (40 * MIB)))
            file.write(f"*3\r\n$5\r\nLPUSH\r\n$14\r\nexecutor:tasks\r\n${len(text)}\r\n{text}\r\n")
            file.flush()
            with socket.socket(socket.AF_UNIX) as connection, open(file.name, "rb") as source:
                connection.connect(redis.path)
                connection.sendfile(source)
                connection.recv(100)
        self.assertTrue(executor_service.wait_until(lambda: len(dead_letters()) > before, WAIT_SECONDS))
        letter = dead_letters()[0]
        self.assertGreater(letter["bytes"], 40 * MIB)
        self.assertLess(len(json.dumps(letter)), MIB)
        self.alive()

    def test_Q02_a_job_that_takes_its_supervisor_down_each_time_has_three_tries(self):
        service = executor_service.service
        job = message(serve_checks.NAMED.format(name="poison-job") + "time.sleep(20)")
        push(job)
        kills = 0
        deadline = time.monotonic() + 40 * executor_service.PATIENCE
        while time.monotonic() < deadline and not redis.cli("GET", f"executor:results:{job['jobId']}"):
            if serve_checks.named(service, "poison-job"):
                for pid in serve_checks.find(service, "supervisor"):
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                executor_service.wait_until(lambda: not serve_checks.named(service, "poison-job"), 5 * executor_service.PATIENCE)
            time.sleep(0.02)
        answer = stored(job["jobId"], executor_service.PATIENCE)
        self.assertEqual((answer["ok"], answer["error"]["code"]), (False, "infrastructure_error"))
        letter, = [letter for letter in dead_letters() if isinstance(letter["job"], dict) and letter["job"].get("jobId") == job["jobId"]]
        self.assertEqual(letter["attempts"], 3)
        self.assertLessEqual(kills, 6)  # a worker tries each job twice before it gives it back
        self.assertTrue(executor_service.wait_until(lambda: service.ask("GET", "/ready")[0] == 200, WAIT_SECONDS))
        self.alive()
        self.assertTrue(executor_service.wait_until(lambda: executor_service.not_above(service.level(), self.before), WAIT_SECONDS),
                        service.level())

    def test_Q06_an_answer_goes_nowhere_but_to_results(self):
        bystander = "executor:other"
        redis.cli("SET", bystander, "untouched")
        for reply in ("executor:tasks", "executor:dead", bystander, "*", "executor:*", "executor:results:*", "executor:results:a\r\nDEL executor:other", "executor:results:../x",
                      "executor:results:", "x" * 5000, "executor:results:\u0000"):
            with self.subTest(reply[:40]):
                job = message(replyTo=reply)
                push(job)
                answer = stored(job["jobId"])
                self.assertFalse(answer["ok"])
                self.assertIn("replyTo", answer["error"]["message"] + answer["error"].get("field", ""), answer)
        self.assertEqual((redis.cli("GET", bystander), redis.cli("TYPE", bystander)), ("untouched", "string"))
        self.alive()

    def test_Q07_a_large_result_is_cut_by_its_caps_and_says_so(self):
        job = message("print('x' * (3 << 20))", tests=[{}] * 4)
        push(job)
        answer = stored(job["jobId"])
        self.assertEqual({(len(r["stdout"]), r["stdoutTruncated"], r["verdict"]) for r in answer["results"]}, {(MIB, True, "output_limit")})

    def test_Q10_what_a_stopping_worker_could_not_finish_another_does(self):
        first = executor_service.Service(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=redis.url, EXECUTOR_QUEUE_KEY="executor:drained", EXECUTOR_MAX_CONCURRENCY="8", EXECUTOR_DRAIN_TIME="0.2")
        self.addCleanup(first.close)
        jobs = [message(f"import time\ntime.sleep(0.8)\nprint({n} ** 2)", tests=[{"expectedStdout": f"{n ** 2}\n"}]) for n in range(16)]
        redis.cli("LPUSH", "executor:drained", *map(json.dumps, jobs))
        executor_service.wait_until(lambda: int(redis.cli("LLEN", "executor:drained")) <= 8, WAIT_SECONDS)
        self.assertEqual(first.close(), 0, first.log_tail())
        self.assertEqual(serve_checks.group_folders(first.server.pid), [])
        second = executor_service.Service(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=redis.url, EXECUTOR_QUEUE_KEY="executor:drained", EXECUTOR_MAX_CONCURRENCY="8")
        self.addCleanup(second.close)
        for job in jobs:
            self.assertEqual((stored(job["jobId"], 40 * executor_service.PATIENCE) or {}).get("passed"), 1, job["jobId"])

    def test_Q12_a_redis_without_room_is_503_and_never_a_false_answer(self):
        service = executor_service.service
        redis.cli("CONFIG", "SET", "maxmemory", "1")
        try:
            status, headers, body = serve_checks.ask_raw(service.port, post_bytes({"language": "python", "source": "print(1)", "tests": [{}]}))
            self.assertEqual((status, json.loads(body)["ok"]), (503, False), body)
            self.assertIn("retry-after", headers)
        finally:
            redis.cli("CONFIG", "SET", "maxmemory", "0")
        self.assertTrue(executor_service.wait_until(lambda: service.post({"language": "python", "source": "print(1)", "tests": [{}]})[0] == 200, WAIT_SECONDS))


class Listening(executor_service.Service):
    """With such a broker it is never ready; that it answers is enough."""

    def wait_until_ready(self):
        def answers():
            try:
                return self.ask("GET", "/ready")[0] == 503
            except OSError:
                return False
        if not executor_service.wait_until(answers, executor_service.START_SECONDS):
            raise executor_service.ServiceError(self.log_tail())


class LyingBroker(unittest.TestCase):
    """Something that speaks no Redis, or too much of it, stands where Redis should."""

    ANSWERS = {"garbage": b"\x00\xff\x13 nonsense\r\n" * 100, "a claimed length of a terabyte": b"$1099511627776\r\n", "an array of two billion": b"*2147483647\r\n",
               "a negative length": b"$-7\r\n", "nested arrays": b"*1\r\n" * 100_000, "a line without end": b"+" + b"x" * (8 * MIB), "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n"}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="executor-broker-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "socket")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o777)
        self.listener.listen(16)
        self.answer, self.asked, self.over = b"", 0, False
        self.thread = threading.Thread(target=self.lie)
        self.thread.start()
        self.addCleanup(self.stop)

    def stop(self):
        self.over = True
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)
        self.thread.join()
        self.listener.close()

    def lie(self):
        held = []
        while not self.over:
            connection, _ = self.listener.accept()
            try:
                connection.settimeout(0.3)
                connection.recv(65536)
                self.asked += 1
                connection.sendall(self.answer)
            except OSError:
                pass
            held = [*held[-8:], connection]
        for connection in held:
            connection.close()

    def test_Q09_what_a_broker_says_costs_no_memory_and_ends_nothing(self):
        service = Listening(EXECUTOR_QUEUE="redis", EXECUTOR_REDIS_URL=f"unix://{self.path}")
        self.addCleanup(service.close)
        before = int(executor_service.status_of(service.server.pid)["VmRSS"].split()[0]) * 1024
        for name, answer in self.ANSWERS.items():
            with self.subTest(name):
                self.answer, asked = answer, self.asked
                self.assertTrue(executor_service.wait_until(lambda: self.asked > asked, WAIT_SECONDS))
                self.assertIsNone(service.server.poll(), service.log_tail())
                self.assertEqual(service.ask("GET", "/health")[0], 503)
        self.assertLess(int(executor_service.status_of(service.server.pid)["VmRSS"].split()[0]) * 1024 - before, 32 * MIB)


if __name__ == "__main__":
    must_run.main()
