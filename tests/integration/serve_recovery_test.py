"""Processes of the service that die: what ran is answered all the same, the next job is right, nothing is left behind."""

import json
import os
import signal
import threading
import time
import unittest
import uuid
from pathlib import Path

import executor_service
import must_run
import serve_checks
from serve_checks import Raw, post_bytes

RECOVERY_SECONDS = 5 * executor_service.PATIENCE  # a quiet host takes a quarter of a second; this one runs other tests beside
WAIT_SECONDS = 10 * executor_service.PATIENCE
RIGHT = {"stdout": "right\n", "verdict": "accepted", "exitCode": 0}


def setUpModule():
    executor_service.start()


def victim_job(name="victim", seconds=0.3 * executor_service.PATIENCE):
    return {"language": "python", "source": serve_checks.NAMED.format(name=name) + f"time.sleep({seconds})\nprint('right')", "tests": [{}]}


def kill(pid):
    os.kill(pid, signal.SIGKILL)


class Recovery(executor_service.HostCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mounts = serve_checks.mounts()
        cls.groups = len(serve_checks.group_folders(executor_service.service.server.pid))

    def tearDown(self):
        """The host is as it was: as many processes, descriptors and control groups, and the same mounts."""
        service = executor_service.service
        service.execute(f"print('{uuid.uuid4()}')")  # a source that the validator has not seen: it comes back when it is needed
        before = {**self.before, "directories": self.groups, "mounts": self.mounts}
        # seen at one moment: a pool that is filled again makes and removes groups, directory by directory
        state = lambda: {**service.level(), "directories": len(serve_checks.group_folders(service.server.pid)), "mounts": serve_checks.mounts()}
        if not executor_service.wait_until(lambda: state() == before, WAIT_SECONDS):
            self.assertEqual(state(), before, {
                name: value for name, value in serve_checks.metrics(service).items() if "warm_pool" in name or "live" in name})

    def payload(self, name="victim"):
        pid = executor_service.wait_until(lambda: serve_checks.named(executor_service.service, name), WAIT_SECONDS)
        self.assertTrue(pid, "the program does not run")
        return pid

    def only(self, kind):
        pid, = serve_checks.find(executor_service.service, kind)
        return pid

    def interrupted(self, victim):
        """The answer to a job in whose middle the process victim(its payload) is killed, and that it is gone."""
        with Raw(executor_service.service.port) as connection:
            connection.send(post_bytes(victim_job()))
            pid = victim(self.payload())
            dead = serve_checks.identities([pid])
            kill(pid)
            self.assert_next_job_is_right()
            status, _, body = connection.response()
        executor_service.wait_until(lambda: not serve_checks.alive(dead), WAIT_SECONDS)
        self.assertEqual(serve_checks.alive(dead), [])
        return status, json.loads(body)

    def supervisor_in_its_prime(self):
        """One that has lived for a while: those that die young are started again ever more slowly."""
        pid = self.only("supervisor")
        born = int(serve_checks.started_at(pid)) / os.sysconf("SC_CLK_TCK")
        executor_service.wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) - born > 1.2, WAIT_SECONDS)
        return pid

    def assert_next_job_is_right(self, seconds=RECOVERY_SECONDS):
        """By then the service has taken and answered another job."""
        with Raw(executor_service.service.port) as connection:
            connection.socket.settimeout(seconds)
            connection.send(post_bytes({"language": "python", "source": "print('right')", "tests": [{}]}))
            try:
                status, _, body = connection.response()
            except TimeoutError:
                self.fail(f"no answer within {seconds} s\n{executor_service.service.log_tail()}")
        self.assert_answered_right((status, json.loads(body)))
        self.assertEqual(executor_service.service.ask("GET", "/ready")[0], 200)

    def assert_answered_right(self, answer):
        status, body = answer
        self.assertEqual(status, 200, body)
        self.assertEqual([{key: result[key] for key in RIGHT} for result in body["results"]], [RIGHT])

    def test_the_supervisor_dies_midway_and_the_job_is_run_again(self):
        supervisor = self.supervisor_in_its_prime()
        self.assert_answered_right(self.interrupted(lambda _: supervisor))

    def test_the_zygote_dies_midway_and_the_job_is_answered_right(self):
        self.assert_answered_right(self.interrupted(lambda _: self.only("zygote")))

    def test_the_init_dies_midway_and_the_job_is_run_again(self):
        self.assert_answered_right(self.interrupted(lambda payload: serve_checks.same_sandbox(executor_service.service, payload)))

    def test_a_payload_that_something_else_kills_is_a_program_that_died_of_a_signal(self):
        status, answer = self.interrupted(lambda payload: payload)
        result = answer["results"][0]
        self.assertEqual((status, result["verdict"], result["signal"], result["exitCode"], result["stdout"]),
                         (200, "runtime_error", "SIGKILL", None, ""))

    def test_the_supervisor_dies_while_nothing_runs(self):
        kill(self.supervisor_in_its_prime())
        self.assert_next_job_is_right()

    def test_the_zygote_dies_while_nothing_runs(self):
        kill(self.only("zygote"))
        self.assert_next_job_is_right()

    def test_a_warm_sandbox_whose_processes_died_is_not_given_to_a_job(self):
        service = executor_service.service
        sources = [f"print({n})" for n in range(4)]
        for source in sources:  # known to the validator, whose sandbox dies too
            service.execute(source)
        for kind in ("init", "payload"):
            with self.subTest(kind):
                supervisor = self.only("supervisor")
                os.kill(supervisor, signal.SIGSTOP)  # so that it learns of the deaths and of the jobs at once
                connections = [Raw(service.port) for _ in sources]
                try:
                    for pid in serve_checks.find(service, kind):
                        kill(pid)
                    for connection, source in zip(connections, sources):
                        connection.send(post_bytes({"language": "python", "source": source, "tests": [{}]}))
                    time.sleep(0.1)  # the front hands them over
                    os.kill(supervisor, signal.SIGCONT)
                    answers = [json.loads(connection.response()[2]) for connection in connections]
                finally:
                    os.kill(supervisor, signal.SIGCONT)
                    for connection in connections:
                        connection.close()
                self.assertEqual([(a["results"][0]["stdout"], a["results"][0]["verdict"]) for a in answers],
                                 [(f"{n}\n", "accepted") for n in range(4)])

    def test_each_of_many_jobs_is_answered_right_when_the_supervisor_dies_among_them(self):
        for kind in ("supervisor", "zygote"):
            with self.subTest(kind):
                jobs = [{"source": f"import time\ntime.sleep(0.1)\nprint({n})"} for n in range(24)]
                answers = []
                thread = threading.Thread(target=lambda: answers.extend(executor_service.service.at_once(jobs)))
                thread.start()
                time.sleep(0.25)  # somewhere in the middle
                kill(self.only(kind))
                thread.join()
                self.assertEqual([(r[0]["stdout"], r[0]["verdict"]) for r in answers], [(f"{n}\n", "accepted") for n in range(24)])

    def test_the_supervisor_dies_again_and_again_and_the_service_goes_on(self):
        for _ in range(5):
            kill(self.only("supervisor"))
            self.assert_next_job_is_right(WAIT_SECONDS)

    def test_a_job_that_loses_its_supervisor_every_time_is_an_internal_error(self):
        service = executor_service.service
        with Raw(service.port) as connection:
            connection.send(post_bytes(victim_job("doomed", 20)))
            over = threading.Event()

            def kill_each():
                while not over.is_set():
                    if serve_checks.named(service, "doomed"):
                        for pid in serve_checks.find(service, "supervisor"):
                            kill(pid)
                    time.sleep(0.01)
            killer = threading.Thread(target=kill_each)
            killer.start()
            try:
                status, _, body = connection.response()
            finally:
                over.set()
                killer.join()
        error = json.loads(body)["error"]
        self.assertEqual((status, error["code"]), (500, "internal_error"))
        self.assertRegex(error["message"], r"[0-9a-f]{8}-[0-9a-f-]{27}")
        self.assertNotIn("supervisor", error["message"])
        self.assert_next_job_is_right(WAIT_SECONDS)


