"""Cases Z: siblings, what they inherit, and that a sandbox made ahead of its program is worth one made for it."""

import os
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import executor_service
import must_run
import serve_checks
from attempts import program

MIB = 1 << 20
SECONDS = 10 * executor_service.PATIENCE
REPLACED_SECONDS = 1 * executor_service.PATIENCE
PROCESSOR_SECONDS = 0.002 if executor_service.PATIENCE == 1 else 0.2  # an emulated processor takes thirty times as long, and is shared


def setUpModule():
    executor_service.start()


class Siblings(executor_service.HostCase):
    def test_Z01_who_pretends_to_be_the_zygote_is_heard_by_nobody(self):
        # a hello and a fork's answer, as the zygote would send them, to every descriptor that there might be
        forged = program("import struct\nfor words in ((0xffffffff, 2, 0), (1, 2, 0), (2, 1, 0)):\n"
                         "    for fd in range(3, 1024): attempt(os.write, fd, struct.pack('=Iii', *words))\nprint('sent')")
        for _ in range(4):
            self.assert_prints(forged, "sent\n")
        results = executor_service.service.execute("print(6 * 7)", [{"expectedStdout": "42\n"}] * 20)
        self.assertEqual({r["verdict"] for r in results}, {"accepted"})
        self.assertEqual(len({r["containerId"] for r in results}), 20)

    def test_Z02_nothing_is_inherited_beyond_the_three_streams(self):
        source = program("kinds = {}\nfor fd in range(4096):\n    try: kinds[fd] = oct(os.fstat(fd).st_mode >> 12)\n    except OSError: pass\nprint(kinds, attempt(os.write, 0, b'x'), attempt(os.read, 1, 1))")
        for job in ({}, {"processes": True}):
            self.assert_prints(source, "{0: '0o1', 1: '0o1', 2: '0o1'} EBADF EBADF\n", job)

    def test_Z02_the_waiting_sandboxes_hold_no_other_descriptors_either(self):
        must_run.need(os.geteuid() == 0, "root (to see other processes' descriptors)")
        for pid in serve_checks.find(executor_service.service, "payload"):
            held = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")}
            # until its program comes it keeps its empty source file, and the filter's listener, of which the supervisor has a copy
            self.assertEqual({fd: kind for fd, kind in held.items() if fd < 3}, {0: "pipe", 1: "pipe", 2: "pipe"})
            self.assertLessEqual(set(held.values()), {"pipe", "anon_inode", "/tmp/main.py"})
            self.assertLessEqual(len(held), 5)


WHO_AM_I = {"source": "import os\nprint(os.getpid(), os.getuid())", "tests": [{"expectedStdout": "2 65534\n"}] * 12}


class Zygote(executor_service.HostCase):
    def assert_whole(self, results):
        self.assertEqual({r["verdict"] for r in results}, {"accepted"})
        self.assertEqual({tuple(r["isolation"]) for r in results}, {tuple(results[0]["isolation"])})

    def test_Z06_a_dead_zygote_is_replaced_within_a_second_and_every_sandbox_is_whole(self):
        service = executor_service.service
        for _ in range(3):
            old, = serve_checks.find(service, "zygote")
            os.kill(old, signal.SIGKILL)
            begin = time.monotonic()
            self.assertTrue(executor_service.wait_until(lambda gone=old: [pid for pid in serve_checks.find(service, "zygote") if pid != gone], SECONDS))
            self.assertLess(time.monotonic() - begin, REPLACED_SECONDS)
            # more programs than sandboxes were ready
            self.assert_whole(service.execute(**WHO_AM_I))
            service.steady_level()

    def test_Z06_a_zygote_that_is_stopped_is_replaced_within_a_second_of_being_needed_and_every_sandbox_is_whole(self):
        service = executor_service.service
        for _ in range(3):
            old, = serve_checks.find(service, "zygote")
            os.kill(old, signal.SIGSTOP)
            begin = time.monotonic()
            # the sandboxes that are ready, and more
            with ThreadPoolExecutor(1) as pool:
                asked = pool.submit(service.at_once, [WHO_AM_I])
                self.assertTrue(executor_service.wait_until(lambda gone=old: gone not in service.processes(), SECONDS))
                self.assertLess(time.monotonic() - begin, REPLACED_SECONDS)
                results, = asked.result()
            self.assert_whole(results)
            service.steady_level()

    def test_Z06_a_zygote_that_goes_on_before_anybody_needs_it_is_kept(self):
        service = executor_service.service
        old, = serve_checks.find(service, "zygote")
        os.kill(old, signal.SIGSTOP)
        os.kill(old, signal.SIGCONT)
        self.assert_prints("print(7)", "7\n")
        time.sleep(0.6)
        self.assertEqual(serve_checks.find(service, "zygote"), [old])


class WarmAndCold(executor_service.HostCase):
    COUNT = 15

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cold = executor_service.Service(EXECUTOR_WARM_POOL="0")
        cls.addClassCleanup(cold.close)
        source = "x = [n * n for n in range(20000)]\nprint(len(x))"
        # in turns, so that what else runs here meets both
        pairs = [(executor_service.service.execute(source)[0], cold.execute(source)[0]) for _ in range(cls.COUNT)]
        cls.warm, cls.cold = zip(*pairs)

    def test_Z08_the_time_of_a_warm_run_is_that_of_a_cold_one(self):
        warm, cold = [min(r["usage"]["cpuSeconds"] for r in runs) for runs in (self.warm, self.cold)]
        self.assertLess(abs(warm - cold), PROCESSOR_SECONDS, (warm, cold))

    def test_Z10_the_memory_of_a_warm_run_is_that_of_a_cold_one(self):
        warm, cold = [statistics.median(r["usage"]["memoryBytes"] for r in runs) for runs in (self.warm, self.cold)]
        self.assertLess(abs(warm - cold), MIB, (warm, cold))

    def test_Z09_a_sandbox_that_waited_has_the_right_clocks_and_its_whole_time(self):
        time.sleep(3)
        now = time.time()
        result = self.run_program("import time\nprint(time.time(), time.process_time())\ntime.sleep(0.3)\nprint('whole')", timeoutMs=1500)
        self.assert_verdict(result, "accepted")
        clock, used = map(float, result["stdout"].split("\n")[0].split())
        self.assertLess(abs(clock - now), 2)
        self.assertLess(used, 1)
        self.assertLess(result["durationMs"], 1500)
        self.assertLess(result["usage"]["cpuSeconds"], 0.3)


if __name__ == "__main__":
    must_run.main()
