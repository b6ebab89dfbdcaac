#!/usr/bin/python3
"""Jobs under random kills: every accepted job has exactly one result, and it is what a calm run answers.

    EXECUTOR_BINARY=build/release/executor PYTHONPATH=tests/support tests/load/kills.py [--queue rabbitmq] [--jobs 1000] [--kills 40] [--seed N]

One api process, two workers and a redis-server that writes everything to disk; half of the jobs are pushed to Redis, half sent by
HTTP with wait=false. Meanwhile api, workers, supervisors and redis-server are killed with SIGKILL and started again, in an order that the
seed decides. At the end the counts are printed, and the throughput of one worker beside that of two on tests that only wait.
Over RabbitMQ all jobs are published to its queue, each under an id of its own; one whose confirmation was lost is published again
under another, and the first may then have one result or none. Status 0: all counts are right.

A RabbitMQ that is killed between writing a result down and its mark has a job run again: one result twice for each kill of the server is let pass,
and said.
"""

import argparse
import hashlib
import http.client
import json
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import executor_service
import rabbitmq_server
import redis_server
import serve_checks

SOURCE = "import hashlib, time\nn = input()\ntime.sleep(0.05)\nprint(hashlib.sha256(n.encode()).hexdigest())"
LEASE_SECONDS = 15
SLEEPERS, SLEEP = 24, 0.25


def job(number):
    return {"language": "python", "source": SOURCE, "tests": [{"stdin": f"{number}\n", "expectedStdout": answer(number)}]}


def answer(number):
    return hashlib.sha256(str(number).encode()).hexdigest() + "\n"


class Site:
    """A server, an api and two workers, each of which can be killed and started again."""

    def __init__(self, queue, server):
        self.queue, self.server = queue, server
        self.services = {}
        for name in ("api", "worker-1", "worker-2"):
            self.start(name)

    def start(self, name):
        url = {f"EXECUTOR_{self.queue.upper()}_URL": self.server.url}
        self.services[name] = executor_service.Service(EXECUTOR_QUEUE=self.queue, **url, EXECUTOR_ROLE=name.split("-")[0],
                                                       EXECUTOR_MAX_CONCURRENCY="2", EXECUTOR_QUEUE_LIMIT="10000")

    def kill(self, name):
        if name == "server":
            self.server.kill()
            time.sleep(0.1)
            self.server.start()
        elif name.startswith("supervisor"):
            worker = self.services[name.replace("supervisor", "worker")]
            for pid in serve_checks.find(worker, "supervisor")[:1]:
                os.kill(pid, 9)
        else:
            old = self.services[name]
            old.server.kill()
            old.server.wait()
            self.start(name)

    def close(self):
        for service in self.services.values():
            service.close()
        self.server.close()


