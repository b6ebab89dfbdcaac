import sys

sys.setrecursionlimit(20000)


def f(n):
    return 1 + f(n - 1) if n else 0


print(f(15000))
