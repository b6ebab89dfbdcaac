"""What every attempt has at hand inside the sandbox; tests put it in front of their programs."""

PRELUDE = """
import ctypes, errno, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result

def attempt(function, *arguments, **named):
    try:
        result = function(*arguments, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno, 'OSError')
    except BaseException as error:
        return type(error).__name__
    return 'done' if result is None else result

"""

KILLED = ("wall_time_limit", "cpu_time_limit")


def program(source):
    return PRELUDE + source
