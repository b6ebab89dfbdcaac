import threading
import time


def work():
    time.sleep(0.15)
    print("thread ends after the traceback")


threading.Thread(target=work).start()
raise ValueError("in main")
