# A limit set beyond what the stack of 8 MiB holds ends in a crash.
import sys

sys.setrecursionlimit(10**9)


class Deep:
    def __getattribute__(self, name):
        return getattr(self, name)


print("kept", flush=True)
Deep().x
