# Work handed to a pool is finished before the interpreter leaves.
import time
from concurrent.futures import ThreadPoolExecutor


def work(number):
    time.sleep(0.15)
    print("done", number)


pool = ThreadPoolExecutor(1)
for number in range(3):
    pool.submit(work, number)
print("main ends")
