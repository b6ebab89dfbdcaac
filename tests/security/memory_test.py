"""Cases L03 and Z03: canaries in the front, in the supervisor and in jobs, searched for in programs' own memory and,
from the host, in the processes that must never have seen them."""

import os
import re
import secrets
from pathlib import Path

import executor_service
import must_run
import serve_checks
from leaks_test import SCAN, turned_over

RUNS = 1000  # the most that one job may have
ENVIRONMENT, EARLIER, WAITING, EXPECTED = (secrets.token_hex(16) for _ in range(4))
PIECE = 1 << 20


def setUpModule():
    must_run.need(os.geteuid() == 0, "root (to read other processes' memory)")
    executor_service.start(CANARY=ENVIRONMENT)


def occurrences(pid, needle):
    """How often a process's readable memory holds these bytes, as the host sees it."""
    needle, found, read = needle.encode(), 0, 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(\S*)", line)
            if not match or match[3].startswith(("[vvar", "[vsyscall")):
                continue
            begin, end, before = int(match[1], 16), int(match[2], 16), b""
            for address in range(begin, end, PIECE):
                try:
                    memory.seek(address)
                    data = memory.read(min(PIECE, end - address))
                except OSError:
                    continue
                read += len(data)
                found += (before + data).count(needle)
                before = data[-len(needle) + 1:]
    if read < PIECE:
        raise AssertionError(f"only {read} bytes of process {pid} could be read")
    return found


class Memory(executor_service.HostCase):
    def one(self, place):
        return serve_checks.find(executor_service.service, place)[0]

    def test_L03_what_front_and_supervisor_hold_is_in_no_program(self):
        service = executor_service.service
        # a job whose input nobody reads, so that the supervisor keeps it, and whose expected output the front keeps
        job = {"language": "python", "source": serve_checks.NAMED.format(name="canary-run") + "time.sleep(30)",
               "tests": [{"stdin": WAITING * 50_000, "expectedStdout": EXPECTED}]}
        looked = {}
        with serve_checks.Raw(service.port) as other:
            other.send(serve_checks.post_bytes(job))
            self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(service, "canary-run"), 10 * executor_service.PATIENCE))
            looked["front"] = [occurrences(service.server.pid, canary) > 0 for canary in (ENVIRONMENT, EXPECTED)]
            looked["supervisor"] = occurrences(self.one("supervisor"), WAITING) > 0
            looked["supervisor's secrets"] = [occurrences(self.one("supervisor"), canary) for canary in (ENVIRONMENT, EXPECTED)]
            looked["scan"] = self.run_program(SCAN, stdin="\n".join(map(turned_over, (ENVIRONMENT, WAITING, EXPECTED))), timeoutMs=60000)
            self.assertTrue(serve_checks.named(service, "canary-run"), "the job was alive all the while")
        # the canaries were where they were meant to be, and the front's own nowhere below it
        self.assertEqual((looked["front"], looked["supervisor"], looked["supervisor's secrets"]), ([True, True], True, [0, 0]))
        self.assertEqual((looked["scan"]["stdout"], looked["scan"]["stderr"]), ("0 True\n", ""))

    def test_Z03_no_zygote_and_no_waiting_sandbox_holds_anything_of_a_thousand_jobs(self):
        service = executor_service.service
        before = set(serve_checks.find(service, "payload"))
        source = f"kept = ['{EARLIER}' + str(n) for n in range(100)]\nprint(input(), kept[0])"
        results = service.execute(source, [{"stdin": EARLIER, "expectedStdout": EARLIER}] * RUNS, files=[{"path": "f", "content": EARLIER}])
        self.assertEqual({r["verdict"] for r in results}, {"wrong_answer"})
        self.assertGreater(occurrences(service.server.pid, EARLIER), 0)
        service.steady_level()
        parser, = before & set(serve_checks.find(service, "payload"))  # it has looked at the source; all others are new
        held = {(place, pid, what): occurrences(pid, canary) for place in ("zygote", "init", "payload") for pid in serve_checks.find(service, place)
                for what, canary in (("earlier", EARLIER), ("environment", ENVIRONMENT)) if (pid, what) != (parser, "earlier")}
        self.assertGreaterEqual(len(held), 4 * executor_service.CONCURRENCY)
        self.assertEqual(set(held.values()), {0}, held)

    def test_no_memory_of_a_sandbox_is_shared_with_anybody(self):
        service = executor_service.service
        service.steady_level()
        looked = {(place, pid): Path(f"/proc/{pid}/maps").read_text(encoding="ascii") for place in ("zygote", "init", "payload")
                  for pid in serve_checks.find(service, place)}
        self.assertGreaterEqual(len(looked), 2 * executor_service.CONCURRENCY)
        shared = [(process, line) for process, maps in looked.items() for line in maps.splitlines() if line.split()[1].endswith("s")]
        self.assertEqual(shared, [])

    def test_an_init_has_nothing_of_the_supervisors_heap_but_its_beginning(self):
        def heap(pid):
            sizes = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .*\[heap\]$", Path(f"/proc/{pid}/maps").read_text(encoding="ascii"), re.MULTILINE)
            return sum(int(end, 16) - int(begin, 16) for begin, end in sizes)

        executor_service.service.steady_level()
        of_inits = {heap(pid) for pid in serve_checks.find(executor_service.service, "init")}
        # the beginning holds the C library's data of the thread, and what was there before the configuration was read
        self.assertGreater(min(of_inits), 0)
        self.assertLess(max(of_inits), 128 << 10)
        self.assertGreater(heap(self.one("supervisor")), 2 * max(of_inits))


if __name__ == "__main__":
    must_run.main()
