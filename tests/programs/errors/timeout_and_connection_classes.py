import errno

for number in (errno.ENOENT, errno.EPIPE, errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EEXIST, errno.EISDIR, errno.EAGAIN):
    print(type(OSError(number, "m")).__name__, OSError(number, "m", "f", None, "g"))
raise TimeoutError
