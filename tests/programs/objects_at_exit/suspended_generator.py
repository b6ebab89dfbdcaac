"""A generator that waits runs its finally block at the end; one in a list, in a closure, in a dictionary too."""


def numbers(name):
    try:
        yield 1
    finally:
        print("closed", name)


def holder():
    inner = numbers("closure")
    next(inner)
    return lambda: inner


plain = numbers("plain")
next(plain)
listed = [[numbers("list")]]
next(listed[0][0])
held = holder()
table = {"key": numbers("dictionary")}
next(table["key"])
never_started = numbers("never")
