import atexit
import os
import sys


def handler():
    sys.stdout.flush()
    os.write(1, b"raw in atexit\n")
    print("print in atexit")


atexit.register(handler)
print("main")
