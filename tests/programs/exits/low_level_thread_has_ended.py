import _thread
import time

ended = []


def work():
    print("thread")
    ended.append(1)


_thread.start_new_thread(work, ())
while not ended:
    time.sleep(0.01)
time.sleep(0.05)
del ended, work, _thread, time
print("main")
