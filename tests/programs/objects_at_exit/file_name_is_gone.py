import atexit
import threading
import time

atexit.register(lambda: print("at exit", "__file__" in globals(), "__cached__" in globals()))


def later():
    time.sleep(0.1)
    print("in a thread", "__file__" in globals())


threading.Thread(target=later).start()
print(__file__.rsplit("/", 1)[-1], __cached__)
