"""What a program with processes does with them, each way once: every call that its profile allows beyond the strict one is used here."""

import executor_service
import must_run


def setUpModule():
    executor_service.start()


class Processes(executor_service.HostCase):
    def prints(self, source, wanted):
        result = self.run_program("import os, signal, subprocess, sys\n" + source, {"processes": True})
        self.assertEqual((result["stdout"], result["stderr"], result["verdict"]), (wanted, "", "accepted"))

    def test_a_child_by_fork_is_waited_for_in_each_way(self):
        # clone, wait4, waitid
        self.prints("def child(code):\n    pid = os.fork()\n    if pid == 0: os._exit(code)\n    return pid\n"
                    "p = child(3)\nprint(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))\n"
                    "p = child(4)\nprint(os.waitid(os.P_PID, p, os.WEXITED).si_status)\n"
                    "p = child(5)\nprint(os.waitstatus_to_exitcode(os.wait4(p, 0)[1]))", "3\n4\n5\n")

    def test_a_program_is_started_by_each_way(self):
        # vfork and execve; posix_spawn; execveat, which os.execve takes for a descriptor; and what a loader calls
        self.prints("run = [sys.executable, '-c', 'print(6 * 7)']\n"
                    "print(subprocess.run(run, capture_output=True, text=True).stdout, end='', flush=True)\n"
                    "os.waitpid(os.posix_spawn(sys.executable, run, {}), 0)\n"
                    "if os.fork() == 0: os.execve(os.open(sys.executable, os.O_RDONLY), run, {})\n"
                    "print(os.wait()[1])", "42\n42\n42\n0\n")

    def test_threads_of_a_started_program_run(self):
        self.prints("code = 'import threading; t = threading.Thread(target=print, args=(1,)); t.start(); t.join()'\n"
                    "print(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout, end='')", "1\n")

    def test_sessions_and_groups(self):
        # setsid, setpgid, getpgid, getsid
        self.prints("def told(code, **how):\n"
                    "    return subprocess.run([sys.executable, '-c', 'import os; ' + code], capture_output=True, text=True, **how).stdout.strip()\n"
                    "print(told('print(os.getsid(0) == os.getpid())', start_new_session=True), told('print(os.getpgid(0) == os.getpid())', process_group=0),\n"
                    "      told('print(os.getsid(0) == os.getppid())'))", "True True True\n")

    def test_a_child_ends_by_a_signal(self):
        self.prints("p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
                    "os.killpg(p.pid, signal.SIGTERM)\nprint(p.wait())", "-15\n")

    def test_children_of_multiprocessing_forked_and_spawned(self):
        self.prints("import multiprocessing\n"
                    "def square(end, n): end.send(n * n)\n"
                    "if __name__ == '__main__':\n"
                    "    for way in ('fork', 'spawn'):\n"
                    "        context = multiprocessing.get_context(way)\n"
                    "        ours, theirs = context.Pipe()\n"
                    "        child = context.Process(target=square, args=(theirs, 7))\n"
                    "        child.start(); print(ours.recv()); child.join()\n", "49\n49\n")


if __name__ == "__main__":
    must_run.main()
