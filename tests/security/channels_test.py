"""Case N06: a sender and a receiver in two sandboxes that live at once, over fourteen channels.

The same two programs run outside of any sandbox first: what cannot carry a bit there proves nothing inside.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

import executor_service
import must_run

SECONDS = 1.5 if executor_service.PATIENCE == 1 else 9
# Both sides: {channel: bits that arrived}. A side marks a channel ("here I am") and looks for the other's mark. The
# order: the sender marks everything, over and over; the receiver looks at everything, over and over.
PROGRAM = r"""
import ctypes, errno, fcntl, json, mmap, os, signal, socket, struct, sys, time
role, path, seconds, other = json.loads(sys.stdin.readline())
libc = ctypes.CDLL(None, use_errno=True)
NAME = b'/executor-channel'
KEY = 0x45584543
kept, arrived, why = [], {}, {}

def checked(result):
    if result == -1: raise OSError(ctypes.get_errno(), 'call')
    return result

def lock_request(kind): return struct.pack('hhqqi4x', kind, 0, 0, 1, 0)
def conflict(command): return struct.unpack('hhqqi4x', fcntl.fcntl(reader, command, lock_request(fcntl.F_WRLCK)))[0] != fcntl.F_UNLCK

def touch(file):
    with open(file, 'wb'): pass
    return file

reader = os.open(path, os.O_RDONLY)
folder = os.open(os.path.dirname(path), os.O_RDONLY)
hits = []
signal.signal(signal.SIGUSR1, lambda *a: hits.append(1))
signal.signal(signal.SIGIO, signal.SIG_IGN)  # what a broken lease sends
first = os.stat(path)

def send_mapping():
    with open(path, 'r+b') as f, mmap.mmap(f.fileno(), 1) as m: m[0] = 255 - m[0]
content = os.pread(reader, 1, 0)
def see_mapping(): return os.pread(reader, 1, 0) != content

def send_abstract():
    s = socket.socket(socket.AF_UNIX)
    s.bind(b'\0' + NAME)
    s.listen()
    kept.append(s)
def see_abstract():
    with socket.socket(socket.AF_UNIX) as s: return s.connect_ex(b'\0' + NAME) == 0
def vsock():
    s = socket.socket(40, socket.SOCK_STREAM)
    s.settimeout(0.05)  # else a host that has vsock waits two seconds
    kept.append(s)
    return s
def send_vsock():
    s = vsock()
    s.bind((1, 4711))
    s.listen()
def see_vsock(): return vsock().connect_ex((1, 4711)) == 0

def watch():
    fd = checked(libc.inotify_init1(os.O_NONBLOCK))
    checked(libc.inotify_add_watch(fd, path.encode(), 0xfff))
    return fd
watched = []
def see_inotify():
    if not watched: watched.append(watch())
    try: return len(os.read(watched[0], 4096)) > 0
    except BlockingIOError: return False
def see_dnotify():
    raise OSError(*([errno.EPERM, 'dnotify'] if checked(fcntl.fcntl(folder, 1026, 1)) else [0, 'armed']))
def signal_other():
    for pid in [other] if other else [n for n in range(1, 40) if n != os.getpid()]: os.kill(pid, signal.SIGUSR1)

