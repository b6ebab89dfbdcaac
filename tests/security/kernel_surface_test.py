"""Cases K: what of the kernel can be reached from a sandbox, call by call."""

import ctypes
import errno
import json
import os
import struct
from pathlib import Path

import executor_service
import make_golden_calls
import must_run
from attempts import program

# Calls that end or stop whoever makes them. They are tried alone, in ALONE below.
EXIT, EXIT_GROUP, RT_SIGRETURN, PAUSE, PSELECT6, PPOLL, CLONE, FORK, VFORK = 60, 231, 15, 34, 270, 271, 56, 57, 58
NOT_SWEPT = {EXIT, EXIT_GROUP, RT_SIGRETURN, PAUSE, PSELECT6, PPOLL}
MAKE_PROCESSES = {CLONE, FORK, VFORK}
# Two numbers pass by every filter on new kernels: uretprobe (SIGILL) and uprobe (ENXIO).
URETPROBE, UPROBE = 335, 336
# The kernel itself says EPERM to a session's leader.
SETPGID, SETSID = 109, 112
X32 = 0x40000000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
ALL_ONES = -1

SWEEP = program("""
import json
numbers, argument = json.loads(input())
os.dup2(1, 9)
out = []
for number in numbers:
    out.append((number, call(number, *[argument] * 6)))
text = json.dumps(out).encode()
while text: text = text[os.write(9, text):]
""")
MANY = program("""
import json
print(json.dumps([call(*map(int, each)) for each in json.loads(input())]))
""")
# A thread that ends at once, by code of one's own: clone(flags, 0, 0, 0, the caller's thread pointer), then exit. It has its maker's stack.
THREADS = program("""
import json
ffi = ctypes.CDLL('libffi.so.8')
ffi.ffi_closure_alloc.restype = ctypes.c_void_p
place = ctypes.c_void_p()
ffi.ffi_closure_alloc(ctypes.c_size_t(64), ctypes.byref(place))
code = bytes.fromhex('b838000000 31f6 31d2 4d31d2 644c8b042500000000 0f05 4885c0 7509 31ff b83c000000 0f05 c3')
ctypes.memmove(place, code, len(code))
clone = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_ulong)(place.value)
print(json.dumps([n if n >= 0 else errno.errorcode[-n] for n in (clone(int(flags)) for flags in json.loads(input()))]))
""")
# CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD, _SYSVSEM, _SETTLS, _PARENT_SETTID, _CHILD_CLEARTID
AS_PTHREAD_CREATE = 0x3D0F00
ONE = program("number, argument = eval(input())\nprint(call(number, *[argument] * 6), flush=True)\n")


def setUpModule():
    executor_service.start()


def golden(name):
    return {int(number): entry for number, entry in
            json.loads(Path(__file__).with_name("golden_calls.json").read_text(encoding="ascii"))[name].items()}


def passes_filters(number):
    """Whether this kernel does not ask a filter about this call, tried with one that refuses it. Its version does not say: a stable
    kernel has the one and not the other."""
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        # load the number; where it is this one: EPERM, else: allow
        steps = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, number, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7FFF0000)
        code = ctypes.create_string_buffer(steps, len(steps))
        filter_program = struct.pack("HxxxxxxQ", 4, ctypes.addressof(code))
        refused = libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program)
        libc.syscall(number)
        os._exit(2 if refused else ctypes.get_errno() == errno.EPERM)
    status = os.waitpid(pid, 0)[1]
    assert status >> 8 != 2, "no filter can be had"
    return status >> 8 != 1


