# sys.exit in the main thread waits for the others.
import sys
import threading
import time


def work():
    time.sleep(0.15)
    print("thread ends")


threading.Thread(target=work).start()
sys.exit(6)
