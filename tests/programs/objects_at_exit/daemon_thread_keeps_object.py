import threading
import time


class Thing:
    def __del__(self):
        print("del")


def work(thing):
    time.sleep(100)


threading.Thread(target=work, args=(Thing(),), daemon=True).start()
time.sleep(0.15)
print("end of main")
