"""What the service's own processes may still do once they run, as the host sees them."""

import os
import tempfile
from pathlib import Path

import executor_service
import must_run
import serve_checks

NOTHING = "0" * 16
LOG_BYTES = 32 << 20  # where a log file is rotated


def setUpModule():
    executor_service.start()


class Confinement(executor_service.HostCase):
    def threads(self, pid):
        return [executor_service.status_of(f"{pid}/task/{task}") for task in os.listdir(f"/proc/{pid}/task")]

    def test_the_front_has_a_filter_in_every_thread(self):
        threads = self.threads(executor_service.service.server.pid)
        self.assertGreaterEqual(len(threads), 1)
        for status in threads:
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))

    def test_the_front_holds_no_capability_and_cannot_get_one(self):
        for status in self.threads(executor_service.service.server.pid):
            self.assertEqual({status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapAmb")}, {NOTHING})

    def test_the_front_serves_under_its_filter(self):
        results = executor_service.service.execute("print(6 * 7)", [{"expectedStdout": "42\n"}] * 4)
        self.assertEqual({r["verdict"] for r in results}, {"accepted"})
        self.assertEqual(executor_service.service.ask("GET", "/metrics")[0], 200)

    def test_the_front_rotates_its_log_under_its_filter(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o755)
        log = Path(folder, "logs", "executor.log")
        log.parent.mkdir()
        log.touch()
        os.truncate(log, LOG_BYTES - 4000)
        service = executor_service.Service(LOG_TO_FILE="true", LOG_FILE=str(log))
        self.addCleanup(service.close)
        for _ in range(20):
            service.execute("print(1)", [{}])
        self.assertEqual(log.with_name("executor.1.log").stat().st_size // 4096, (LOG_BYTES - 4000) // 4096)
        self.assertLess(log.stat().st_size, LOG_BYTES // 2)
        self.assertIn("worker_job_completed", log.read_text(encoding="utf-8"))

    def test_supervisor_and_zygote_keep_what_making_sandboxes_takes(self):
        # SETUID SETGID KILL SYS_CHROOT SYS_PTRACE SYS_ADMIN SYS_RESOURCE SETFCAP, in the outer user namespace
        kept = f"{sum(1 << n for n in (5, 6, 7, 18, 19, 21, 24, 31)):016x}"
        for place in ("supervisor", "zygote"):
            for pid in serve_checks.find(executor_service.service, place):
                status = executor_service.status_of(pid)
                self.assertEqual((status["CapEff"], status["CapPrm"], status["CapBnd"], status["CapInh"]), (kept, kept, kept, NOTHING), place)

    def test_supervisor_and_zygote_have_a_filter(self):
        # that what a sandbox may not call is told by name all the same: kernel_surface_test
        for place in ("supervisor", "zygote"):
            found = serve_checks.find(executor_service.service, place)
            self.assertGreaterEqual(len(found), 1, place)
            for pid in found:
                status = executor_service.status_of(pid)
                self.assertEqual((status["Seccomp"], status["Seccomp_filters"]), ("2", "1"), place)

    def test_inits_have_a_filter_of_their_own(self):
        inits = serve_checks.find(executor_service.service, "init")
        self.assertGreaterEqual(len(inits), executor_service.CONCURRENCY)
        for pid in inits:
            status = executor_service.status_of(pid)
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"], status["CapBnd"]), ("2", "1", NOTHING))


if __name__ == "__main__":
    must_run.main()
