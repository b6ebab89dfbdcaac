"""Starts one program in a container and reports how it ended. The engine's init is process 1, this is its child.

It says on standard output that it is ready, and reads the hand-over from standard input: four bytes of length, most
significant first, then lists of byte strings (a count, then each with its length, all of four bytes): [nonce, seconds],
[filter or nothing], environment, arguments, paths, contents. What follows on standard input is the program's own.

The program is started as `python3 main.py` in /tmp, behind a further seccomp filter where one is given: the engine's must
let init and this file fork and execute, the program's need not. Numbers that are known only here stand in it as marks.
The last bytes on standard error are the report, behind the nonce, which no program sees: when they are written, this
process and init are alone in the container. SIGTERM ends the program; so does its time, should nobody ask any more.
"""

import ctypes
import os
import signal
import struct
import sys
import time

MARK_PID = 0x5EC0AB1E  # the program's process id
MARK_HIGH, MARK_LOW = 0x5EC0AB2E, 0x5EC0AB3E  # the address of the environment that execve may be called with
MAP_PRIVATE_ANONYMOUS, PROT_READ_WRITE, SYS_execve, SYS_mmap = 0x22, 3, 59, 9
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
HIERARCHY = "/sys/fs/cgroup/"
libc = ctypes.CDLL(None, use_errno=True)


def number(path, key=None):
    """A number in one of the container's cgroup files; 0 where there is none."""
    try:
        with open(HIERARCHY + path) as file:
            for line in file:
                words = line.split()
                if key is None or words[0] == key:
                    return int(words[-1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def cpu_time():
    """Nanoseconds that all of the container has used."""
    return number("cpuacct/cpuacct.usage") or number("cpu.stat", "usage_usec") * 1000


def memory_peak():
    return number("memory.peak") or number("memory/memory.max_usage_in_bytes")


def oom_kills():
    return number("memory.events", "oom_kill") or number("memory/memory.oom_control", "oom_kill")


def read(count):
    parts = []
    while count:
        part = os.read(0, min(count, 1 << 20))
        if not part:
            os._exit(0)  # whoever made this container is gone
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def hand_over():
    data, at, lists = read(struct.unpack(">I", read(4))[0]), 0, []
    while at < len(data):
        count, items = struct.unpack_from(">I", data, at)[0], []
        at += 4
        for _ in range(count):
            size = struct.unpack_from(">I", data, at)[0]
            items.append(data[at + 4:at + 4 + size])
            at += 4 + size
        lists.append(items)
    return lists


def write_file(path, content, mode):
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view):]
    os.close(fd)


def pointers(strings):
    """The strings as a list that execve takes, in pages of its own: its address is no other program's."""
    array = (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    page = libc.mmap(None, ctypes.sizeof(array), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
    if page in (None, ctypes.c_void_p(-1).value):
        raise MemoryError
    ctypes.memmove(page, array, ctypes.sizeof(array))
    return page, array


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def restrict(instructions, environment):
    """Loads the filter, with the numbers in the places of their marks."""
    values = {MARK_PID: os.getpid(), MARK_HIGH: environment >> 32, MARK_LOW: environment & 0xFFFFFFFF}
    found = set()
    patched = bytearray(instructions)
    for at in range(4, len(patched), 8):
        word = struct.unpack_from("=I", patched, at)[0]
        if word in values:
            struct.pack_into("=I", patched, at, values[word])
            found.add(word)
    if found != set(values):
        raise ValueError("marks of the filter")
    program = Program(len(patched) // 8, bytes(patched))
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "load filter")


def run_program(instructions, environment, arguments, failed):
    """The child, to its execve. What fails is told through `failed`."""
    try:
        os.setsid()
        for name in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        path = ctypes.c_char_p(os.fsencode(sys.executable))
        argv = (ctypes.c_char_p * (len(arguments) + 3))(b"python3", b"main.py", *arguments, None)
        address, kept = pointers(environment)
        if instructions:
            restrict(instructions[0], address)
        libc.syscall(ctypes.c_long(SYS_execve), path, argv, ctypes.c_void_p(address))
        raise OSError(ctypes.get_errno(), "execve")
    except BaseException as error:
        os.write(failed, repr(error).encode())
    finally:
        os._exit(127)


def wait_until_alone():
    """Ends everything but init and this process."""
    for _ in range(1000):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return
        except PermissionError:
            return
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass
        time.sleep(0.001)


def main():
    os.write(1, b"executor-ready:%020d\n" % cpu_time())
    (nonce, seconds), instructions, environment, arguments, paths, contents = hand_over()
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        os._exit(126)
    os.chdir("/tmp")
    for path, content in zip(paths, contents):
        write_file("/tmp/" + os.fsdecode(path), content, 0o644 if path == b"main.py" else 0o444)
    environment.append(b"PATH=" + os.fsencode(os.path.dirname(sys.executable)))
    reading, failed = os.pipe()
    pid = os.fork()
    if pid == 0:
        run_program(instructions, environment, arguments, failed)

    def stop(*_):
        os.kill(pid, signal.SIGKILL)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(seconds))
    os.close(failed)
    for fd in (0, 1):
        os.close(fd)
    failure = os.read(reading, 300)
    _, status, usage = os.wait4(pid, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.alarm(0)
    wait_until_alone()
    kind, value = (1, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (0, os.WEXITSTATUS(status))
    if failure:
        os.write(2, failure)
        kind = 2
    os.write(2, b"%s:%01d:%03d:%020d:%020d:%020d:%010d\n" % (nonce, kind, value, cpu_time(), memory_peak(), usage.ru_maxrss * 1024, oom_kills()))
    os._exit(0)


main()
