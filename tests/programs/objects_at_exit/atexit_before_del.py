import atexit
import weakref


class Thing:
    def __del__(self):
        print("del")


thing = Thing()
weakref.finalize(thing, print, "finalize")
atexit.register(print, "atexit")
print("end")