def submit(site, number):
    """The id of a job that the api has accepted; asked again until it has, as a client does that got no answer."""
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", site.services["api"].port, timeout=10)
            connection.request("POST", "/execute?wait=false", json.dumps(job(number)), {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = json.loads(response.read())
            connection.close()
            if response.status == 202:
                return body["jobId"]
        except (OSError, http.client.HTTPException, ValueError):
            pass
        time.sleep(0.05)


def push(site, number):
    job_id = f"pushed-{number}"
    while True:
        try:
            said = site.server.cli("LPUSH", "executor:tasks", json.dumps({**job(number), "jobId": job_id, "replyTo": f"executor:results:reply-{number}"}))
            if said.isdigit():  # redis-cli ends with 0 for a refusal too, such as LOADING
                return job_id
        except (RuntimeError, OSError):
            pass
        time.sleep(0.05)  # sent again, it may stand there twice: one run and one result all the same


def results(site, ids):
    """{id: result as JSON, or None}"""
    found = {}
    for at in range(0, len(ids), 100):
        some = ids[at:at + 100]
        lines = site.server.cli("MGET", *(f"executor:results:{job_id}" for job_id in some)).split("\n")
        found.update({job_id: json.loads(line) if line else None for job_id, line in zip(some, lines, strict=True)})
    return found


def wrong(result, number):
    return not result["ok"] or result["results"][0]["stdout"] != answer(number) or result["passed"] != 1


def under_kills(site, kills, chance, produce, numbers):
    """How often which was killed while `produce` was called with each of the numbers."""
    killed = {}
    with ThreadPoolExecutor(4) as pool:
        producers = [pool.submit(produce, number) for number in numbers]
        for _ in range(kills):  # by the main thread: what another one starts ends with it
            time.sleep(chance.uniform(0.1, 0.6))
            victim = chance.choice(["worker-1", "worker-2", "worker-1", "worker-2", "supervisor-1", "supervisor-2", "api", "server"])
            killed[victim] = killed.get(victim, 0) + 1
            site.kill(victim)
        for producer in producers:
            producer.result()
    return killed


def over_redis(site, count, kills, chance):
    accepted = {}

    def produce(number):
        accepted[(push if number % 2 else submit)(site, number)] = number

    begun = time.monotonic()
    killed = under_kills(site, kills, chance, produce, range(count))
    deadline = time.monotonic() + 3 * LEASE_SECONDS + count * 0.1
    while time.monotonic() < deadline and None in results(site, list(accepted)).values():
        time.sleep(0.5)
    found = results(site, list(accepted))
    bad = [job_id for job_id, result in found.items() if result is not None and wrong(result, accepted[job_id])]
    replies = [int(site.server.cli("LLEN", f"executor:results:reply-{number}")) for number in range(1, count, 2)]
    counts = {"accepted": len(accepted), "with a result": sum(result is not None for result in found.values()), "wrong": len(bad),
              "lost": sum(result is None for result in found.values()), "replied once": replies.count(1), "not replied": replies.count(0),
              "replied twice or more": sum(reply > 1 for reply in replies), "dead letters": int(site.server.cli("LLEN", "executor:dead")),
              "killed": killed, "seconds": round(time.monotonic() - begun, 1)}
    for job_id in bad[:3]:
        print("wrong:", json.dumps(found[job_id])[:500])
    print(json.dumps(counts))
    return (counts["lost"], counts["wrong"], counts["replied twice or more"], counts["not replied"], len(accepted)) == (0, 0, 0, 0, count)


def over_rabbitmq(site, count, kills, chance):
    published, confirmed = {}, set()
    local = threading.local()

    def produce(number):
        for attempt in range(1000):
            job_id = f"job-{number}-{attempt}"
            try:
                if getattr(local, "connection", None) is None:
                    local.connection = site.server.connect()
                published[job_id] = number
                local.connection.publish("execution_queue", json.dumps({**job(number), "jobId": job_id}))
                confirmed.add(job_id)
                return
            except OSError:
                local.connection = None
                time.sleep(0.05)

    begun = time.monotonic()
    with site.server.connect() as connection:
        for queue in ("execution_queue", "execution_results"):
            connection.declare(queue)
    killed = under_kills(site, kills, chance, produce, range(count))
    found, deadline = {}, time.monotonic() + 60 + count * 0.1
    with site.server.connect() as connection:
        while time.monotonic() < deadline and not confirmed <= found.keys():
            if message := connection.get("execution_results", 1):
                found.setdefault(message.properties["message_id"], []).append(json.loads(message.body))
        time.sleep(2)  # for what comes twice
        for message in connection.all("execution_results"):
            found.setdefault(message.properties["message_id"], []).append(json.loads(message.body))
        dead = len(connection.all("execution_queue.dead"))
    bad = [job_id for job_id, results in found.items() for result in results if wrong(result, published[job_id])]
    counts = {"accepted": len(confirmed), "published without confirmation": len(published) - len(confirmed), "with a result": len(confirmed & found.keys()),
              "wrong": len(bad), "lost": len(confirmed - found.keys()), "twice or more": sum(len(results) > 1 for results in found.values()),
              "dead letters": dead, "killed": killed, "seconds": round(time.monotonic() - begun, 1)}
    for job_id in bad[:3]:
        print("wrong:", json.dumps(found[job_id])[:500])
    print(json.dumps(counts))
    return (counts["lost"], counts["wrong"], counts["dead letters"], len(confirmed)) == (0, 0, 0, count) and counts["twice or more"] <= killed.get("server", 0)


def throughput(site):
    """Seconds that as many sleeping jobs take with one worker, and with two."""
    def run():
        begun = time.monotonic()
        outcome = site.services["api"].at_once([{"source": f"import time\ntime.sleep({SLEEP})\nprint({n})"} for n in range(SLEEPERS)])
        assert [results[0]["stdout"] for results in outcome] == [f"{n}\n" for n in range(SLEEPERS)]
        return time.monotonic() - begun
    both = min(run() for _ in range(3))  # the quietest of three: other work on the host slows two workers more than one
    site.services.pop("worker-2").close()
    one = run()
    print(json.dumps({"sleeping tests": SLEEPERS, "seconds with one worker": round(one, 2), "with two": round(both, 2), "ratio": round(one / both, 2)}))
    return one / both > 1.6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--queue", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    make_server, run = {"redis": (redis_server.RedisServer, over_redis), "rabbitmq": (rabbitmq_server.RabbitServer, over_rabbitmq)}[arguments.queue]
    site = Site(arguments.queue, make_server())
    try:
        good = run(site, arguments.jobs, arguments.kills, random.Random(arguments.seed))
        return 0 if throughput(site) and good else 1
    finally:
        site.close()


if __name__ == "__main__":
    sys.exit(main())
