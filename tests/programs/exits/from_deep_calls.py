# Leaving from deep inside calls, with blocks and loops.
import contextlib
import sys


@contextlib.contextmanager
def manager(name):
    try:
        yield
    finally:
        print("leave", name)


def deep(n):
    with manager(n):
        if n == 0:
            sys.exit("from the bottom")
        deep(n - 1)


deep(3)
