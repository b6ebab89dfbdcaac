import weakref


class Thing:
    pass


first, second, third = Thing(), Thing(), Thing()
weakref.finalize(first, print, "first")
weakref.finalize(second, print, "second").atexit = False
finalizer = weakref.finalize(third, print, "third")
del third
print("alive", finalizer.alive)
