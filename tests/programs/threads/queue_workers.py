import queue
import threading

jobs, results = queue.Queue(), queue.Queue()


def worker():
    while (item := jobs.get()) is not None:
        results.put(item**2)
        jobs.task_done()


threads = [threading.Thread(target=worker) for _ in range(4)]
for thread in threads:
    thread.start()
for number in range(50):
    jobs.put(number)
jobs.join()
for _ in threads:
    jobs.put(None)
for thread in threads:
    thread.join()
print(sorted(results.queue))