class Sweep(executor_service.HostCase):
    """Every call number; another runtime says below what is its own (node_surface_test.py)."""

    profile = "python"
    sweep_program, one_program = SWEEP, ONE
    # (number, all its arguments): what becomes of whoever makes it
    endings = {(EXIT, 0): ("accepted", 0, None), (EXIT, ALL_ONES): ("runtime_error", 255, None),
               (EXIT_GROUP, 0): ("accepted", 0, None), (EXIT_GROUP, ALL_ONES): ("runtime_error", 255, None),
               (RT_SIGRETURN, 0): ("runtime_error", None, "SIGSEGV"), (PAUSE, 0): ("wall_time_limit", None, "SIGKILL"),
               (PSELECT6, 0): ("wall_time_limit", None, "SIGKILL"), (PPOLL, 0): ("wall_time_limit", None, "SIGKILL")}

    def execute(self, source, tests, **job):
        return executor_service.service.execute(source, tests, **job)

    def sweep(self, table, column, argument, job, left_out):
        """What each call that ends nobody gets, against the golden list."""
        wanted = {n: e[column] for n, e in table.items()
                  if not e[column].startswith("violation") and (e[column] != "reached" or n not in NOT_SWEPT | left_out)}
        if passes_filters(URETPROBE):
            del wanted[URETPROBE]
        if passes_filters(UPROBE):
            wanted[UPROBE] = "ENXIO"
        result = self.run_program(self.sweep_program, job, stdin=json.dumps([sorted(wanted), argument]), timeoutMs=60000)
        self.assert_verdict(result, "accepted")
        got = dict(json.loads(result["stdout"]))
        self.assertEqual(sorted(got), sorted(wanted))
        wrong = {}
        for number, want in wanted.items():
            # a call that is let through gets the kernel's answer, which is never one of the filter's two
            right = got[number] == want
            if want == "reached":
                right = got[number] != "ENOSYS" and (got[number] != "EPERM" or number in (SETPGID, SETSID))
            if not right:
                wrong[number] = (table[number]["name"], "wanted", want, "got", got[number])
        self.assertEqual(wrong, {})

    def violations(self, table, column, argument, job):
        calls = [(n, e["name"]) for n, e in sorted(table.items()) if e[column].startswith("violation")]
        tests = [{"stdin": json.dumps([number, argument])} for number, _ in calls]
        results = self.execute(self.one_program, tests, **job)
        wrong = {name: (r["verdict"], r.get("violation"), r["stdout"]) for (_, name), r in zip(calls, results)
                 if (r["verdict"], r.get("violation"), r["stdout"]) != ("security_violation", name, "")}
        self.assertEqual(wrong, {})
        self.assertGreater(len(calls), 50)

    def test_K01_every_number_gets_what_the_golden_list_says(self):
        self.sweep(golden(self.profile), "zeros", 0, {}, set())
        self.sweep(golden(self.profile), "ones", ALL_ONES, {}, set())

    def test_K01_every_number_with_processes(self):
        self.sweep(golden(f"{self.profile}-processes"), "zeros", 0, {"processes": True}, MAKE_PROCESSES)
        self.sweep(golden(f"{self.profile}-processes"), "ones", ALL_ONES, {"processes": True}, MAKE_PROCESSES)

    def test_K01_every_forbidden_call_is_the_end_and_is_named(self):
        self.violations(golden(self.profile), "zeros", 0, {})
        self.violations(golden(self.profile), "ones", ALL_ONES, {})

    def test_K01_every_forbidden_call_with_processes(self):
        self.violations(golden(f"{self.profile}-processes"), "zeros", 0, {"processes": True})

    def test_K01_calls_that_end_or_stop_their_caller(self):
        for (number, argument), wanted in self.endings.items():
            with self.subTest(number=number, argument=argument):
                result = self.run_program(self.one_program, stdin=json.dumps([number, argument]), timeoutMs=400 * executor_service.PATIENCE if "wall" in wanted[0] else 30000)
                self.assertEqual((result["verdict"], result["exitCode"], result["signal"]), wanted)

    def test_K01_the_two_exceptions_of_new_kernels(self):
        passing = [number for number in (URETPROBE, UPROBE) if passes_filters(number)]
        must_run.need(passing, "a kernel with a call that passes by filters")
        if URETPROBE in passing:
            result = self.run_program(self.one_program, stdin=json.dumps([URETPROBE, 0]))
            self.assertEqual((result["verdict"], result["signal"]), ("runtime_error", "SIGILL"))
        if UPROBE in passing:
            self.assert_prints(self.one_program, "ENXIO\n", stdin=json.dumps([UPROBE, 0]))

    def test_K01_numbers_beyond_the_newest_do_not_exist(self):
        result = self.run_program(self.sweep_program, stdin=json.dumps([[*range(470, 1100), 4096, 65536, 2 ** 30 - 1], 0]))
        self.assertEqual({answer for _, answer in json.loads(result["stdout"])}, {"ENOSYS"})

    def test_K01_x32_is_the_end(self):
        numbers = [X32 | n for n in (0, 1, 39, 59, 101, 231, 335, 336, 512, 520, 547, 1000)]
        results = self.execute(self.one_program, [{"stdin": json.dumps([n, 0])} for n in numbers])
        got = {n: (r["verdict"], r.get("violation"), r["stdout"]) for n, r in zip(numbers, results)}
        self.assertEqual(got, {n: ("security_violation", "foreign architecture", "") for n in numbers})

    def test_K01_a_32_bit_call_is_the_end(self):
        source = program(
            "ffi = ctypes.CDLL('libffi.so.8')\n"
            "ffi.ffi_closure_alloc.restype = ctypes.c_void_p\n"
            "code = ctypes.c_void_p()\n"
            "ffi.ffi_closure_alloc(ctypes.c_size_t(64), ctypes.byref(code))\n"
            "ctypes.memmove(code, bytes.fromhex('b814000000cd80c3'), 8)  # mov eax, 20; int 0x80; ret\n"
            "print(ctypes.CFUNCTYPE(ctypes.c_int)(code.value)())")
        result = self.run_program(source)
        self.assertEqual((result["verdict"], result.get("violation"), result["stdout"]),
                         ("security_violation", "foreign architecture", ""))

    def test_K01_the_number_of_no_call_is_refused(self):
        self.assert_prints(self.one_program, "EPERM\n", stdin=json.dumps([-1, 0]))


