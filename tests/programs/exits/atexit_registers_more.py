import atexit


def first():
    print("first")
    atexit.register(print, "registered while leaving")


atexit.register(first)
