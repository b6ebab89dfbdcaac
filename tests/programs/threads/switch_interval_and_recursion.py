import sys
import threading

print(sys.getswitchinterval())


def depth(n=0):
    try:
        return depth(n + 1)
    except RecursionError:
        return n


results = []
thread = threading.Thread(target=lambda: results.append(depth()))
thread.start()
thread.join()
print(results)
