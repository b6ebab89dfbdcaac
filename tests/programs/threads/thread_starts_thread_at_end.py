import threading
import time


def second():
    time.sleep(0.15)
    print("second ends")


def first():
    time.sleep(0.15)
    threading.Thread(target=second).start()
    print("first ends")


threading.Thread(target=first).start()
print("main ends")
