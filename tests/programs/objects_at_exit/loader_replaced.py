def g():
    try: yield
    finally: print("bye")
__loader__ = g()
next(__loader__)
