# _thread: such a thread is not waited for, an exception in it is unraisable.
import _thread
import time

lock = _thread.allocate_lock()
lock.acquire()


def work():
    try:
        raise ValueError("low level")
    finally:
        lock.release()


_thread.start_new_thread(work, ())
lock.acquire()
time.sleep(0.15)
print("end")
