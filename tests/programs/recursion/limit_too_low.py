import sys


def deep(n):
    if n:
        deep(n - 1)
    else:
        sys.setrecursionlimit(20)


deep(50)