CHANNELS = {
    'SysV key': (lambda: checked(libc.shmget(KEY, 4096, 0o1666)), lambda: checked(libc.shmget(KEY, 4096, 0)) >= 0),
    'mq': (lambda: checked(libc.mq_open(NAME, os.O_CREAT | os.O_RDWR, 0o666, None)), lambda: checked(libc.mq_open(NAME, os.O_RDONLY)) >= 0),
    '/dev/shm': (lambda: touch('/dev/shm' + NAME.decode()), lambda: os.path.exists('/dev/shm' + NAME.decode())),
    'flock': (lambda: fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB), lambda: locked()),
    'fcntl lock': (lambda: fcntl.fcntl(reader, fcntl.F_SETLK, lock_request(fcntl.F_RDLCK)), lambda: conflict(fcntl.F_GETLK)),
    'OFD lock': (lambda: fcntl.fcntl(reader, 37, lock_request(fcntl.F_RDLCK)), lambda: conflict(36)),
    'lease': (lambda: (fcntl.fcntl(reader, 1024, fcntl.F_RDLCK), fcntl.fcntl(reader, 1024, fcntl.F_UNLCK)), lambda: leased()),
    'dnotify': (lambda: os.close(os.open(path, os.O_RDONLY)), see_dnotify),
    'inotify': (lambda: os.close(os.open(path, os.O_RDONLY)), see_inotify),
    'abstract socket': (send_abstract, see_abstract),
    'vsock': (send_vsock, see_vsock),
    'shared mapping': (send_mapping, see_mapping),
    'times': (lambda: (os.pread(reader, 64, 0), os.utime(path)), lambda: (lambda s: (s.st_atime_ns, s.st_mtime_ns) != (first.st_atime_ns, first.st_mtime_ns))(os.stat(path))),
    'signal': (signal_other, lambda: bool(hits)),
}
def locked():
    try: fcntl.flock(reader, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError: return True
    fcntl.flock(reader, fcntl.LOCK_UN)
    return False
def leased():
    # a lease for writing is given only where nobody else has the file open
    try: fcntl.fcntl(reader, 1024, fcntl.F_WRLCK)
    except BlockingIOError: return True
    fcntl.fcntl(reader, 1024, fcntl.F_UNLCK)
    return False

begin = time.clock_gettime(time.CLOCK_MONOTONIC)
while time.clock_gettime(time.CLOCK_MONOTONIC) < begin + seconds:
    for name, (mark, look) in CHANNELS.items():
        try:
            if role == 'send': mark()
            elif look(): arrived[name] = arrived.get(name, 0) + 1
        except OSError as error: why[name] = errno.errorcode.get(error.errno, str(error))
    time.sleep(0.01)
libc.mq_unlink(NAME)
print(json.dumps({'role': role, 'begin': begin, 'end': time.clock_gettime(time.CLOCK_MONOTONIC), 'arrived': arrived, 'why': why}))
"""
CHANNELS = ("SysV key", "mq", "/dev/shm", "flock", "fcntl lock", "OFD lock", "lease", "dnotify", "inotify", "abstract socket", "vsock",
            "shared mapping", "times", "signal")  # the keyring is the fifteenth: whoever asks for it is ended
# what each side hears of each channel; a channel that a side may use says nothing
SEND = {"SysV key": "EPERM", "mq": "EPERM", "/dev/shm": "ENOENT", "flock": "EPERM", "fcntl lock": "EPERM", "OFD lock": "EPERM",
        "lease": "EPERM", "abstract socket": "EPERM", "vsock": "EPERM", "shared mapping": "EACCES", "times": "EROFS", "signal": "EPERM"}
RECEIVE = {"SysV key": "EPERM", "mq": "EPERM", "flock": "EPERM", "fcntl lock": "EPERM", "OFD lock": "EPERM", "lease": "EPERM",
           "dnotify": "EPERM", "inotify": "EPERM", "abstract socket": "EPERM", "vsock": "EPERM"}
# what any Linux host carries between two of its processes (the others need a module, a mount or a right of their own)
CARRIED_OUTSIDE = {"flock", "fcntl lock", "OFD lock", "inotify", "abstract socket", "shared mapping", "times", "signal"}
SHARED_FILE = "/usr/lib/python3.11/abc.py"  # one inode for every sandbox of the runtime


def setUpModule():
    executor_service.start()


class Channels(executor_service.HostCase):
    def test_N06_outside_of_a_sandbox_the_same_programs_carry_bits(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file")
            with open(path, "wb") as file:
                file.write(b"x" * 64)
            command = [sys.executable, "-c", PROGRAM]
            sides = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN)) for _ in range(2)]
            said = [None, None]

            def drive(index, role):
                said[index] = json.loads(sides[index].communicate(json.dumps([role, path, SECONDS, sides[1 - index].pid]) + "\n", 30 * executor_service.PATIENCE)[0])

            threads = [threading.Thread(target=drive, args=(n, role)) for n, role in enumerate(("receive", "send"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            subprocess.run(["ipcrm", "-M", "0x45584543"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            for left in ("/dev/shm/executor-channel", "/dev/mqueue/executor-channel"):
                if os.path.exists(left):
                    os.unlink(left)
        self.assertEqual(CARRIED_OUTSIDE - set(said[0]["arrived"]), set(), said)

    def test_N06_no_bit_goes_from_one_sandbox_to_the_other(self):
        jobs = [{"source": PROGRAM, "tests": [{"stdin": json.dumps([role, SHARED_FILE, SECONDS, 0]) + "\n"}]} for role in ("send", "receive")]
        results = [answers[0] for answers in executor_service.service.at_once(jobs)]
        self.assertEqual([(r["verdict"], r["stderr"]) for r in results], [("accepted", "")] * 2)
        send, receive = [json.loads(r["stdout"]) for r in results]
        self.assertGreater(min(send["end"], receive["end"]) - max(send["begin"], receive["begin"]), SECONDS / 2, "both alive at once")
        self.assertEqual((send["arrived"], receive["arrived"]), ({}, {}))
        self.assertEqual((send["why"], receive["why"]), (SEND, RECEIVE))
        self.assertLessEqual(set(SEND) | set(RECEIVE), set(CHANNELS))

    def test_N06_whoever_asks_for_a_keyring_is_ended(self):
        for call, source in (("add_key", "libc.syscall(248, b'user', b'bit', b'1', 1, -4)"), ("keyctl", "libc.syscall(250, 10, -4, b'user', b'bit', 0)"),
                             ("request_key", "libc.syscall(249, b'user', b'bit', 0, -4)")):
            with self.subTest(call):
                self.assert_violation("import ctypes\nlibc = ctypes.CDLL(None)\n" + source, call)


if __name__ == "__main__":
    must_run.main()
