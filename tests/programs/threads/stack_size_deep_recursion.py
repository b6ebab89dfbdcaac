import sys
import threading


def sum_to(n):
    return n + sum_to(n - 1) if n else 0


sys.setrecursionlimit(50000)
threading.stack_size(64 * 1024 * 1024)
thread = threading.Thread(target=lambda: print(sum_to(20000)))
thread.start()
thread.join()
