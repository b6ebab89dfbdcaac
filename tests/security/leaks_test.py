"""Cases L: nothing of the host, of the service, of earlier jobs or of siblings can be read."""

import ctypes
import os
import secrets
from pathlib import Path

import executor_service
import must_run
from attempts import program

ENVIRONMENT_CANARY, EARLIER_CANARY = secrets.token_hex(16), secrets.token_hex(16)
PR_SCHED_CORE, PR_SCHED_CORE_GET = 62, 0


def setUpModule():
    executor_service.start(CANARY=ENVIRONMENT_CANARY, SENTRY_DSN="")


# Probes a page by writing it to a pipe: EFAULT tells that nothing is mapped there, and nothing is touched. From every
# address known to the program it goes on in both directions until 64 pages in a row are missing. The canaries come
# with each byte turned over and are kept as halves, so that the scan cannot find itself.
SCAN = program("""
import gc
wanted = [[bytes(b ^ 255 for b in bytes.fromhex(line[n:n + 32])) for n in (0, 32)] for line in sys.stdin.read().split()]
def count(data, halves):
    first, found = data.find(halves[0]), 0
    while first >= 0:
        found += data.startswith(halves[1], first + 16)
        first = data.find(halves[0], first + 1)
    return found
r, w = os.pipe()
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
def page(address):
    if libc.write(w, address, 4096) != 4096: return None
    return os.read(r, 4096)
local = ctypes.c_int()
starts = [id(o) for o in gc.get_objects()[::50]] + [ctypes.addressof(local), id(None), id(int), id(sys)]
starts += [ctypes.cast(getattr(libc, name), ctypes.c_void_p).value for name in ('malloc', 'environ', 'stdout')]
starts += [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value for name in ('Py_RunMain', '_PyRuntime')]
starts += [ctypes.c_void_p.in_dll(libc, 'environ').value]
seen, hits = set(), 0
for start in starts:
    for step in (4096, -4096):
        address, missing, before = start & ~4095, 0, b''
        while missing < 64:
            if address in seen:
                if not missing: break
            else:
                data = page(address)
                if data is None: missing += 1
                else:
                    missing = 0
                    seen.add(address)
                    around = before[-31:] + data if step > 0 else data + before[:31]
                    hits += sum(count(around, halves) for halves in wanted)
                    before = data
            address += step
print(hits, len(seen) > 1000)
""")


def turned_over(text):
    return bytes(b ^ 255 for b in text.encode()).hex()


