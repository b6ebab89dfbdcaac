import threading
import time


def second():
    time.sleep(0.02)
    print("second ends")


def first():
    time.sleep(0.02)
    threading.Thread(target=second).start()
    print("first ends")


threading.Thread(target=first).start()
print("main ends")
