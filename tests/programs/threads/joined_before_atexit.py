import atexit
import threading
import time


def work():
    time.sleep(0.15)
    print("thread ends")


atexit.register(print, "atexit")
threading.Thread(target=work).start()
print("main ends")
