import threading
import time


class Thing:
    def __del__(self):
        print("del in", threading.current_thread().name)


def work(thing):
    time.sleep(0.15)
    print("thread done")


threading.Thread(target=work, args=(Thing(),), name="worker").start()
print("end of main")
