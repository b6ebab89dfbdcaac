"""Runs a program by the rootfs's own interpreter, with no service in between: what `python3 main.py` does.

The place is made like a sandbox as far as a program may notice it, and no further: a mount namespace with the
rootfs read-only, a tmpfs work directory, /dev/null; a PID namespace in which the program is pid 2; an empty network
namespace; user and group 65534; the same environment and resource limits. No filter, no cgroup.

    compare.py ── fork ─▶ builder (unshare, mounts) ── fork ─▶ pid 1 (waits, reports) ── fork ─▶ pid 2 (exec python3)

As root the ids are set directly; as an ordinary user a user namespace maps the caller to 65534. Single-threaded use.
"""

import ctypes
import hashlib
import os
import pickle
import resource
import selectors
import signal
import tempfile
import time
from pathlib import Path

from programs import Outcome

NOBODY = 65534
ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8", "PATH": "/usr/bin", "PYTHONHASHSEED": "0"}
LIMITS = {
    resource.RLIMIT_STACK: 8 << 20,
    resource.RLIMIT_CORE: int(resource.getrlimit(resource.RLIMIT_CORE)[1] != 0),
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_FSIZE: 16 << 20,
}
DEADLINE_SECONDS = 20

# <sched.h>, <sys/mount.h>, <sys/prctl.h>
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def check(what, result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, flags, data=""):
    check(
        f"mount {target}",
        libc.mount(os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode()),
    )


def enter_namespaces():
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC
    if os.geteuid() == 0:
        check("unshare", libc.unshare(flags))
    else:
        uid, gid = os.geteuid(), os.getegid()
        check("unshare", libc.unshare(flags | CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")
    mount("none", "/", "", MS_REC | MS_PRIVATE)


def locked_flags(path):
    """Mount flags that an inner user namespace must keep when it remounts."""
    return os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)


def build_root(rootfs, root, source):
    mount(rootfs, root, "", MS_BIND)
    mount("none", root, "", MS_REMOUNT | MS_BIND | MS_RDONLY | locked_flags(root))
    mount("tmpfs", f"{root}/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0755")
    Path(f"{root}/dev/null").touch()
    mount("/dev/null", f"{root}/dev/null", "", MS_BIND)
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, f"size=16m,mode=0755,uid={NOBODY},gid={NOBODY}")
    main = Path(f"{root}/tmp/main.py")
    main.write_bytes(source)
    os.chown(main, NOBODY, NOBODY)


def become_program(root, descriptors, args):
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    os.chroot(root)
    os.chdir("/tmp")
    os.umask(0o022)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    for which, value in LIMITS.items():
        resource.setrlimit(which, (value, value))
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.execve("/usr/bin/python3", ["python3", "main.py", *args], ENVIRONMENT)


def wait_as_init(root, descriptors, args, report):
    """Pid 1: starts the program as pid 2 and writes its wait status to `report`."""
    check("prctl", libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    child = os.fork()
    if child == 0:
        run_or_die(report, become_program, root, descriptors, args)
    for descriptor in descriptors:
        os.close(descriptor)
    while True:
        pid, status = os.wait()
        if pid == child:
            os.write(report, f"status {status}".encode())
            return


def run_or_die(report, function, *args):
    """The body of a forked child: `function`, then the end; a failure goes to `report` as text."""
    try:
        function(*args)
        os._exit(0)
    except BaseException as error:
        os.write(report, f"error {error}".encode())
        os._exit(1)


def build_and_wait(rootfs, root, program, descriptors, report):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    enter_namespaces()
    build_root(rootfs, root, program.source)
    init = os.fork()
    if init == 0:
        run_or_die(report, wait_as_init, root, descriptors, program.args, report)
    for descriptor in descriptors:
        os.close(descriptor)
    os.waitpid(init, 0)


def exchange(stdin, stdout, stderr, data):
    """Feeds `data` to `stdin` and reads the other two until both end; returns what they held."""
    held = {stdout: bytearray(), stderr: bytearray()}
    deadline = time.monotonic() + DEADLINE_SECONDS
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(stderr, selectors.EVENT_READ)
        os.set_blocking(stdin, False)
        selector.register(stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"the reference run did not end within {DEADLINE_SECONDS} s")
            for key, _ in ready:
                if key.fd == stdin:
                    try:
                        rest = rest[os.write(stdin, rest[:65536]) :] if rest else rest
                    except BrokenPipeError:
                        rest = rest[:0]
                    if not rest:
                        selector.unregister(stdin)
                        os.close(stdin)
                else:
                    chunk = os.read(key.fd, 65536)
                    held[key.fd] += chunk
                    if not chunk:
                        selector.unregister(key.fd)
    return bytes(held[stdout]), bytes(held[stderr])


def signal_name(number):
    realtime = number - signal.SIGRTMIN
    return f"SIGRTMIN+{realtime}" if realtime > 0 else signal.Signals(number).name


def describe(status):
    if os.WIFSIGNALED(status):
        return f"signal {signal_name(os.WTERMSIG(status))}"
    return f"exit {os.WEXITSTATUS(status)}"


class Remembered:
    """A reference that remembers what each program did, in files named by all that it depends on: this file, the root's
    manifest, the kernel, the program."""

    def __init__(self, reference, directory, manifest):
        self.reference = reference
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.place = hashlib.sha256(Path(__file__).read_bytes() + manifest + os.uname().release.encode()).digest()

    def run(self, program):
        key = hashlib.sha256(self.place)
        for part in (program.source, program.stdin, *map(os.fsencode, program.args)):
            key.update(len(part).to_bytes(8, "big") + part)
        file = self.directory / key.hexdigest()
        if file.exists():
            return pickle.loads(file.read_bytes())
        outcome = self.reference.run(program)
        own = file.with_suffix(f".{os.getpid()}")
        own.write_bytes(pickle.dumps(outcome))
        own.rename(file)
        return outcome


class Reference:
    """Runs programs one after the other under one rootfs. Raises OSError if the place cannot be made."""

    def __init__(self, rootfs):
        self.rootfs = str(rootfs)
        self.root = tempfile.mkdtemp(prefix="fidelity-")  # empty here; mounted over in the builders' namespaces

    def close(self):
        os.rmdir(self.root)

    def run(self, program):
        stdin, feed = os.pipe()
        stdout, out = os.pipe()
        stderr, err = os.pipe()
        report, tell = os.pipe()
        builder = os.fork()
        if builder == 0:
            for descriptor in (feed, stdout, stderr, report):
                os.close(descriptor)
            run_or_die(tell, build_and_wait, self.rootfs, self.root, program, (stdin, out, err), tell)
        for descriptor in (stdin, out, err, tell):
            os.close(descriptor)
        try:
            held = exchange(feed, stdout, stderr, program.stdin)
            told = os.read(report, 4096).decode()
        except BaseException:
            os.kill(builder, signal.SIGKILL)
            raise
        finally:
            os.waitpid(builder, 0)
            for descriptor in (stdout, stderr, report):
                os.close(descriptor)
        kind, _, value = told.partition(" ")
        if kind != "status":
            raise OSError(f"the reference place could not be made: {value or 'no status came'}")
        return Outcome(*held, describe(int(value)))
