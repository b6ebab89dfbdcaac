import atexit
import sys


class Thing:
    def __del__(self):
        print("del")


thing = Thing()
atexit.register(print, "atexit")
sys.excepthook = lambda *details: print("hook")
print("main")
1 / 0
