"""`executor submit`: files and folders of tests to a running server, a table, an exit status."""

import json
import os
import pty
import subprocess
import tempfile
import unittest

import executor_service
import must_run

DOUBLE = "print(int(input()) * 2)\n"


def setUpModule():
    executor_service.start()


class Submit(executor_service.HostCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def write(self, **files):
        """Files by their names, a dot written as two underscores."""
        for name, text in files.items():
            path = os.path.join(self.folder, name.replace("__", "."))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def submit(self, *arguments, url=None, **options):
        url = url or f"http://127.0.0.1:{executor_service.service.port}"
        return subprocess.run([executor_service.service.binary, "submit", *arguments], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "EXECUTOR_URL": url}, **options)

    def table(self, done):
        """(name, verdict) of each line."""
        return [tuple(line.split()[:2]) for line in done.stdout.splitlines()[1:-1]]

    def test_a_folder_with_program_and_tests_in_the_order_of_their_numbers(self):
        self.write(main__py=DOUBLE, **{f"{n}__in": f"{n}\n" for n in (1, 2, 10)}, **{f"{n}__out": f"{2 * n}\n" for n in (1, 2, 10)})
        done = self.submit(self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.table(done), [("1", "accepted"), ("2", "accepted"), ("10", "accepted")])
        self.assertEqual(done.stdout.splitlines()[-1], "3 of 3 accepted")
        self.assertRegex(done.stdout.splitlines()[1], r"\A1 +accepted +\d+\.\d ms +\d+\.\d MiB\Z")

    def test_a_program_beside_its_tests_and_one_that_fails(self):
        self.write(program__py=DOUBLE, a__in="1\n", a__out="2\n", b__in="2\n", b__out="5\n", c__in="x\n")
        done = self.submit(self.path("program.py"), self.path("b.in"), self.path("a.in"), self.path("c.in"))
        self.assertEqual((done.returncode, self.table(done)), (1, [("b", "wrong_answer"), ("a", "accepted"), ("c", "runtime_error")]))

    def test_without_tests_the_program_runs_once(self):
        self.write(program__py="print('hello')")
        done = self.submit(self.path("program.py"), "--json")
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["total"], answer["results"][0]["stdout"]), (0, 1, "hello\n"))

    def test_options_reach_the_job(self):
        self.write(program__py="print(1)\nwhile True: pass", a__in="", a__out="1", b__in="", b__out="1")
        done = self.submit(self.folder, "--timeout-ms", "200", "--stop-on-failure")
        (_, first), (_, second) = self.table(done)
        self.assertEqual((done.returncode, first in ("cpu_time_limit", "wall_time_limit"), second), (1, True, "skipped"))
        self.assertEqual(self.submit(self.folder, "--compare", "nonsense").returncode, 2)

    def test_a_refused_source_is_a_bad_request_with_its_lines(self):
        self.write(program__py="x = 1\nprint(")
        done = self.submit(self.path("program.py"))
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("line 2: '(' was never closed", done.stderr)

    def test_what_is_wrong_with_the_files_is_said_in_one_line(self):
        self.write(program__py="1", other__py="2", readme__txt="x", a__in="")
        for arguments, said in (([], "FILE"), ([self.path("none.py")], "none.py"), ([self.path("a.in")], "no program"),
                                ([self.folder], "two programs"), ([self.path("readme.txt")], "readme.txt"), ([self.path("program.py"), "--url", "ftp://x"], "--url")):
            with self.subTest(arguments):
                done = self.submit(*arguments)
                self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done.stderr)
                self.assertIn(said, done.stderr)

    def test_no_server_is_status_3(self):
        self.write(program__py="1")
        done = self.submit(self.path("program.py"), url=f"http://127.0.0.1:{executor_service.free_port()}")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("refused", done.stderr)

    def test_on_a_terminal_a_bar_shows_how_far_it_is(self):
        self.write(program__py="import time\ntime.sleep(0.4)", **{f"{n}__in": "" for n in range(8)})
        master, slave = pty.openpty()
        try:
            process = subprocess.Popen([executor_service.service.binary, "submit", self.folder, "--url", f"http://127.0.0.1:{executor_service.service.port}"],
                                       stdout=subprocess.PIPE, stderr=slave, text=True)
            out, _ = process.communicate(timeout=60)
        finally:
            os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 65536):
                shown += part
        except OSError:  # EIO: all is read
            pass
        shown = shown.decode()
        os.close(master)
        self.assertEqual((process.returncode, out.splitlines()[-1]), (0, "8 of 8 accepted"))
        self.assertRegex(shown, r"\r\[[#-]{40}\] [0-8]/8 ")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown[-80:])


if __name__ == "__main__":
    must_run.main()
