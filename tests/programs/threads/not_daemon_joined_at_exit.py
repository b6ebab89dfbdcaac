import threading
import time


def work():
    for number in range(3):
        time.sleep(0.15)
        print("thread", number)


threading.Thread(target=work).start()
print("main ends")