class Leaks(executor_service.HostCase):
    def test_L01_the_environment_is_fixed(self):
        self.assert_prints("import os\nprint(sorted(os.environ.items()))",
                           "[('HOME', '/tmp'), ('LANG', 'C.UTF-8'), ('PATH', '/usr/bin'), ('PYTHONHASHSEED', '0')]\n")

    def test_L03_the_scan_finds_what_is_there(self):
        here = secrets.token_hex(16)
        result = self.run_program(f"kept = '{here}'\n" + SCAN, stdin=turned_over(here), timeoutMs=60000)
        self.assertEqual((result["stdout"].split()[1:], result["stderr"]), (["True"], ""))
        self.assertGreater(int(result["stdout"].split()[0]), 0)

    def test_L03_no_canary_is_in_own_memory(self):
        for _ in range(8):
            self.run_program(f"kept = ['{EARLIER_CANARY}' + str(n) for n in range(1000)]\nprint(input(), kept[0])", {"files": [{"path": "f", "content": EARLIER_CANARY}]},
                             stdin=EARLIER_CANARY, expectedStdout=EARLIER_CANARY)
        hidden = secrets.token_hex(16)
        result = self.run_program(SCAN, stdin="\n".join(map(turned_over, (ENVIRONMENT_CANARY, EARLIER_CANARY, hidden))),
                                  expectedStdout=hidden, timeoutMs=60000)
        self.assertEqual((result["stdout"], result["stderr"], result["verdict"]), ("0 True\n", "", "wrong_answer"))

    def test_L04_names_and_paths_are_the_sandboxs_own(self):
        self.assert_prints("import os, sys\nprint(sys.argv, __file__, (lambda: 0).__code__.co_filename, sys.executable)\nprint(sys.path)\nprint(os.uname().nodename, os.getcwd())",
                           "['main.py'] /tmp/main.py /tmp/main.py /usr/bin/python3\n"
                           "['/tmp', '/usr/lib/python311.zip', '/usr/lib/python3.11', '/usr/lib/python3.11/lib-dynload']\nsandbox /tmp\n")

    def test_L04_the_hosts_name_is_not_told(self):
        name = self.run_program("import os, socket\nprint(os.uname().nodename, socket.gethostname())")["stdout"].split()
        self.assertNotIn(os.uname().nodename, name)

    def test_L06_fresh_memory_holds_nothing_of_another_job(self):
        source = "import sys\nb = bytes.fromhex(sys.stdin.read())\nwanted = bytes(x ^ 255 for x in b)\n" \
                 "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.malloc.restype = ctypes.c_void_p\nfound = 0\n" \
                 "for size in (100, 1000, 10000, 100000, 10 ** 7):\n    for _ in range(20): found += wanted in ctypes.string_at(libc.malloc(size), size)\nprint(found)"
        self.run_program(f"kept = ['{EARLIER_CANARY}' + str(n) for n in range(100000)]")
        self.assert_prints(source, "0\n", stdin=turned_over(EARLIER_CANARY))

    def test_L09_each_sandbox_has_a_scheduling_cookie_or_there_is_no_smt(self):
        active = Path("/sys/devices/system/cpu/smt/active")
        if not active.exists() or active.read_text(encoding="ascii").strip() == "0":
            self.assertNotIn("core_scheduling", self.run_program("pass")["isolation"])
            return
        libc, cookies = ctypes.CDLL(None), []
        for pid in executor_service.service.processes():
            if executor_service.status_of(pid).get("NSpid", "").split()[-1:] == ["2"]:
                cookie = ctypes.c_ulong()
                libc.prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, 0, ctypes.byref(cookie))
                cookies.append(cookie.value)
        self.assertNotIn(0, cookies)
        self.assertEqual(len(set(cookies)), len(cookies))

    def test_L10_a_thousand_siblings_draw_different_numbers(self):
        source = "import os, random\nprint(random.random(), random.getrandbits(64), random.SystemRandom().random(), os.urandom(16).hex())"
        self.draw(source, 1000)

    def test_L10_siblings_draw_different_numbers_in_every_library(self):
        source = ("import os, random, secrets, ssl, tempfile, uuid\n"
                  "print(random.random(), random.SystemRandom().random(), ssl.RAND_bytes(16).hex(), os.urandom(16).hex(), uuid.uuid4(), uuid.uuid1(), "
                  "next(tempfile._get_candidate_names()), secrets.token_hex(16), random.getrandbits(64))")
        self.draw(source, 200)

    def draw(self, source, count):
        results = executor_service.service.execute(source, [{}] * count)
        self.assertEqual({(r["verdict"], r["stderr"]) for r in results}, {("accepted", "")})
        for column in zip(*(r["stdout"].split() for r in results)):
            self.assertEqual(len(set(column)), count, column[:5])

    def test_L12_the_page_cache_cannot_be_probed(self):
        self.assert_prints(program("f = os.open('/usr/bin/python3.11', os.O_RDONLY)\nb = ctypes.create_string_buffer(64)\nprint(call(327, f, b, 1, 0, 0, 8), call(27, 0, 4096, b), call(451, f, b, b, 0), call(28, 0, 4096, 12))"),
                           "EPERM EPERM ENOSYS EPERM\n")

    def test_L13_a_broken_run_tells_nothing_of_the_host(self):
        for source in ("1 / 0", "import nothing", "import ctypes\nctypes.string_at(0)", "open('/nowhere')", "import faulthandler\nfaulthandler.enable()\nimport ctypes\nctypes.string_at(0)"):
            with self.subTest(source):
                result = self.run_program(source)
                self.assert_verdict(result, "runtime_error")
                for word in (os.uname().nodename + "/", "/work", "rootfs", "supervisor", "zygote", "/home", "cgroup/"):
                    self.assertNotIn(word, result["stdout"] + result["stderr"])


if __name__ == "__main__":
    must_run.main()