class Arguments(executor_service.HostCase):
    """Every rule that looks at arguments, tried with some that it allows and with each of them changed."""

    profile, many_program, threads_program = "python", MANY, THREADS
    # allowed ones would make a second Python, or one with no thread pointer; threads are tried below
    only_refused = {"clone", "arch_prctl"}

    def attempts(self, name):
        """((name, arguments), what the profile says) for each rule: as it stands, and with each bit changed that its conditions look at."""
        profile = json.loads((make_golden_calls.PROFILES / f"{name}.json").read_text(encoding="utf-8"))
        for rule in profile["syscalls"]:
            allowed = [0] * 6
            for condition in rule.get("args", []):
                allowed[condition["index"]] = condition["value" if condition["op"] == "SCMP_CMP_EQ" else "valueTwo"]
            changed = [allowed]
            for condition in rule.get("args", []):
                looked_at = make_golden_calls.ALL_ONES if condition["op"] == "SCMP_CMP_EQ" else condition["value"] | 1 << 32 | 1 << 63
                for bit in (1 << n for n in range(64) if looked_at >> n & 1):
                    changed.append([*allowed])
                    changed[-1][condition["index"]] ^= bit
            if len(changed) > 1:
                yield from (((call, each), make_golden_calls.answer(profile, call, each)) for call in rule["names"] for each in changed)

    def hold_against_profile(self, name, job):
        numbers = {entry["name"]: number for number, entry in golden(name).items()}
        tried = [(attempt, want) for attempt, want in self.attempts(name) if want != "reached" or attempt[0] not in self.only_refused]
        given = json.dumps([[str(numbers[call]), *map(str, arguments)] for (call, arguments), _ in tried])
        result = self.run_program(self.many_program, job, stdin=given)
        self.assertEqual((result["verdict"], result["stderr"]), ("accepted", ""))
        got = json.loads(result["stdout"])
        # what is let through fails by what else is asked, or does nothing
        wrong = [(attempt, want, answer) for (attempt, want), answer in zip(tried, got, strict=True)
                 if answer != want and (want != "reached" or answer in ("EPERM", "ENOSYS"))]
        self.assertEqual(wrong, [])
        self.assertGreater(sum(want == "EPERM" for _, want in tried), 60)
        self.assertGreater(sum(want == "reached" for _, want in tried), 25)

    def test_K03_every_rule_about_arguments_is_looked_at_in_full(self):
        self.hold_against_profile(self.profile, {})

    def test_K03_a_thread_is_made_as_pthread_create_makes_it_and_not_otherwise(self):
        tried = [AS_PTHREAD_CREATE, *(AS_PTHREAD_CREATE ^ 1 << bit for bit in range(64))]
        result = self.run_program(self.threads_program, stdin=json.dumps([str(flags) for flags in tried]))
        self.assertEqual((result["verdict"], result["stderr"]), ("accepted", ""))
        thread, *others = json.loads(result["stdout"])
        self.assertIsInstance(thread, int)
        self.assertGreater(thread, 2)
        self.assertEqual(others, ["EPERM"] * 64)

    def test_K03_every_rule_about_arguments_with_processes(self):
        self.hold_against_profile(f"{self.profile}-processes", {"processes": True})


