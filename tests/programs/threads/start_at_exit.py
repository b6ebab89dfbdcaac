# A thread started while the interpreter leaves.
import atexit
import threading


def handler():
    thread = threading.Thread(target=print, args=("from a late thread",))
    thread.start()
    thread.join()


atexit.register(handler)
print("main")
