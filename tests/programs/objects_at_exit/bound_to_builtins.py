"""What hangs onto a module of the start goes late, and is heard."""
import builtins
import sys


def told(name):
    try:
        yield
    finally:
        print("closed", name)


builtins.kept = told("builtins")
next(builtins.kept)
sys.kept = told("sys")
next(sys.kept)
sys.stdout.kept = told("stdout")
next(sys.stdout.kept)
del told