class Families(executor_service.HostCase):
    def ended(self, *names):
        table = {e["name"]: n for n, e in golden("python").items()}
        results = executor_service.service.execute(ONE, [{"stdin": repr((table[name], 0))} for name in names])
        self.assertEqual({n: (r["verdict"], r.get("violation")) for n, r in zip(names, results)},
                         {n: ("security_violation", self.named(n)) for n in names})

    def test_K03_arguments_are_looked_at_in_full(self):
        high, top = 1 << 32, -(1 << 63)
        self.assert_prints(program(
            # clone, mprotect, ioctl, kill, tgkill, prlimit64, prctl, socketpair, madvise
            f"import mmap\nm = mmap.mmap(-1, 4096)\na = ctypes.addressof(ctypes.c_char.from_buffer(m))\nb = ctypes.create_string_buffer(64)\n"
            f"print(call(10, a, 4096, 1), call(10, a, 4096, 5), call(10, a, 4096, 4 | {high}))\n"
            f"print(call(28, a, 4096, 0), call(28, a, 4096, 12), call(28, a, 4096, {high}), call(28, a, 4096, {top}))\n"
            f"print(call(16, 0, 0x541b, b), call(16, 0, 0x541b | {high}, b), call(16, 0, 0x541b | {top}, b), call(16, 0, 0x5412, b))\n"
            f"print(call(62, 2, 0), call(62, 2 | {high}, 0), call(62, 1, 0), call(62, -1, 0), call(62, 0, 0))\n"
            f"print(call(302, 0, 7, 0, b), call(302, 1, 7, 0, b), call(302, 0, 7, b, 0), call(302, {high}, 7, 0, b))\n"
            f"print(call(157, 16, b), call(157, 16 | {high}, b), call(157, 38, 1, 0, 0, 0))\n"
            f"print(call(53, 1, 1, 0, b), call(53, 1, 2, 0, b), call(53, 1, 1, 1, b), call(53, 2, 1, 0, b), call(53, 1 | {high}, 1, 0, b))\n"
            f"print(call(56, 0, 0, 0, 0, 0), call(56, 17, 0, 0, 0, 0), call(56, 0x3d0f00 | {high}, 0, 0, 0, 0), call(56, 0x3d0f00 | 0x10000000, 0, 0, 0, 0))\n"),
            "0 EPERM EPERM\n0 EPERM EPERM EPERM\n0 EPERM EPERM EPERM\n0 EPERM EPERM EPERM EPERM\n0 EPERM EPERM EPERM\n0 EPERM EPERM\n"
            "0 EPERM EPERM EPERM EPERM\nEPERM EPERM EPERM EPERM\n", stdin="abc")

    def test_K04_no_terminal_requests(self):
        self.assert_prints(program("b = ctypes.create_string_buffer(64)\nprint([call(16, 0, r, b) for r in (0x5412, 0x541c, 0x540e, 0x5460, 2 ** 32 + 0x5401)], "
                                   "attempt(os.open, '/dev/tty', os.O_RDWR))"), "['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM'] ENOENT\n")

    def test_K05_io_uring_does_not_exist(self):
        self.assert_prints(program("print([call(n, 1, 0, 0, 0, 0, 0) for n in (425, 426, 427)])"), "['ENOSYS', 'ENOSYS', 'ENOSYS']\n")

    def test_K06_no_bpf_perf_userfaultfd_or_keys(self):
        self.ended("bpf", "perf_event_open", "userfaultfd", "add_key", "keyctl", "request_key")

    def test_K07_no_mounts(self):
        self.ended("mount", "umount2", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "open_tree_attr",
                   "mount_setattr", "statmount", "listmount", "pivot_root")

    def test_K08_no_file_handles(self):
        self.ended("open_by_handle_at", "name_to_handle_at")

    def test_K10_clone3_does_not_exist_and_threads_work(self):
        self.assert_prints(program("import threading\nout = []\nts = [threading.Thread(target=out.append, args=(n,)) for n in range(20)]\n"
                                   "for t in ts: t.start()\nfor t in ts: t.join()\nprint(call(435, 0, 0), sorted(out) == list(range(20)))"),
                           "ENOSYS True\n")

    def test_K11_nothing_of_the_machine_can_be_changed(self):
        self.ended("reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "swapon", "swapoff",
                   "quotactl", "quotactl_fd", "acct", "syslog", "iopl", "ioperm", "modify_ldt", "settimeofday", "adjtimex")

    def test_K12_prctl_only_names(self):
        result = self.run_program(program(
            "b = ctypes.create_string_buffer(64)\n"
            "print([n for n in range(81) if call(157, n, b, 0, 0, 0) != 'EPERM'], call(157, 0x53564d41, 0, 0, 0, b) != 'EPERM', call(157, 0x53564d41, 1, 0, 0, b), "
            "call(157, 0x59616d61, 1), call(158, 0x1002, b))"))
        self.assertEqual((result["stdout"], result["stderr"]), ("[15, 16] True EPERM EPERM EPERM\n", ""))

    def test_K15_no_memory_is_writable_and_executable(self):
        self.assert_prints(program(
            "m = lambda prot, flags: call(9, 0, 4096, prot, flags, -1, 0)\n"
            "print(m(7, 0x22), m(5, 0x22), m(4, 0x22), m(3, 0x40022), call(30, 0, 0, 0o100000))\n"
            "p = m(3, 0x22)\nprint(call(10, p, 4096, 5), call(10, p, 4096, 7), call(329, p, 4096, 5, 0), call(10, p, 4096, 1))\n"
            ),
            "EPERM EPERM EPERM EPERM EPERM\nEPERM EPERM ENOSYS 0\n")

    def test_K15_callbacks_of_ctypes_work_all_the_same(self):
        self.assert_prints("import ctypes\nf = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)\nprint(f(1))", "2\n")


if __name__ == "__main__":
    must_run.main()