class Making(unittest.TestCase):
    """Processes of sandboxes that die as soon as they can be seen, many of them while their sandbox is being made."""

    def assert_nothing_left(self, kind):
        service = executor_service.Service()
        self.addCleanup(service.close)
        service.execute("print('right')")
        before = service.steady_level()
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            for pid in serve_checks.find(service, kind):
                try:
                    kill(pid)
                except ProcessLookupError:
                    pass
        # the first jobs may meet what is dead and be told that something went wrong here
        answered = executor_service.wait_until(lambda: self.status_of_a_job(service) == 200, WAIT_SECONDS)
        self.assertTrue(answered, service.log_tail())
        executor_service.wait_until(lambda: service.level() == before, WAIT_SECONDS)
        self.assertEqual(service.level(), before)

    def status_of_a_job(self, service):
        with Raw(service.port) as connection:
            connection.socket.settimeout(WAIT_SECONDS)
            connection.send(post_bytes({"language": "python", "source": f"print('{uuid.uuid4()}')", "tests": [{}]}))
            return connection.response()[0]

    def test_payloads_that_die_early_leave_nothing(self):
        self.assert_nothing_left("payload")

    def test_inits_that_die_early_leave_nothing(self):
        self.assert_nothing_left("init")


class Start(unittest.TestCase):
    """A host in trouble while the service starts."""

    ATTEMPTS = 50

    def stop_zygotes(self, stopped, wanted, over):
        """Stops so many zygotes, one after the other, as soon as each is there."""
        known = set(executor_service.descendants(os.getpid()))
        while len(stopped) < wanted and not over.is_set():
            below = [os.getpid()]
            while below:
                pid = below.pop()
                try:
                    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                        below += [int(child) for child in file.read().split() if int(child) not in known]
                    if pid != os.getpid() and serve_checks.place(pid) == "zygote":
                        os.kill(pid, signal.SIGSTOP)
                        known.add(pid)
                        stopped.append(pid)
                except OSError:
                    pass  # it has ended

    def test_a_first_sandbox_that_could_not_be_made_is_made_again(self):
        for _ in range(self.ATTEMPTS):
            stopped, over = [], threading.Event()
            stopper = threading.Thread(target=self.stop_zygotes, args=(stopped, 2, over))
            stopper.start()
            try:
                service = executor_service.Service(EXECUTOR_WARM_POOL="1")
            finally:
                over.set()
                stopper.join()
            self.addCleanup(service.close)
            if len(stopped) == 2:  # before they had made anything, else there would have been no second one
                self.assertEqual(service.execute("print('right')")[0]["stdout"], "right\n")
                return
            service.close()
        self.fail("the zygotes were quicker each time")


