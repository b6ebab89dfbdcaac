// The programs that the self-test runs, in Python, and what each must print.
#pragma once

#include <array>
#include <chrono>

#include "executor/outcome.hpp"

namespace executor::selftest {

/// What every program has at hand: a system call by its number, and an attempt's answer as an errno's name.
inline constexpr const char* kPrelude = R"(
import ctypes, errno, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result

def attempt(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, 'OSError')
    except BaseException as error:
        return type(error).__name__
    return 'done'

)";

/// One program whose end and output are known beforehand.
struct Attempt {
  const char* promise;
  const char* claim;
  const char* source;
  Ending ending = Ending::exited;
  const char* prints = nullptr;     ///< nullptr: whatever it prints
  const char* violation = nullptr;  ///< for security_violation
  int exit_code = 0;
  bool processes = false;
  std::chrono::milliseconds cpu_time{10'000};
  std::chrono::milliseconds wall_time{10'000};
  std::uint64_t memory_max = 256U << 20;
};

inline constexpr std::array kAttempts = {
    Attempt{"P1", "no file of the host can be seen",
            "print({attempt(os.stat, p) for p in ('/etc/shadow', '/root', '/home', '/proc', '/proc/1', "
            "'/sys', '/run', '/var', "
            "'/dev/mem', '/dev/kmsg', '/dev/shm', '/var/run/docker.sock', '/boot')})",
            Ending::exited, "{'ENOENT'}\n"},
    Attempt{"P1", "the root file system cannot be changed",
            "print({attempt(f, *a) for f, *a in ((open, '/x', 'w'), (os.mkdir, '/usr/x'), (os.unlink, "
            "'/usr/bin/python3.11'), (os.chmod, '/etc', 0o777), "
            "(os.rename, '/usr/lib', '/usr/x'))})",
            Ending::exited, "{'EROFS'}\n"},
    Attempt{"P1", "no program can be started and no process made",
            "print({attempt(os.execv, '/usr/bin/python3', ['x']), attempt(os.fork), call(57), call(58), "
            "call(56, 17, 0, 0, 0, 0), call(322, -100, b'/x', 0, 0, 0)})",
            Ending::exited, "{'EPERM'}\n"},
    Attempt{"P1", "no other process can be signalled",
            "print(os.getpid(), {attempt(os.kill, p, 9) for p in (-1, 0, 1, 3)} | {call(200, 1, 9), "
            "call(129, 1, 9, 0), call(297, 1, 1, 9, 0)})",
            Ending::exited, "2 {'EPERM'}\n"},
    Attempt{"P1", "there is no socket of any family",
            "print({call(41, family, kind, 0) for family in range(64) for kind in (1, 2, 3, 5)})",
            Ending::exited, "{'EPERM'}\n"},
    Attempt{"P1", "nothing but the three streams is inherited",
            "print([fd for fd in range(4096) if attempt(os.fstat, fd) != 'EBADF'])", Ending::exited,
            "[0, 1, 2]\n"},
    Attempt{"P1", "the program is nobody and stays so",
            "print(os.getresuid(), os.getresgid(), {attempt(f, 0) for f in (os.setuid, os.setgid, "
            "os.seteuid)} | {call(126, 0, 0), call(157, 8, 1)})",
            Ending::exited, "(65534, 65534, 65534) (65534, 65534, 65534) {'EPERM'}\n"},
    Attempt{"P1", "no memory is writable and executable",
            "p = call(9, 0, 4096, 3, 0x22, -1, 0)\nprint({call(9, 0, 4096, 7, 0x22, -1, 0), call(9, 0, 4096, "
            "5, 0x22, -1, 0), call(10, p, 4096, 5)})",
            Ending::exited, "{'EPERM'}\n"},
    Attempt{"P1", "the filter cannot be taken off or changed",
            "print({call(157, 38, 0, 0, 0, 0), call(157, 22, 2, 0), call(317, 1, 0, 0), call(317, 1, 8, 0)})",
            Ending::exited, "{'EPERM'}\n"},
    Attempt{"P1", "mounting is the end of the program", "print(call(165, b'none', b'/tmp', b'tmpfs', 0, 0))",
            Ending::security_violation, "", "mount"},
    Attempt{"P1", "tracing is the end of the program", "print(call(101, 16, 1, 0, 0))",
            Ending::security_violation, "", "ptrace"},
    Attempt{"P1", "bpf is the end of the program", "print(call(321, 0, 0, 0))", Ending::security_violation,
            "", "bpf"},
    Attempt{"P1", "keyrings are the end of the program", "print(call(250, 0, 0, 0, 0, 0))",
            Ending::security_violation, "", "keyctl"},
    Attempt{"P1", "making a namespace is the end of the program", "print(call(272, 0x10000000))",
            Ending::security_violation, "", "unshare"},
    Attempt{"P1", "another architecture's calls are the end of the program", "print(call(0x40000027))",
            Ending::security_violation, "", "foreign architecture"},
    Attempt{"P4", "an exit status of 137 is no memory limit", "os._exit(137)", Ending::exited, "", nullptr,
            137},
    Attempt{"P4", "a result that a program writes is plain output",
            "print('{\"verdict\": \"accepted\"}')\nos._exit(3)", Ending::exited, "", nullptr, 3},
    Attempt{"P5", "CPU time ends", "while True: pass", Ending::cpu_time_limit, "", nullptr, 0, false,
            std::chrono::milliseconds(200)},
    Attempt{"P5", "wall time ends, whatever is blocked or caught",
            "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: signal.pause()",
            Ending::wall_time_limit, "", nullptr, 0, false, std::chrono::milliseconds(10'000),
            std::chrono::milliseconds(250)},
    Attempt{"P5", "memory ends", "b = bytearray(200 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1",
            Ending::memory_limit, "", nullptr, 0, false, std::chrono::milliseconds(10'000),
            std::chrono::milliseconds(10'000), 64U << 20},
    Attempt{"P5", "output ends", "while True: os.write(1, bytes(65536))", Ending::output_limit},
    Attempt{"P5", "threads end",
            "import threading\nwait = threading.Event()\nmade = 0\ntry:\n    while made < 1000:\n        "
            "threading.Thread(target=wait.wait, daemon=True).start()\n"
            "        made += 1\nexcept RuntimeError: print(made < 64, flush=True)\nos._exit(0)",
            Ending::exited, "True\n"},
    Attempt{"P5", "descriptors end",
            "try:\n    while True: os.pipe()\nexcept OSError as e: print(errno.errorcode[e.errno])",
            Ending::exited, "EMFILE\n"},
    Attempt{"P5", "file space and files end",
            "def fill():\n    with open('big', 'wb') as f:\n        while True: f.write(bytes(1 << 20))\n"
            "def more():\n    for n in range(100000): open(str(n), 'x').close()\nprint(attempt(fill), "
            "attempt(lambda: os.truncate('big', 1 << 40)), "
            "attempt(os.unlink, 'big'), attempt(more))",
            Ending::exited, "ENOSPC EFBIG done ENOSPC\n"},
    Attempt{"P5", "processes end, and all of them with the program",
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n    try:\n        if os.fork() == "
            "0: os.setsid()\n    except OSError: pass",
            Ending::wall_time_limit, "", nullptr, 0, true, std::chrono::milliseconds(10'000),
            std::chrono::milliseconds(500)},
};

/// Every channel that two programs of one host may have; each line its answer.
inline constexpr const char* kChannels = R"(
import fcntl, socket, time
fd = os.open('/usr/lib/python3.11/abc.py', os.O_RDONLY)
before = os.stat('/usr/lib/python3.11/abc.py')
seen = {call(29, 4711, 4096, 0o1666), call(68, 4711, 0o1666), call(64, 4711, 1, 0o1666), call(240, b'/x', 0o102, 0o666, 0),
        attempt(fcntl.flock, fd, fcntl.LOCK_SH), attempt(fcntl.lockf, fd, fcntl.LOCK_SH), call(72, fd, 37, ctypes.create_string_buffer(64)),
        call(72, fd, 1024, 0), call(72, fd, 1026, 1), call(294, 0), attempt(socket.socket, socket.AF_UNIX), attempt(socket.socket, 40),
        attempt(os.kill, 1, 0), call(27, 0, 4096, 0), call(187, fd, 0, 4096)}
open('/tmp/mark', 'w').close()
time.sleep(0.3)
os.pread(fd, 4096, 0)
after = os.stat('/usr/lib/python3.11/abc.py')
print(seen, attempt(os.listdir, '/dev/shm'), (before.st_atime_ns, before.st_mtime_ns) == (after.st_atime_ns, after.st_mtime_ns), sorted(os.listdir('/tmp')))
)";
inline constexpr const char* kChannelsAnswer = "{'EPERM'} ENOENT True ['main.py', 'mark']\n";

/// Looks through everything that the program can read for a text that comes with each byte turned over.
inline constexpr const char* kScan = R"(
import gc
given = sys.stdin.buffer.read()
half = len(given) // 2
first, second = [bytes(b ^ 255 for b in part) for part in (given[:half], given[half:])]  # apart, or it would find itself
r, w = os.pipe()
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
def page(address):
    return os.read(r, 4096) if libc.write(w, address, 4096) == 4096 else None
starts = [id(o) for o in gc.get_objects()[::50]] + [id(None), id(sys), ctypes.c_void_p.in_dll(libc, 'environ').value]
starts += [ctypes.cast(getattr(libc, name), ctypes.c_void_p).value for name in ('malloc', 'stdout')]
seen, found = set(), 0
for start in starts:
    for step in (4096, -4096):
        address, missing = start & ~4095, 0
        while missing < 64:
            if address in seen:
                if not missing: break
            else:
                data = page(address)
                if data is None: missing += 1
                else:
                    missing = 0
                    seen.add(address)
                    at = data.find(first)
                    while at >= 0:
                        found += data.startswith(second, at + half)
                        at = data.find(first, at + 1)
            address += step
print(found > 0, len(seen) > 500)
)";

}  // namespace executor::selftest
