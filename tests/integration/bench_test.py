"""bench/run: a few starts, the answers checked, the results stored. What they cost is no business of this test.

The executable is found in EXECUTOR_BINARY.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import must_run

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench/run"


def bench(*arguments):
    return subprocess.run(["/usr/bin/python3", "-B", BENCH, *map(str, arguments)], capture_output=True, text=True, check=False,
                          timeout=120)


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        must_run.need(os.environ.get("EXECUTOR_BINARY"), "EXECUTOR_BINARY")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.out = Path(folder.name)
        cls.done = bench("--quick", "--only", "native,python", "--out", cls.out)
        if cls.done.returncode != 0:
            raise AssertionError(f"bench/run ended with {cls.done.returncode}:\n{cls.done.stdout}{cls.done.stderr}")
        cls.result = json.loads((cls.out / "start.json").read_text())
        if "native" in cls.result["missing"]:
            must_run.need(False, f"the native backend on this host: {cls.result['missing']['native']}")

    def test_each_contender_has_checked_answers(self):
        self.assertEqual(["native", "python"], [entry["name"] for entry in self.result["contenders"]])
        self.assertEqual(({}, {}), (self.result["missing"], self.result["failed"]))
        for entry in self.result["contenders"]:
            self.assertEqual("42\n", entry["answer"])
            self.assertGreaterEqual(entry["checked_answers"], sum(block["starts"] for block in entry["rounds"]))
            self.assertGreaterEqual(entry["latency_ms"]["n"], 3)
            self.assertEqual({"1", "2", "4"}, set(entry["starts_per_second"]))

    def test_the_result_says_where_it_comes_from(self):
        self.assertLessEqual({"name", "processor", "cpus", "kernel", "date", "commit"}, set(self.result["machine"]))
        self.assertLessEqual({"executor", "python3"}, set(self.result["versions"]))

    def test_the_sandboxes_are_told_by_stage_with_their_cpu_and_faults(self):
        counted = self.result["contenders"][0]["per_sandbox"]
        stages = [counted[f"set-up ms, {stage}"] for stage in ("namespaces", "init", "fork", "payload")]
        self.assertAlmostEqual(counted["set-up ms, all"], sum(stages))
        self.assertGreater(min(*stages, counted["CPU ms"], counted["minor faults"]), 0)
        self.assertRegex(self.done.stdout, r"(?m)^minor faults +\d")

    def test_the_tables_have_a_row_for_each_contender(self):
        for text in (self.done.stdout, (self.out / "start.md").read_text()):
            for title in ("executor", "hand-over to verdict", "bare python3"):
                self.assertRegex(text, rf"(?m)^[| ]*{title} .*\d")

    def test_a_program_that_prints_something_else_fails_its_contender(self):
        sys.path.insert(0, str(BENCH.parent))
        self.addCleanup(sys.path.remove, str(BENCH.parent))
        import starters
        wrong = starters.Command(["/bin/echo", "41"], {})
        wrong.open(0)
        self.addCleanup(wrong.close)
        with self.assertRaises(starters.WrongAnswer):
            wrong.check(wrong.start())

    def test_the_overload_is_one_and_its_figures_are_stored(self):
        done = bench("overload", "--quick", "--out", self.out)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)  # 1: slower than it is to be, on a host that does other work
        result = json.loads((self.out / "overload.json").read_text())
        for phase in ("saturated", "overload"):
            self.assertGreater(result[phase]["accepted_ms"]["n"], 0, phase)
        self.assertGreater(result["overload"]["refused"], 0)
        self.assertRegex(done.stdout, r"(?m)^10 times that .*\d")

    def test_the_idle_service_is_asked_in_turns_with_a_bare_python(self):
        done = bench("idle", "--quick", "--out", self.out)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        result = json.loads((self.out / "idle.json").read_text())
        asked = {entry["name"]: entry for entry in result["idle"]}
        for name in ("native", "python"):
            self.assertEqual(20, asked[name]["latency_ms"]["n"])
        self.assertEqual(20, asked["native"]["told_ms"]["n"])
        self.assertLess(asked["native"]["told_ms"]["min"], asked["native"]["latency_ms"]["min"])
        self.assertLessEqual(set(asked) | set(result["missing"]), {"native", "native-redis", "python", "docker-run-runc"})
        self.assertRegex(done.stdout, r"(?m)^bare python3 .*\d\*? +1\.00")

    def test_a_contender_that_nobody_knows_is_refused_by_name(self):
        done = bench("--only", "moon")
        self.assertEqual(2, done.returncode)
        self.assertIn("no contender is called moon", done.stderr)

    def test_nothing_is_left_in_the_control_groups(self):
        # The bench's groups carry its pid; one of a bench that runs beside this test is alive.
        # os.walk passes over what goes away meanwhile: other tests make and remove groups too.
        groups = [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup")]
        left = [path for path in groups if path.name.startswith("executor-bench.")
                and not Path("/proc", path.name.partition(".")[2]).exists()]
        self.assertEqual([], left)


if __name__ == "__main__":
    must_run.main()
