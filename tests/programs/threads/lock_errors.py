import threading

lock = threading.Lock()
print(lock.acquire(blocking=False), lock.acquire(blocking=False), lock.acquire(timeout=0.01))
lock.release()
recursive = threading.RLock()
with recursive, recursive:
    print("twice")
lock.release()
