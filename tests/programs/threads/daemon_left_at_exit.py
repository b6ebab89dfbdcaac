import threading
import time


def work():
    print("thread starts")
    time.sleep(60)
    print("never")


threading.Thread(target=work, daemon=True).start()
time.sleep(0.15)
print("main ends")
