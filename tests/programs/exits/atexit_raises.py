import atexit


def bad():
    raise ValueError("in atexit")


atexit.register(print, "still called")
atexit.register(bad)
atexit.register(print, "first")
print("main")