class Validator(unittest.TestCase):
    """Its parser stands still in the middle of a source, and then something else dies."""

    def setUp(self):
        self.service = executor_service.Service(EXECUTOR_WARM_POOL="0")
        self.addCleanup(self.service.close)
        self.service.execute("print('first')")
        parser = executor_service.wait_until(lambda: self.payloads() if len(self.payloads()) == 1 else None, WAIT_SECONDS)[0]
        os.kill(parser, signal.SIGSTOP)
        self.parser = parser
        self.connection = Raw(self.service.port)
        self.addCleanup(self.connection.close)
        self.connection.send(post_bytes({"language": "python", "source": "print('right')", "tests": [{}]}))
        time.sleep(0.2)  # the source is with the parser

    def payloads(self):
        return serve_checks.find(self.service, "payload")

    def test_a_source_that_is_checked_when_the_supervisor_dies_is_checked_again(self):
        kill(serve_checks.find(self.service, "supervisor")[0])
        status, _, body = self.connection.response()
        self.assertEqual((status, json.loads(body).get("passed", "refused")), (200, 0), body)
        self.assertEqual(json.loads(body)["results"][0]["stdout"], "right\n")

    def test_a_source_whose_parser_is_killed_is_checked_again(self):
        kill(self.parser)
        status, _, body = self.connection.response()
        self.assertEqual((status, json.loads(body).get("passed", "refused")), (200, 0), body)
        self.assertEqual(json.loads(body)["results"][0]["stdout"], "right\n")


class End(unittest.TestCase):
    """However the service ends, it leaves no process, no control group and no mount.

    Where the steward is killed on a unified hierarchy nobody is left to remove the control groups, which are empty: systemd does with
    the unit, elsewhere the next start does.
    """

    def setUp(self):
        self.mounts = serve_checks.mounts()
        self.service = executor_service.Service(EXECUTOR_MAX_CONCURRENCY="2", EXECUTOR_DRAIN_TIME="0.3")
        self.addCleanup(self.service.close)
        self.connection = Raw(self.service.port)
        self.addCleanup(self.connection.close)
        self.connection.send(post_bytes(victim_job(seconds=30)))
        running = executor_service.wait_until(lambda: serve_checks.named(self.service, "victim"), WAIT_SECONDS)
        self.assertTrue(running)
        self.family = {self.service.server.pid: None} | serve_checks.identities(self.service.processes())

    def left(self):
        return serve_checks.alive(self.family) + serve_checks.group_folders(self.service.server.pid)

    def left_of_a_killed_steward(self):
        if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            return self.left()
        groups = [Path(folder, "cgroup.events") for folder in serve_checks.group_folders(self.service.server.pid)]
        return serve_checks.alive(self.family) + [group for group in groups if "populated 0" not in group.read_text(encoding="ascii")]

    def assert_nothing_left(self, left=None):
        left = left or self.left
        executor_service.wait_until(lambda: not left(), WAIT_SECONDS)
        self.assertEqual(left(), [], [serve_checks.place(pid) for pid in serve_checks.alive(self.family)])
        self.assertEqual(serve_checks.mounts(), self.mounts)

    def member(self, name):
        return next(pid for pid in self.family if executor_service.status_of(pid).get("Name", "").startswith(name))

    def test_sigterm_with_a_job_that_outlasts_the_grace_time(self):
        self.assertEqual(self.service.close(), 0, self.service.log_tail())
        self.assert_nothing_left()

    def test_sigkill_of_the_front(self):
        self.service.server.kill()
        self.service.server.wait()
        self.assert_nothing_left()

    def test_sigkill_of_front_and_steward(self):
        steward = self.member("executor-stew")
        self.service.server.kill()
        kill(steward)
        self.service.server.wait()
        self.assert_nothing_left(self.left_of_a_killed_steward)

    def test_sigkill_of_the_steward_alone_ends_the_service_which_says_why(self):
        kill(self.member("executor-stew"))
        status, _, body = self.connection.response()
        self.assertEqual(status, 500, body)
        self.assertEqual(self.service.server.wait(WAIT_SECONDS), 1)
        self.assertIn('"msg":"sandboxes_lost"', self.service.log_text())
        self.assertIn("the steward ended", self.service.log_text())
        self.assert_nothing_left(self.left_of_a_killed_steward)


if __name__ == "__main__":
    must_run.main()
