import os
import sys


def counted(stream, name):
    flush = getattr(stream, "flush")

    def call():
        flush()
        os.write(1, name)
    return call


sys.stdout.flush = counted(sys.stdout, b"stdout\n")
sys.stdout.buffer.flush = counted(sys.stdout.buffer, b"buffer\n")
print("hello")
