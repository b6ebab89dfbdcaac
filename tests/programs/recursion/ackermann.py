import functools
import sys

sys.setrecursionlimit(5000)


@functools.lru_cache(None)
def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


print(ackermann(2, 300))
