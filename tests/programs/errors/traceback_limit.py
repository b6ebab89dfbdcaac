import sys


def f(n):
    if n == 0:
        raise ValueError("deep")
    f(n - 1)


sys.tracebacklimit = 3
f(10)
